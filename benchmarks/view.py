"""Measures the explorer on a run of 282,000 samples. `python benchmarks/view.py [--cells 2823] [--samples 100] [--out OUT]`

The run is written as by `benchmarks/runs.py`, into OUT if that is given, where a later call finds it. The explorer is the
command `parallelbench view` in a process of its own; requests are those of its page, over HTTP, from this process.

The bars, on two cores: any filter in 300 ms, any sample in 200 ms.

What bounds them:

* A filter is a comparison of a column, and one search through the texts (some 25 MB) for each word; its reply has the first
  100 samples, which are read from their places on disk, and the counts of every other choice.
* A sample is two reads by byte offset. The law of its right answers, which names the writes that collided, is a second request
  (`law_ms`); the first such request imports a tokenizer (`first_law_s`).
* Everything is read once at the start (`index_s`), some 8 us a record; the page can be used meanwhile.

The last line is one JSON object. `filter_cpu_ms` is the CPU time of the server for each filter, which other processes on the
machine disturb less than the wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from runs import REASONS, peak, planned, write_run

PAGES, EACH = 20, 10
REPEATS = 5


class Explorer:
    """A running explorer."""

    def __init__(self, out: Path) -> None:
        self.start = time.perf_counter()
        command = [sys.executable, "-m", "parallelbench", "view", str(out), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        url = urlsplit(self.process.stdout.readline().strip())
        self.path = url.path
        self.connection = HTTPConnection(str(url.hostname), url.port, timeout=600)

    def get(self, what: str, **parameters: Any) -> tuple[float, Any]:
        """Milliseconds of a request, and its reply."""
        start = time.perf_counter()
        self.connection.request("GET", f"{self.path}api/{what}?{urlencode(parameters)}")
        reply = self.connection.getresponse()
        data = reply.read()
        took = 1e3 * (time.perf_counter() - start)
        assert reply.status == 200, data[:500]
        return took, json.loads(data)

    def until_read(self) -> float:
        """Seconds from the start of the process until every record had been read."""
        while not self.get("about")[1]["whole"]:
            time.sleep(0.05)
        return time.perf_counter() - self.start

    def cpu_ms(self) -> float:
        """Milliseconds of CPU time that the process has used, where Linux says it; 0 elsewhere."""
        about = Path(f"/proc/{self.process.pid}/stat")
        ticks = about.read_text().rpartition(")")[2].split()[11:13] if about.exists() else ["0"]
        return 1e3 * sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)


def filters(explorer: Explorer) -> dict[str, dict[str, Any]]:
    """Filters of every kind: common and rare ones, one and several at once, words in many and in no texts, every order."""
    options = explorer.get("samples")[1]["options"]
    task, decoder = options["task"][3]["value"], options["decoder"][5]["value"]
    return {
        "none": {},
        "task": {"task": task},
        "decoder": {"decoder": decoder},
        "wrong": {"outcome": "wrong"},
        "reason": {"reason": REASONS[0]},
        "letter": {"text": "a"},
        "name": {"text": "adrian"},
        "two_words": {"text": "adrian smith"},
        "no_hit": {"text": "nobody is called so"},
        "all": {"task": task, "outcome": "wrong", "reason": REASONS[1], "text": "an"},
        "by_question": {"order": "question"},
        "fast": {"order": "fast", "outcome": "right"},
        "last_page": {"offset": 281_900},
    }


def median_ms(explorer: Explorer, parameters: dict[str, Any]) -> float:
    """The median time of a filter."""
    return statistics.median(explorer.get("samples", **parameters)[0] for _ in range(REPEATS))


def opened(explorer: Explorer, total: int) -> tuple[list[float], list[float], float]:
    """Times to open samples from everywhere in the run, to look at their law, and to look at the first one's law."""
    draws, times, laws = random.Random(1), list[float](), list[float]()
    for _ in range(PAGES):
        for one in explorer.get("samples", offset=draws.randrange(total))[1]["samples"][:EACH]:
            times.append(explorer.get("sample", cell=one["cell"], index=one["index"])[0])
        laws.append(explorer.get("sample", cell=one["cell"], index=one["index"], law=1)[0])
    return times, laws[1:], laws[0] / 1e3


def measured(out: Path) -> dict[str, Any]:
    explorer = Explorer(out)
    try:
        index_s = explorer.until_read()
        total = explorer.get("about")[1]["total"]
        chosen, before = filters(explorer), explorer.cpu_ms()
        by_filter = {name: median_ms(explorer, parameters) for name, parameters in chosen.items()}
        filter_cpu_ms = (explorer.cpu_ms() - before) / (REPEATS * len(chosen))
        for name, took in by_filter.items():
            print(f"{name:12} {took:6.0f} ms")
        times, laws, first = opened(explorer, total)
    finally:
        explorer.end()
    return {
        "records": total,
        "index_s": round(index_s, 1),
        "slowest_filter_ms": round(max(by_filter.values())),
        "filter_cpu_ms": round(filter_cpu_ms),
        "open_ms": round(statistics.median(times)),
        "slowest_open_ms": round(max(times)),
        "law_ms": round(statistics.median(laws)),
        "first_law_s": round(first, 1),
        "peak_gb": peak(),
    }


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=2823)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--out", type=Path, help="where the run is kept")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "large"
        if not out.exists():
            write_run(out, planned(options.cells, options.samples)[0])
        print(json.dumps(measured(out)))


if __name__ == "__main__":
    main()
