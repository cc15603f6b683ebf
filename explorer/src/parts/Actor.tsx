// Somebody by name, where one is known; what is recorded stands in the tip, and on paper beside the name.

import { names } from "../people";

export function Actor({ of }: { readonly of: string }) {
  const name = names.value.get(of);
  if (name === undefined) return <bdi>{of}</bdi>;
  return (
    <bdi title={of}>
      {name}
      <span class="recorded-as"> ({of})</span>
    </bdi>
  );
}
