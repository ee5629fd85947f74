"""Make docs/claims.md: `python docs/claims.py measure OUT` runs the experiments, `... write` writes the page alone."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from parallelbench import __version__
from parallelbench.claims.page import page
from parallelbench.claims.stored import RUNS, STORED, measured

PAGE = Path(__file__).with_suffix(".md")
FIGURES = Path(__file__).with_suffix(".json")


def main() -> None:
    """Run what is missing in OUT and store its figures (`measure`), and write the page from them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["measure", "write"])
    parser.add_argument("out", nargs="?", type=Path, help="the folder of the runs; what is there is not run again")
    given = parser.parse_args()
    if given.what == "measure":
        if given.out is None:
            parser.error("name the folder of the runs, for example: measure out/claims")
        for name, command in RUNS.items():
            subprocess.run([sys.executable, "-m", "parallelbench", *command.split(), "-o", given.out / name], check=True)
        stored = measured(given.out, __version__)
        FIGURES.write_bytes(STORED.dump_json(stored, indent=0) + b"\n")
    PAGE.write_text(page(STORED.validate_json(FIGURES.read_bytes())), encoding="utf-8")


if __name__ == "__main__":
    main()
