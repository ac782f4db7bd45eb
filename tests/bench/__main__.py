"""Benchmarks: ratios between the product and the bare tool beneath it, both measured in one run.

Rounds of the two sides are interleaved and the median of their ratios is printed, since machines
are noisy. Run with ``make bench``.
"""

from tests.bench.bundles import bench as bench_bundles
from tests.bench.differences import bench as bench_differences
from tests.bench.downloads import bench as bench_downloads
from tests.bench.imports import bench as bench_imports
from tests.bench.indicators import bench as bench_indicators
from tests.bench.mails import bench as bench_mails
from tests.bench.pages import bench as bench_pages
from tests.bench.records import bench as bench_records
from tests.bench.renderings import bench as bench_renderings
from tests.bench.steps import bench as bench_steps
from tests.bench.ticks import bench as bench_ticks
from tests.bench.trails import bench as bench_trails
from tests.bench.verifications import bench as bench_verifications


def main() -> None:
    print(
        "Each line: the product's rate (or time) as a share of the bare tool's; median [least - most] of rounds.\n"
    )
    bench_steps()
    bench_differences()
    bench_pages()
    bench_mails()
    bench_downloads()
    bench_records()
    bench_renderings()
    bench_ticks()
    bench_trails()
    bench_indicators()
    bench_verifications()
    bench_imports()
    bench_bundles()


if __name__ == "__main__":
    main()
