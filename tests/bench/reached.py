"""A plugin of pytest: it writes down what each test reaches of a tree with notes, and how long it takes."""

import builtins
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_REACHED: set[str] = set()
builtins.reached = _REACHED.add  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write one line a test: its name, its seconds with those of its fixtures, and what it reached."""
    _REACHED.clear()
    begun = time.perf_counter()
    result = yield
    line = json.dumps([item.nodeid, round(time.perf_counter() - begun, 3), sorted(_REACHED)])
    with (Path(os.environ["REACH"]) / str(os.getpid())).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return result
