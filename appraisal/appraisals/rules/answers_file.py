"""A JSON file of answers is read into ratings here, outside any database, with the line of each part."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator

from appraisal.definitions.documents import Document, Part, Path_, parse
from appraisal.errors import Fault, FaultyInput

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
# The Centre is called by many names; a provider called by these words alone is it.
_CENTRE = frozenset({"turin", "turín", "torino", "itc", "cif", "itcilo", "cifoit", "turincentre"})
_TRAINING = frozenset({"training", "formation", "formación"})
_PLACE = frozenset({"centre", "center", "centro"})
_CENTRE_AND_SO_ON = (
    _CENTRE
    | _TRAINING
    | _PLACE
    | {
        *("the", "of", "de", "di", "del", "la", "l", "ilo", "oit", "international", "internacional"),
    }
)


def _rating(given: Any) -> Any:
    if isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool)):
        return str(given).strip()
    raise ValueError(f'a rating is a value of the scale, like 2 or "X", not {_shown(given)}')


def _budget(given: Any) -> Any:
    try:
        amount = Decimal(given.strip()) if isinstance(given, str) else given
    except InvalidOperation:
        amount = None
    plain = str(given).isascii() and not set("eE_") & set(str(given))
    if not isinstance(amount, Decimal | int) or isinstance(amount, bool) or not plain:
        raise ValueError(f'write an amount in US$, like "5000000.01", not {_shown(given)}')
    if not Decimal(amount).is_finite() or amount < 0:
        raise ValueError(f"an amount is not below 0, and not {_shown(given)}")
    return Decimal(amount)


def _flag(given: Any) -> Any:
    if isinstance(given, bool):
        return given
    raise ValueError(f"write true or false, not {_shown(given)}")


def _text(given: Any) -> Any:
    if isinstance(given, str):
        return given
    raise ValueError(f"write a text, not {_shown(given)}")


def _shown(given: Any) -> str:
    return str(given) if isinstance(given, Decimal) else json.dumps(given, ensure_ascii=False, default=str)


Written = Annotated[str, BeforeValidator(_text)]


class Answers(Part):
    """What somebody answered; all but the ratings may be left out.

    Without a budget no threshold is passed; without ``comments`` none are asked for. Unless it is
    said that there is no learning component, there is one.
    """

    ratings: dict[str, Annotated[str, BeforeValidator(_rating)]]
    comments: dict[str, Written] | None = None
    budget_usd: Annotated[Decimal, BeforeValidator(_budget)] | None = None
    learning_component: Annotated[bool, BeforeValidator(_flag)] | None = None
    provider: Written | None = None

    @property
    def centre_is_provider(self) -> bool:
        """Tell whether the Turin Centre alone is named as provider, by whichever of its names."""
        words = set(re.findall(r"[^\W\d_]+", (self.provider or "").casefold()))
        full_name = bool(words & _TRAINING) and bool(words & {"ilo", "oit"}) and bool(words & _PLACE)
        return (full_name or bool(words & _CENTRE)) and words <= _CENTRE_AND_SO_ON


def read_answers(text: bytes, name: str) -> Answers:
    """Read a file of answers; raises ``FaultyInput`` with all its faults."""
    return parse(read_json(text, name), Answers)


def read_json(text: bytes, name: str) -> Document:
    """Read JSON with the line of every part; a key that stands twice is a fault, and NaN is not JSON."""
    try:
        decoded = text.decode("utf-8-sig")
        data = json.loads(decoded, parse_float=Decimal, parse_int=_whole, parse_constant=_refuse_constant)
        # An escape may stand for half a character, which no later output could write.
        json.dumps(data, ensure_ascii=False, default=str).encode()
    except json.JSONDecodeError as error:
        raise FaultyInput([Fault(name, error.lineno, f"not JSON: {error.msg}")]) from None
    except UnicodeEncodeError:
        raise FaultyInput([Fault(name, 1, "not JSON: an escape stands for half a character")]) from None
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise FaultyInput([Fault(name, line, "not JSON: the file is not in UTF-8")]) from None
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise FaultyInput([Fault(name, 1, f"not JSON: {why}")]) from None
    document = Document(name, data)
    for path, line in _places(decoded):
        if path in document.lines:
            complaint = f"the key ‘{path[-1]}’ stands twice (first in line {document.lines[path]})"
            document.faults.append(Fault(name, line, complaint))
        else:
            document.lines[path] = line
    return document


def _whole(digits: str) -> int | Decimal:
    # Python refuses to read whole numbers of thousands of digits as such.
    return int(digits) if len(digits) < 100 else Decimal(digits)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a value")


def _places(text: str) -> Iterator[tuple[Path_, int]]:
    """Yield the path and the line of every key and every entry of a text that is known to be JSON."""
    path: list[str | int] = []
    line, end = 1, 0
    expects_key = False
    for token in _TOKEN.finditer(text):
        line += text.count("\n", end, token.start())
        end = token.start()
        match token.group():
            case "{":
                path.append("")
                expects_key = True
            case "[":
                path.append(0)
                yield tuple(path), line
            case "}" | "]":
                path.pop()
                expects_key = False
            case "," if isinstance(path[-1], int):
                path[-1] += 1
                yield tuple(path), line
            case ",":
                expects_key = True
            case word if expects_key:
                path[-1] = json.loads(word)
                expects_key = False
                yield tuple(path), line
