"""Compiles charts from Vega-Lite to Vega and draws them as SVG, as a separate program that `vega` starts and ends.

vl-convert keeps Python's global lock while it works, so in a thread it would stop every other thread of the report.

Every line of standard input is a JSON object: a chart of Vega-Lite as `vegalite`, with its version as `version`, or a chart of
Vega as `vega`. Every line of standard output is one with what was `made`, or with an `error`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import vl_convert


def main() -> None:
    """Convert charts until standard input ends."""
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            reply = {"made": _made(json.loads(line))}
        except ValueError as error:  # what vl-convert says of a chart that it cannot convert
            reply = {"error": str(error)}
        print(json.dumps(reply), flush=True)


def _made(job: dict[str, Any]) -> Any:
    if "vega" in job:
        return vl_convert.vega_to_svg(job["vega"])
    return vl_convert.vegalite_to_vega(job["vegalite"], vl_version=job["version"])


if __name__ == "__main__":
    main()
