"""Reading: what a page says to somebody who hears it, and what is wrong with it for them."""

from html.parser import HTMLParser
from itertools import pairwise

_FIELDS = ("input", "select", "textarea")
_SILENT = ("hidden", "submit")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.fields: list[str] = []
        self.headings: list[int] = []
        self.described: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what has an id, what is labelled by it, and the levels of headings."""
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("aria-labelledby", "aria-describedby"):
            self.described += given.get(name, "").split()
        if tag == "label":
            self.labels.append(given.get("for", ""))
        if tag in _FIELDS and given.get("type") not in _SILENT:
            self.fields.append(given.get("id", ""))
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if tag == "a" and given.get("href", "").startswith("#"):
            self.anchors.append(given["href"][1:])


def faults(html: str) -> list[str]:
    """Return what is wrong with a page: labels, ids, headings, and links to places that are not there."""
    page = _Page()
    page.feed(html)
    found = [f"two of id {id}" for id in {id for id in page.ids if page.ids.count(id) > 1}]
    found += [f"field {id} without a label" for id in page.fields if id not in page.labels]
    found += [f"label for nothing: {id}" for id in page.labels if id not in page.ids]
    found += [f"described by nothing: {id}" for id in page.described if id not in page.ids]
    found += [f"link to nothing: #{id}" for id in page.anchors if id not in page.ids]
    if page.headings.count(1) != 1:
        found.append(f"{page.headings.count(1)} headings of the first level")
    levels = [0, *page.headings[page.headings.index(1) :]] if 1 in page.headings else []
    found += [f"from heading {above} to {below}" for above, below in pairwise(levels) if below > above + 1]
    return found
