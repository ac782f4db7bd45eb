"""The difference of two versions, against difflib alone on the words of the same texts."""

import random
import re
import time
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any, Final

from appraisal.proposals.facts import Version
from appraisal.proposals.rules.differences import difference
from appraisal.proposals.rules.form import Field, Section
from tests.bench.ratios import report
from tests.builders import submitted

ROUNDS: Final = 9
FIELDS, TABLES, ROWS = 200, 6, 50
COLUMNS = (
    Field("text", "prose", "Text"),
    Field("serves", "line", "Result"),
    Field("target", "line", "Target"),
    Field("amount", "money", "Amount"),
)
SECTIONS = (
    Section("texts", "Texts", tuple(Field(f"text{n}", "prose", "Text") for n in range(FIELDS))),
    Section(
        "tables", "Tables", tuple(Field(f"rows{n}", "rows", "Rows", columns=COLUMNS) for n in range(TABLES))
    ),
)
# A few words are frequent, as in any language.
VOCABULARY: Final = ["the", "of", "and", "to"] * 30 + [f"word{n}" for n in range(1500)]
WORD: Final = re.compile(r"\w+|\W")

Content = dict[str, dict[str, Any]]


def bench() -> None:
    for share, said in ((0.1, "one field and row in ten"), (1.0, "every field and row")):
        _bench(share, said)


def _bench(share: float, said: str) -> None:
    before, after, texts = _versions(share)

    def ours() -> object:
        return difference(before, after, SECTIONS)

    def bare() -> object:
        return [
            SequenceMatcher(None, WORD.findall(old), WORD.findall(new), autojunk=False).get_opcodes()
            for old, new in texts
        ]

    ratios, spent = [], []
    for _ in range(ROUNDS):
        # The processor's time: nothing is waited for.
        begun = time.process_time()
        bare()
        middle = time.process_time()
        ours()
        spent.append(time.process_time() - middle)
        ratios.append(spent[-1] / (middle - begun))
    report(
        f"a difference, {said} changed, in time of difflib",
        ratios,
        "below 0.3",
        f"{min(spent) * 1000:.1f} CPU ms for {FIELDS} fields and {TABLES * ROWS} rows (aim: below 50)",
    )


def _versions(share: float) -> tuple[Version, Version, list[tuple[str, str]]]:
    """Return two versions, and the texts of both in pairs; of the second, a share was edited.

    One row in seventeen is gone, and each table has a new one.
    """
    chance = random.Random(7)
    pairs: list[tuple[str, str]] = []

    def edited(kept: str, length: int) -> str:
        words = kept.split(" ")
        for _ in range(max(1, length // 30) if chance.random() < share else 0):
            words[chance.randrange(length)] = chance.choice(VOCABULARY)
        pairs.append((kept, " ".join(words)))
        return pairs[-1][1]

    texts = {field.key: _text(chance, 120) for field in SECTIONS[0].fields}
    tables = {field.key: [_row(chance) for _ in range(ROWS)] for field in SECTIONS[1].fields}
    first: Content = {"texts": texts, "tables": tables}
    second: Content = {"texts": {key: edited(kept, 120) for key, kept in texts.items()}, "tables": {}}
    for key, rows in tables.items():
        stayed = [{**row, "text": edited(row["text"], 20)} for place, row in enumerate(rows) if place % 17]
        second["tables"][key] = [*stayed, _row(chance)]
    version = submitted().version
    assert version is not None
    return replace(version, content=first), replace(version, content=second, number=2), pairs


def _text(chance: random.Random, length: int) -> str:
    return " ".join(chance.choice(VOCABULARY) for _ in range(length)) + "."


def _row(chance: random.Random) -> dict[str, str]:
    return {
        "text": _text(chance, 20),
        "serves": f"{chance.randint(1, 9)}.{chance.randint(1, 9)}",
        "target": _text(chance, 4),
        "amount": str(chance.randint(100, 99999)),
    }
