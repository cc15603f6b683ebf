// The runbook that the ledger serves: docs/operations.md as a page without scripts. It knows the forms of Markdown that that file
// uses, and refuses others, so that nothing is left out unseen.

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

/** The sections that neither an alarm nor Health leads to: what is planned in peace, not needed in trouble. */
const LEFT_OUT = ["A deployment that was stopped", "Changes of a deployment", "Old data directories", "Moving a log", "Key rotation", "The key of the log", "Time limits"];

/** The anchor that a heading has on the page and, by the same rule, in a repository that is read on the web. */
export function anchor(heading) {
  return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replace(/ /g, "-");
}

/** Text with code, links, bold and italics. */
function inline(text) {
  const parts = text.split(/(`[^`]+`)/);
  return parts.map((part, index) => (index % 2 === 1 ? `<code>${escaped(part.slice(1, -1))}</code>` : marked(part))).join("");
}

function marked(text) {
  const pattern = /\[([^\]]*)\]\(([^)]+)\)|\*\*([^*]+)\*\*|\*([^*]+)\*/g;
  let html = "";
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    html += escaped(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [, words, target, bold, italic] = found;
    if (words !== undefined) html += link(words, target);
    else html += bold !== undefined ? `<strong>${marked(bold)}</strong>` : `<em>${marked(italic)}</em>`;
  }
  return html + escaped(text.slice(from));
}

/** A link within the page; another page of the documentation is not served here, so it is named. */
function link(words, target) {
  if (target.startsWith("#")) return `<a href="${escaped(target)}">${escaped(words)}</a>`;
  const path = target.replace(/#.*$/, "");
  if (/^[a-z]+:/.test(path)) throw new Error(`the runbook links to another server: ${target}`);
  const name = path.startsWith("../") ? path.slice(3) : `docs/${path}`;
  return `${escaped(words)} (<code>${escaped(name)}</code>)`;
}

const ITEM = /^( *)(\d+\.|-) (.*)$/;

/** A list from a line on, with what is indented below its items; gives its markup and the line behind it. */
function list(lines, start) {
  const [, indent, mark] = ITEM.exec(lines[start]);
  const tag = mark === "-" ? "ul" : "ol";
  let html = `<${tag}>`;
  let at = start;
  while (at < lines.length) {
    const found = ITEM.exec(lines[at]);
    if (!found || found[1].length !== indent.length || (found[2] === "-") !== (mark === "-")) break;
    const words = [found[3]];
    let below = "";
    at += 1;
    while (at < lines.length && lines[at] !== "") {
      const nested = ITEM.exec(lines[at]);
      if (nested && nested[1].length <= indent.length) break;
      if (nested) {
        const [inner, behind] = list(lines, at);
        below += inner;
        at = behind;
      } else if (lines[at].startsWith(`${indent}  `)) {
        words.push(lines[at].trim());
        at += 1;
      } else {
        break;
      }
    }
    html += `<li>${inline(words.join(" "))}${below}`;
  }
  return [`${html}</${tag}>`, at];
}

function cells(line) {
  return line.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

/** A table; the first cell of a row names it. End tags that HTML does not ask for are left out, here and in lists. */
function table(rows) {
  const [head, , ...body] = rows.map(cells);
  const row = (line) => `<tr><th scope="row">${inline(line[0])}${line.slice(1).map((cell) => `<td>${inline(cell)}`).join("")}`;
  const columns = head.map((cell) => `<th scope="col">${inline(cell)}`).join("");
  return `<div class="scroll-x" tabindex="0" role="region" aria-label="${escaped(head[0])}"><table><thead><tr>${columns}<tbody>${body.map(row).join("")}</table></div>`;
}

/** The markup of a text in Markdown. */
export function markup(text) {
  const lines = text.split("\n");
  const html = [];
  const anchors = new Set();
  let at = 0;
  const block = (belongs) => {
    const from = at;
    while (at < lines.length && belongs(lines[at])) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,3}) (.+)$/.exec(line);
    if (line === "") {
      at += 1;
    } else if (heading) {
      const name = anchor(heading[2]);
      if (anchors.has(name)) throw new Error(`two headings of the runbook have the anchor ${name}`);
      anchors.add(name);
      html.push(`<h${heading[1].length} id="${name}">${inline(heading[2])}</h${heading[1].length}>`);
      at += 1;
    } else if (line.startsWith("```")) {
      at += 1;
      const code = block((one) => !one.startsWith("```"));
      at += 1;
      html.push(`<pre tabindex="0">${escaped(code.join("\n"))}</pre>`);
    } else if (line.startsWith("|")) {
      html.push(table(block((one) => one.startsWith("|"))));
    } else if (ITEM.test(line)) {
      const [inner, behind] = list(lines, at);
      html.push(inner);
      at = behind;
    } else if (/^[>#]|^ {2,}|^(-{3,}|\*{3,}|!\[)/.test(line)) {
      throw new Error(`the runbook has a line of an unknown form: ${line}`);
    } else {
      html.push(`<p>${inline(block((one) => one !== "" && !/^(#|```|\|)/.test(one)).join(" "))}</p>`);
    }
  }
  const page = html.join("\n");
  for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) {
    if (!anchors.has(target)) throw new Error(`the runbook links to #${target}, which it does not have`);
  }
  return page;
}

/** The text without the sections that are left out. */
export function procedures(text) {
  const sections = text.split(/^(?=##)/m);
  return sections.filter((section) => !LEFT_OUT.includes(section.split("\n")[0].replace(/^#+ /, ""))).join("");
}

/** The page, with its stylesheet, which is beside it. */
export function runbook(text, style) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Runbook · Product ledger</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${style}">
</head>
<body>
<header class="top"><a class="brand" href="../#/health">Product ledger: Health</a></header>
<main class="page text runbook">
${markup(procedures(text))}
</main>
</body>
</html>
`;
}
