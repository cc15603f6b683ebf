// Characters that are not seen or that turn the direction of a text, written out. Pure.

// Control characters but tab and line breaks; marks, embeddings, overrides and isolates of direction.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with `⟨U+202E⟩` in the place of each such character. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}
