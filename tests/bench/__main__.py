"""Benchmarks: ratios between the product and the bare tool beneath it, both measured in one run.

Rounds of the two sides are interleaved and the median of their ratios is printed, since machines
are noisy. Run with ``make bench``.
"""

import sys

from tests.bench import pages, records, steps


def main() -> None:
    print("Each line: the product's rate (or time) as a share of the bare tool's; median [least - most] of rounds.\n")
    steps.bench()
    pages.bench()
    records.bench()


if __name__ == "__main__":
    sys.exit(main())
