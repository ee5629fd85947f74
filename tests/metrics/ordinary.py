"""Ordinary correct English: on how many sentences does the embedded grammar checker raise a false alarm?

`ordinary/*.txt` holds 1,527 correct sentences, or short exchanges of speech, one a line, of twelve kinds of text. All of them
were written for this purpose. The first, third, fifth line of each file and so on are for tuning: a rule may be changed
because one of them is flagged. The other half is held out: it is only counted, and its flagged lines are not looked at while
rules are changed. The division was committed before the first rule was changed.

`python tests/metrics/ordinary.py` prints both rates, and the flagged lines of the tuning half with `--tuning`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelbench.metrics.grammar import check, is_clean

FILES = sorted((Path(__file__).parent / "ordinary").glob("*.txt"))
LINES = {file.stem: file.read_text("utf-8").splitlines() for file in FILES}
TUNING = {kind: lines[::2] for kind, lines in LINES.items()}
HELD_OUT = {kind: lines[1::2] for kind, lines in LINES.items()}
Half = dict[str, list[str]]


def flagged(half: Half) -> dict[str, int]:
    """The number of flagged lines of each kind of text."""
    return {kind: sum(not is_clean(line) for line in lines) for kind, lines in half.items()}


def rate(half: Half) -> float:
    """Flagged lines of all kinds together, divided by the number of lines."""
    return sum(flagged(half).values()) / sum(map(len, half.values()))


def table() -> str:
    """One line per kind of text: lines and flagged lines of the tuning half and of the held-out half."""
    tuning, held_out = flagged(TUNING), flagged(HELD_OUT)
    rows = [f"| {k} | {len(TUNING[k])} | {tuning[k]} | {len(HELD_OUT[k])} | {held_out[k]} |" for k in LINES]
    counts = [sum(map(len, TUNING.values())), sum(tuning.values()), sum(map(len, HELD_OUT.values())), sum(held_out.values())]
    rows.append(f"| all | {counts[0]} | {counts[1]} | {counts[2]} | {counts[3]} |")
    return "\n".join([*rows, f"tuning {counts[1] / counts[0]:.2%}, held out {counts[3] / counts[2]:.2%}"])


def main() -> None:
    parser = argparse.ArgumentParser(description="False alarms of the grammar checker on ordinary correct sentences.")
    parser.add_argument("--tuning", action="store_true", help="show the flagged lines of the tuning half")
    if parser.parse_args().tuning:
        for kind, lines in TUNING.items():
            for line in lines:
                for hit in check(line):
                    print(f"{kind:13} {hit.rule:18} [{line[hit.start : hit.end]}]  {line}")
    print(table())


if __name__ == "__main__":
    main()
