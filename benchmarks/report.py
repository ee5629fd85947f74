"""Measures a report's page: its weight, and in a browser the time to the first chart, to all of them, and of a change of unit.

    python benchmarks/report.py OUT [--repeats 5]

OUT is a run folder, for example that of `make quickstart`. Chromium must be on the PATH; it is driven as in the tests.
Times are those of a fresh tab each; the first of all is left out, because it reads the files of the browser from disk.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "report"))

from chromium import CHROMIUM, Tab, chromium

from parallelbench.report import write_report

FIRST = "performance.getEntriesByName('first-chart')[0].startTime"
CHANGE = """(() => {
  const select = document.getElementById('speed'), start = performance.now();
  select.value = select.options[1].value;
  select.dispatchEvent(new Event('change'));
  return performance.now() - start;
})()"""


def measured(tab: Tab, url: str) -> tuple[float, float, float]:
    """Milliseconds to the first chart and to the last one, and of a change of the unit in all of them."""
    tab.open(url)
    return tab.run(FIRST), tab.run("performance.now()"), tab.run(CHANGE)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out", type=Path)
    options.add_argument("--repeats", type=int, default=5)
    given = options.parse_args()
    start = time.perf_counter()
    page = write_report(given.out)
    print(f"written in {time.perf_counter() - start:.1f} s, {page.stat().st_size / 1e6:.2f} MB")
    if CHROMIUM is None:
        print("no Chromium is on the PATH, so no time is measured")
        return
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        rows = [measured(browser.tab(), page.resolve().as_uri()) for _ in range(given.repeats + 1)][1:]
    for name, values in zip(("first chart", "all charts", "change of unit"), zip(*rows, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):.0f} ms, {min(values):.0f} to {max(values):.0f}")


if __name__ == "__main__":
    main()
