"""A file of activities is read node after node, within bounds, and nothing is fetched or expanded.

The bounds hold for any file, whatever is in it: a declaration of a document type ends the reading before
anything that it declares can be used, and an activity is forgotten once it was handed on.
"""

from collections.abc import Iterator
from typing import IO, Final
from xml.parsers import expat

from lxml import etree

from appraisal.errors import AppraisalError
from appraisal.iati.rules.drafts import VERSION, Node, Wrong, shown
from appraisal.language.texts import N_

MOST_BYTES: Final = 200 * 1024 * 1024
MOST_ELEMENTS: Final = 50_000
_PIECE: Final = 1 << 16
# What may stand before the first element: a declaration and some comments.
_MOST_BEFORE: Final = 1 << 20
_ROOT: Final = "iati-activities"
_ACTIVITY: Final = "iati-activity"


class Unreadable(AppraisalError):
    """A file is no file of activities, or is not whole; carries what is wrong and where."""

    def __init__(self, wrong: Wrong) -> None:
        self.wrong = wrong
        super().__init__(f"{wrong.line}: {wrong.sentence % dict(wrong.facts)}")


def _refuse(line: int, path: str, sentence: str, activity: str = "", **facts: object) -> Unreadable:
    return Unreadable(Wrong(line, activity, path, sentence, facts))


def is_activity(node: Node) -> bool:
    """Tell whether a node is an activity."""
    return node.name == _ACTIVITY


def nodes(file: IO[bytes]) -> Iterator[Node]:
    """Yield what the root of a file holds, activities and whatever else; raises ``Unreadable``.

    The file is read from its beginning, and has to allow for going back there. Comments and processing
    instructions count for nothing.
    """
    file.seek(0)
    _check_prologue(file)
    file.seek(0)
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    size, walk = 0, _Walk()
    try:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MOST_BYTES:
                sentence = N_("the file has more than %(limit)s MB")
                raise _refuse(walk.line, "", sentence, limit=MOST_BYTES // (1024 * 1024))
            parser.feed(piece)
            yield from walk.over(parser)
        parser.close()
        yield from walk.over(parser)
    except etree.XMLSyntaxError as error:
        # The first thing that was wrong; the error may speak of what came of it.
        first = next(iter(parser.feed_error_log), None)
        line, reason = (first.line, first.message) if first else (error.lineno, error.msg)
        raise _not_whole(line or 1, str(reason)) from None


def _not_whole(line: int, reason: str) -> Unreadable:
    sentence = N_("the file is no XML, or not whole: %(reason)s")
    return _refuse(line, "", sentence, reason=shown(reason))


class _Walk:
    """The way through a file: where it is, and how much of an activity it has seen."""

    def __init__(self) -> None:
        self.line = 1
        self.depth = 0
        self.count = 0

    def over(self, parser: etree.XMLPullParser) -> Iterator[Node]:
        """Go on over what was parsed since, and yield what is whole."""
        for event, element in parser.read_events():
            self.line = element.sourceline or self.line
            if event == "start":
                self._enter(element)
            else:
                self.depth -= 1
                if self.depth == 1:
                    yield from self._leave(element)

    def _enter(self, element: etree._Element) -> None:
        self.depth += 1
        if self.depth == 1:
            _check_root(element)
        self.count = self.count + 1 if self.depth > 1 else 0
        if self.count > MOST_ELEMENTS:
            sentence = N_("one activity has more than %(limit)s elements")
            raise _refuse(self.line, _ACTIVITY, sentence, limit=MOST_ELEMENTS)

    def _leave(self, element: etree._Element) -> Iterator[Node]:
        yield _node(element)
        self.count = 0
        # Not the element itself: the parser still stands at its end.
        element.clear(keep_tail=False)
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]


def _check_prologue(file: IO[bytes]) -> None:
    """Read up to the first element, and refuse a document type before it counts for anything."""

    class _Begun(Exception):
        pass

    def refuse(*_: object) -> None:
        sentence = N_("the file declares a document type or entities, which no file of activities needs")
        raise _refuse(parser.CurrentLineNumber, "DOCTYPE", sentence)

    def begin(*_: object) -> None:
        raise _Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    size = 0
    try:
        while (piece := file.read(_PIECE)) and size <= _MOST_BEFORE:
            size += len(piece)
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except _Begun:
        return
    except (expat.ExpatError, LookupError, ValueError) as error:
        reason = str(error).partition(": line ")[0]
        raise _not_whole(getattr(error, "lineno", 1), reason) from None


def _check_root(root: etree._Element) -> None:
    line = root.sourceline or 1
    if root.getroottree().docinfo.internalDTD is not None:
        sentence = N_("the file declares a document type or entities, which no file of activities needs")
        raise _refuse(line, "DOCTYPE", sentence)
    if root.tag != _ROOT:
        sentence = N_("the file begins with “%(name)s”, not with “%(wanted)s”")
        raise _refuse(line, "", sentence, name=shown(str(root.tag)), wanted=_ROOT)
    version = root.get("version", "").strip()
    if version != VERSION:
        sentence = N_("the file is of version “%(version)s” of the standard, not of %(wanted)s")
        raise _refuse(line, f"{_ROOT}/@version", sentence, version=shown(version), wanted=VERSION)


def _node(element: etree._Element) -> Node:
    parts = tuple(_node(part) for part in element if isinstance(part.tag, str))
    given = {str(name): str(value) for name, value in element.attrib.items()}
    return Node(str(element.tag), given, str(element.text or ""), parts, element.sourceline or 1)
