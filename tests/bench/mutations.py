"""Mutations: small changes of meaning that a mistake could make, one at a time, in the text of a module.

Only bodies of functions are changed. Assertions, annotations, sentences and ``__post_init__`` stay as they
are, since nothing that a user relies on is decided there.
"""

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

_COMPARISONS: Final[Mapping[str, str]] = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}
_COMPARISON: Final = re.compile(rb"not\s+in\b|is\s+not\b|==|!=|<=|>=|<|>|\bin\b|\bis\b")
# Calls in which nothing decides: types, sentences and checks of the code itself.
_SILENT: Final = frozenset({"N_", "_", "cast", "isinstance", "assert_never", "token_urlsafe"})
# A bare call of one of these raises a refusal, or adds one to a list.
_CHECKING: Final = re.compile(r"^_?(check|require|refuse|forbid|ensure)")
_REFUSING: Final = frozenset({"refuse", "Refusal"})
_EMPTY: Final[Mapping[str, str]] = {
    "str": '""',
    "bytes": 'b""',
    "list": "[]",
    "Sequence": "()",
    "tuple": "()",
    "Collection": "()",
    "set": "set()",
    "frozenset": "frozenset()",
    "dict": "{}",
    "Mapping": "{}",
}
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class Mutation:
    """A replacement of some bytes of a module, and the line of the statement in which they stand."""

    operator: str
    start: int
    end: int
    text: bytes
    statement: int


@dataclass(frozen=True, slots=True)
class Change:
    """A mutation as whole lines of text that stand once in the module."""

    operator: str
    line: int
    old: str
    new: str


def find_mutations(source: bytes) -> list[Mutation]:
    """Return every mutation of a module that still parses."""
    found = _Finder(source)
    found.visit(ast.parse(source))
    return [entry for entry in found.mutations if _parses(_applied(source, entry))]


def change_of(source: bytes, mutation: Mutation) -> Change:
    """Write a mutation as lines, with as many before them as make them unique."""
    first = source.rfind(b"\n", 0, mutation.start) + 1
    last = source.find(b"\n", mutation.end)
    whole = source.decode()
    while True:
        old = source[first:last].decode()
        if f"\n{whole}".count(f"\n{old}\n") == 1:
            break
        first = source.rfind(b"\n", 0, first - 1) + 1
    new = (source[first : mutation.start] + mutation.text + source[mutation.end : last]).decode()
    return Change(mutation.operator, source.count(b"\n", 0, mutation.start) + 1, old, new)


def draw(folder: Path, files: Sequence[str], seed: int, count: int, most: int) -> list[tuple[str, Change]]:
    """Draw changes: more from modules in which more can be changed, and as many of each operator."""
    sources = {file: (folder / file).read_bytes() for file in files}
    open_ = {file: find_mutations(source) for file, source in sources.items()}
    shares = _shares({file: len(entries) for file, entries in open_.items()}, count, most)
    used: Counter[str] = Counter()
    drawn: list[tuple[str, Mutation]] = []
    # One a module at a time, so that the first module does not take the rare operators.
    for turn in range(most):
        for file in files:
            if shares[file] <= turn or not open_[file]:
                continue
            dice = Random(f"{seed} {file} {turn}")
            least = min(used[entry.operator] for entry in open_[file])
            chosen = dice.choice([entry for entry in open_[file] if used[entry.operator] == least])
            used[chosen.operator] += 1
            drawn.append((file, chosen))
            open_[file] = [entry for entry in open_[file] if entry.statement != chosen.statement]
    changes = [(file, change_of(sources[file], entry)) for file, entry in drawn]
    order = {file: place for place, file in enumerate(files)}
    return sorted(changes, key=lambda entry: (order[entry[0]], entry[1].line))


