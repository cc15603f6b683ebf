// A text that is folded to three lines, and shown whole at a press.

import { useState } from "preact/hooks";
import { count } from "../state";
import { visible } from "../visible";

const LONG = 160;

/** `mark`: whether the text came or went. */
export function LongText({ text, mark: Mark = "span" }: { readonly text: string; readonly mark?: "span" | "ins" | "del" }) {
  const [isAll, setAll] = useState(false);
  const characters = Array.from(text).length;
  if (characters <= LONG && text.split("\n").length <= 3) return <Mark class="long">{visible(text)}</Mark>;
  return (
    <>
      <div class={isAll ? "long" : "long folded"}>
        <Mark>{visible(text)}</Mark>
      </div>
      <button type="button" class="as-link" aria-expanded={isAll} onClick={() => setAll(!isAll)}>
        {isAll ? "show less" : `show all ${count(characters)} characters`}
      </button>
    </>
  );
}
