"""Follows every link of the book as mdBook built it: to a file that is there, and to an id in it. Without a network.

Usage: links.py FOLDER
Exit code 1, with a list, where one leads nowhere. `tests/it/book.rs` follows the same links in the sources: this one
knows nothing of how mdBook names headings.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Ids and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            elif name in ("href", "src") and tag in ("a", "img") and value:
                self.links.append(value)


def fault(pages, path, link):
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        return "no such id"
    return None


def main(folder):
    # The error page is served at any address; the contents are made by a script.
    left_out = {"404.html", "toc.html"}
    paths = [path.resolve() for path in Path(folder).rglob("*.html") if path.name not in left_out]
    pages = {path: Page(path.read_text()) for path in paths}
    links = [(path, link) for path, page in pages.items() for link in page.links]
    faults = [(path, link, why) for path, link in links if (why := fault(pages, path, link))]
    for path, link, why in faults:
        print(f"{path.name}: {link}: {why}", file=sys.stderr)
    assert len(pages) > 25 and len(links) > 400, f"{len(pages)} pages, {len(links)} links"
    print(f"the book: {len(pages)} pages, {len(links)} links, {len(faults)} lead nowhere")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
