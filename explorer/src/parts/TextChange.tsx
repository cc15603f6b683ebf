// How a long text was changed: the words that went and came, with what stands around them.

import { around, diff, type Part } from "../diff";
import { visible } from "../visible";

function Words({ parts }: { readonly parts: readonly Part[] }) {
  return (
    <>
      {parts.map((part, index) => {
        const text = visible(part.text);
        return part.kind === "old" ? <del key={index}>{text}</del> : part.kind === "new" ? <ins key={index}>{text}</ins> : <span key={index}>{text}</span>;
      })}
    </>
  );
}

export function TextChange({ before, after }: { readonly before: string; readonly after: string }) {
  const parts = diff(before, after);
  if (parts !== undefined) {
    return (
      <div class="text-change wrap" dir="auto">
        <Words parts={around(parts)} />
      </div>
    );
  }
  return (
    <div class="both" tabIndex={0} role="region" aria-label="The text before and after">
      <del dir="auto">{visible(before)}</del>
      <ins dir="auto">{visible(after)}</ins>
    </div>
  );
}
