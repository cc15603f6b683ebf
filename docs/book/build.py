#!/usr/bin/env python3
"""Builds the documentation as a book into target/book/html and checks every link in it.

The pages stay where they are and link to each other as files of the repository. This script copies their layout, so that the
same links work in the book. A page that is missing from SUMMARY.md, and a link to a file or a heading that does not exist,
is reported on a line of its own and ends the script with exit code 1.
"""

import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BOOK = ROOT / "target" / "book"
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def pages():
    """The pages, as paths from the root: documentation for people, without the notes next to the code."""
    places = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "infra" / "README.md"]
    return sorted(page.relative_to(ROOT) for page in places if HERE not in page.parents)


def summary():
    """SUMMARY.md with the decisions below their heading, in order."""
    decisions = []
    for page in pages():
        if page.parent.name == "decisions" and page.name != "README.md":
            title = (ROOT / page).read_text().split("\n", 1)[0].removeprefix("# ")
            decisions.append(f"  - [{title}]({page.as_posix()})")
    heading = "- [Decisions](docs/decisions/README.md)"
    text = (HERE / "SUMMARY.md").read_text().replace(heading, "\n".join([heading, *decisions]))
    # Benchmarks are written by a measurement. A page that was renamed is found as one that is not listed.
    gone = [target for _, target in LINK.findall(text) if not (ROOT / target).exists()]
    for target in gone:
        print(f"left out, because it does not exist: {target}")
    return "\n".join(line for line in text.split("\n") if not any(f"({target})" in line for target in gone))


def for_the_book(page, listed, faults):
    """The text of a page: links to other pages unchanged, links to code as plain text, because the book contains no code."""

    def linked(match):
        text, target = match.groups()
        url = urllib.parse.urlsplit(target)
        if url.scheme or not url.path:
            return match.group(0)
        path = pathlib.Path(os.path.normpath(page.parent / urllib.parse.unquote(url.path)))
        if not (ROOT / path).exists():
            faults.append(f"{page}: {target} does not exist")
        if path / "README.md" in listed:
            path, target = path / "README.md", target.rstrip("/") + "/README.md"
        if path in listed:
            # mdBook makes an index.html of every README.md.
            return f"[{text}]({re.sub(r'README[.]md', 'index.md', target)})"
        return text if path.name in text else f"{text} (`{path.as_posix()}`)"

    parts = FENCE.split((ROOT / page).read_text())
    return "".join(part if part.startswith("```") else LINK.sub(linked, part) for part in parts)


class Page(html.parser.HTMLParser):
    """The links of a page of the book, and the anchors it contains."""

    def __init__(self, text):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.names.update(value for name, value in attrs if name in ("id", "name") and value)
        self.links.extend(attributes[name] for name in ("href", "src") if attributes.get(name))


def broken(output):
    """A line for every broken link within the book. Links to other sites are not checked."""
    read = {path.resolve(): Page(path.read_text()) for path in output.rglob("*.html")}
    for path, page in sorted(read.items()):
        if path.name in ("404.html", "toc.html"):
            continue
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                yield f"{path.relative_to(output)}: {link} leads nowhere"
            elif url.fragment and target in read and urllib.parse.unquote(url.fragment) not in read[target].names:
                yield f"{path.relative_to(output)}: {link} names no heading"


def main():
    faults = []
    contents = summary()
    listed = {pathlib.Path(target) for _, target in LINK.findall(contents)}
    faults += [f"{page} is not in docs/book/SUMMARY.md" for page in pages() if page not in listed]
    shutil.rmtree(BOOK, ignore_errors=True)
    source = BOOK / "src"
    for page in sorted(listed.intersection(pages())):
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        (source / page).write_text(for_the_book(page, listed, faults))
    (source / "SUMMARY.md").write_text(contents)
    for picture in ROOT.glob("docs/**/*.svg"):
        (source / picture.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, source / picture.relative_to(ROOT))
    shutil.copy(HERE / "book.toml", BOOK)
    if not faults:
        subprocess.run(["mdbook", "build", str(BOOK)], check=True)
        output = (BOOK / "html").resolve()
        faults += broken(output)
        print(f"{len(listed)} pages in {output / 'index.html'}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
