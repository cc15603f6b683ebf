// Files that the page makes for its reader.

/** A name of letters, digits, points, lines and underlines; parts that are missing are left out. */
export function fileName(parts: readonly (string | undefined)[], ending: string): string {
  const named = parts.filter((part) => part !== undefined && part !== "").map((part) => (part as string).replace(/[^A-Za-z0-9._-]+/g, "-"));
  return `${named.join("-").slice(0, 100)}.${ending}`;
}

/** Gives a text to the reader as a file. */
export function download(parts: readonly (string | undefined)[], ending: string, text: string | readonly string[], type: string): void {
  const url = URL.createObjectURL(new Blob(typeof text === "string" ? [text] : [...text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName(parts, ending);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