def with_notes(source: str, places: Mapping[str, int]) -> str:
    """Return a module in which the statement at each offset calls ``builtins.reached`` with its name."""
    tree = ast.parse(source)
    notes: dict[ast.stmt, list[ast.stmt]] = {}
    for name, offset in places.items():
        call = f"getattr(__import__('builtins'), 'reached', len)({name!r})"
        notes.setdefault(_statement(tree, source.count("\n", 0, offset) + 1), []).extend(ast.parse(call).body)
    for node in list(ast.walk(tree)):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, [entry for inner in block for entry in (*notes.get(inner, ()), inner)])
    return ast.unparse(tree)


def _statement(tree: ast.Module, line: int) -> ast.stmt:
    """Return the innermost statement at a line; of a function, the first of its body."""
    inner: ast.stmt | None = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or not node.lineno <= line <= (node.end_lineno or node.lineno):
            continue
        if inner is None or node.lineno >= inner.lineno:
            inner = node
    assert inner is not None
    return inner.body[0] if isinstance(inner, ast.FunctionDef) else inner


def _shares(sizes: Mapping[str, int], count: int, most: int) -> dict[str, int]:
    shares = {file: min(1, size) for file, size in sizes.items()}
    while sum(shares.values()) < count:
        free = [file for file in sizes if shares[file] < min(most, sizes[file])]
        if not free:
            break
        shares[max(free, key=lambda file: (sizes[file] / (shares[file] + 1), file))] += 1
    return shares


def _applied(source: bytes, mutation: Mutation) -> bytes:
    return source[: mutation.start] + mutation.text + source[mutation.end :]


