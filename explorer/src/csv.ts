// CSV as spreadsheets read it (RFC 4180). Pure; no text is taken for a formula.

/** Columns of ids and hashes, which are written as they are. */
const BARE = new Set(["product_id", "commit_id", "hash"]);

function cell(value: string | undefined, isText: boolean): string {
  if (value === undefined) return "";
  const guarded = isText && /^[=+\-@\t\r']/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** Rows below a header that is already there. */
export function rowsOf(header: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  const isText = header.map((name) => !BARE.has(name));
  return rows.map((row) => `${row.map((value, index) => cell(value, isText[index] !== false)).join(",")}\r\n`).join("");
}

/** A file with a header and rows. */
export function csv(header: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  return rowsOf(header, [header]) + rowsOf(header, rows);
}

/** The records of a table, its header the first of them; fails if the last one is cut off. */
export function records(text: string): string[][] {
  const found: string[][] = [];
  const bare = /[^,\r\n]*/y;
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    let value = "";
    if (text[at] === '"') {
      const parts: string[] = [];
      do {
        const end = text.indexOf('"', at + 1);
        if (end < 0) throw new Error("The table is cut off.");
        parts.push(text.slice(at + 1, end));
        at = end + 1;
      } while (text[at] === '"');
      value = parts.join('"');
    } else {
      bare.lastIndex = at;
      value = bare.exec(text)?.[0] ?? "";
      at += value.length;
    }
    row.push(value);
    if (text[at] === ",") at += 1;
    else if (text.startsWith("\r\n", at)) {
      at += 2;
      found.push(row);
      row = [];
    } else throw new Error("The table is cut off.");
  }
  if (row.length > 0) throw new Error("The table is cut off.");
  return found;
}

/** A text of a table without the apostrophe that keeps spreadsheets from running it. */
export function unguarded(value: string): string {
  return /^'[=+\-@\t\r']/.test(value) ? value.slice(1) : value;
}
