// A text that is folded to three lines, and shown whole at a press.

import { useState } from "preact/hooks";
import { count } from "../state";
import { visible } from "../visible";

const LONG = 160;

export function LongText({ text }: { readonly text: string }) {
  const [isAll, setAll] = useState(false);
  const characters = text.length > LONG ? Array.from(text).length : 0;
  if (characters <= LONG && text.split("\n").length <= 3) return <span class="long">{visible(text)}</span>;
  return (
    <>
      <div class={isAll ? "long" : "long folded"}>{visible(text)}</div>
      <button type="button" class="as-link" aria-expanded={isAll} onClick={() => setAll(!isAll)}>
        {isAll ? "show less" : `show all ${count(characters || text.length)} characters`}
      </button>
    </>
  );
}
