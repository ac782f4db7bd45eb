"""Ratios: two sides timed in turn, and what came of it on one line."""

import statistics
import time
from collections.abc import Callable


def timed(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def report(name: str, ratios: list[float], aim: str, detail: str = "") -> None:
    middle = statistics.median(ratios)
    print(
        f"{name:<58} {middle:5.2f} [{min(ratios):.2f} - {max(ratios):.2f}]   aim: {aim}   {detail}",
        flush=True,
    )
