// A link to a view: an address that can be copied, opened here without loading the page again.

import type { ComponentChildren } from "preact";
import { go } from "../state";
import { format, type View } from "../url";

interface Props {
  readonly to: View;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly title?: string;
  readonly "aria-current"?: "page";
  readonly "aria-label"?: string;
}

export function Link({ to, children, ...rest }: Props) {
  const follow = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={format(to)} onClick={follow}>
      {children}
    </a>
  );
}