def _parses(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes) -> None:
        self.mutations: list[Mutation] = []
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._functions: list[ast.FunctionDef] = []
        self._statement = 0

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def _add(self, operator: str, start: int, end: int, text: bytes) -> None:
        if self._functions and self._source[start:end] != text:
            self.mutations.append(Mutation(operator, start, end, text, self._statement))

    def _replace(self, operator: str, node: ast.expr | ast.stmt, text: str) -> None:
        self._add(operator, self._start(node), self._end(node), text.encode())

    def visit(self, node: ast.AST) -> None:
        """Remember the statement, and go on."""
        if isinstance(node, ast.stmt):
            before, self._statement = self._statement, node.lineno
            super().visit(node)
            self._statement = before
        else:
            super().visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Change what a function does, not what it takes."""
        if node.name == "__post_init__":
            return
        self._functions.append(node)
        for statement in node.body:
            self.visit(statement)
        self._functions.pop()

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave assertions: they tell the reader what is certain."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Change the value, not the type."""
        if node.value:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        """Change arguments, save those in which nothing decides."""
        if _called(node) not in _SILENT:
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Swap each comparison."""
        left = node.left
        for right in node.comparators:
            between = self._source[self._end(left) : self._start(right)]
            if match := _COMPARISON.search(between):
                start = self._end(left) + match.start()
                word = " ".join(match.group().decode().split())
                self._add("comparison", start, start + len(match.group()), _COMPARISONS[word].encode())
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Swap ``and`` and ``or``, all of one expression at once."""
        old, new = (b"and", b"or") if isinstance(node.op, ast.And) else (b"or", b"and")
        text, place = b"", self._start(node)
        for left, right in zip(node.values, node.values[1:], strict=False):
            between = self._source[self._end(left) : self._start(right)]
            swapped = re.sub(rb"\b%s\b" % old, new, between, count=1)
            text += self._source[place : self._end(left)] + swapped
            place = self._start(right)
        self._add("and or", self._start(node), self._end(node), text + self._source[place : self._end(node)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Drop ``not``."""
        if isinstance(node.op, ast.Not):
            text = self._source[self._start(node) : self._end(node)]
            self._add("not", self._start(node), self._end(node), text.removeprefix(b"not").lstrip())
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Take a number one down if it is above one, or else one up."""
        if type(node.value) is int:
            self._replace("number", node, str(node.value - 1 if node.value > 1 else node.value + 1))

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Leave a place alone that is counted: a wrong one fails in front of everybody."""
        self.visit(node.value)
        if not isinstance(node.slice, ast.UnaryOp | ast.Constant):
            self.visit(node.slice)

    def visit_If(self, node: ast.If) -> None:
        """Take a branch always, or never."""
        self._decide(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Choose always the first, or never."""
        self._decide(node.test)
        self.generic_visit(node)

    def _decide(self, test: ast.expr) -> None:
        # A name that the condition gives would be missing: no mistake that anybody makes.
        if not any(isinstance(entry, ast.NamedExpr) for entry in ast.walk(test)):
            self._replace("always", test, "True")
            self._replace("never", test, "False")

    def visit_Return(self, node: ast.Return) -> None:
        """Replace what is returned before the end."""
        function = self._functions[-1]
        if node is not function.body[-1]:
            if node.value is None:
                self._replace("return", node, "pass")
            elif text := self._other_value(function, node.value):
                self._replace("return", node.value, text)
        self.generic_visit(node)

    def _other_value(self, function: ast.FunctionDef, value: ast.expr) -> str:
        returns = function.returns
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            return str(not value.value)
        if returns is None or ast.unparse(value) == "None":
            return ""
        text = ast.unparse(returns)
        if text == "bool":
            return f"not ({ast.unparse(value)})"
        if text.endswith("| None"):
            return "None"
        if text.startswith("tuple[") and "..." not in text:
            return ""
        return _EMPTY.get(text.partition("[")[0], "")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Swap intersection and union of sets."""
        signs = {ast.BitAnd: (b"&", b"|"), ast.BitOr: (b"|", b"&")}
        if type(node.op) in signs and not _is_mapping(node.left, node.right):
            self._swap_sign(node.left, node.right, *signs[type(node.op)])
        self.generic_visit(node)

    def _swap_sign(self, left: ast.expr, right: ast.expr, old: bytes, new: bytes) -> None:
        start, end = self._end(left), self._start(right)
        between = self._source[start:end]
        self._add("set", start, end, between.replace(old, new, 1))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Swap intersection and union of sets, in place."""
        signs = {ast.BitAnd: (b"&=", b"|="), ast.BitOr: (b"|=", b"&=")}
        if (
            type(node.op) in signs
            and isinstance(node.target, ast.Name | ast.Attribute)
            and not _is_mapping(node.target, node.value)
        ):
            self._swap_sign(node.target, node.value, *signs[type(node.op)])
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Drop what is raised."""
        if node.exc is not None and "AssertionError" not in ast.dump(node.exc):
            self._replace("refusal", node, "pass")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Drop a refusal that is yielded, added or raised by a check; pass over docstrings."""
        value = node.value
        if isinstance(value, ast.Constant):
            return
        refusing = any(
            isinstance(entry, ast.Call) and _called(entry) in _REFUSING for entry in ast.walk(value)
        )
        checking = isinstance(value, ast.Call) and _CHECKING.match(_called(value))
        if refusing or checking:
            self._replace("refusal", node, "pass")
        self.generic_visit(node)

    def _visit_comprehension(self, node: _Comprehension) -> None:
        for part in node.generators:
            before: ast.expr = part.iter
            for condition in part.ifs:
                # Parentheses around either side go with it.
                between = self._source[self._end(before) : self._start(condition)]
                place = between.rfind(b"if")
                end = self._end(condition)
                for _ in range(between[place:].count(b"(")):
                    end = self._source.index(b")", end) + 1
                self._add("filter", self._end(before) + len(between[:place].rstrip()), end, b"")
                before = condition
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Drop a filter."""
        self._visit_comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """Drop a filter."""
        self._visit_comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Drop a filter."""
        self._visit_comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Drop a filter."""
        self._visit_comprehension(node)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _is_mapping(*sides: ast.expr) -> bool:
    """Tell whether one side is a dictionary, of which there is no intersection."""
    return any(
        isinstance(side, ast.Dict | ast.DictComp) or ast.unparse(side) in ("facts", "columns")
        for side in sides
    )
