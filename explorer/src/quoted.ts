// Texts in lines for a terminal. Pure.

/** A text in quotes, for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
