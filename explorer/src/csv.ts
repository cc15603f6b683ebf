// CSV as spreadsheets read it (RFC 4180). Pure; no cell is taken for a formula.

function cell(value: string | undefined): string {
  if (value === undefined) return "";
  const guarded = /^[=+\-@\t\r']/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** A file with a header and rows. */
export function csv(header: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
