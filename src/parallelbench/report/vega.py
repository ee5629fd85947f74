"""What draws charts: Vega as a script for a page, and as a converter of specs to SVG, in a process of its own (`vega_worker`).

Bundling the script takes seconds, and it is the same for every page, so it is kept in the user's cache. A page needs no
Vega-Lite, because specs are compiled to Vega here.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from parallelbench.errors import UserError
from parallelbench.report.theme import ROWS, Spec
from parallelbench.user_cache import cache_path, remember
from parallelbench.worker import Worker, WorkerFault

VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
MAX_BYTES = 16 << 20
SECONDS = 600.0
"""For one chart; one of 3,000 points takes two."""
SNIPPET = 'import {View, parse} from "https://cdn.jsdelivr.net/npm/vega@%s/+esm"; window.vega = {View, parse};'
"""The converter holds this module, and so fetches nothing."""


def compiled(spec: Spec) -> Spec:
    """Compile a Vega-Lite spec of `theme.spec_of` to Vega, without its rows: the data set `ROWS` is left empty."""
    plain = {key: value for key, value in spec.items() if key != "datasets"}
    return dict(json.loads(_compiled(json.dumps(plain))))


@lru_cache(64)
def _compiled(spec: str) -> str:
    return json.dumps(_made({"vegalite": json.loads(spec), "version": VEGA_LITE}))


def with_rows(spec: Spec, rows: list[dict[str, Any]]) -> Spec:
    """Return a compiled spec with its rows."""
    data = [{**one, "values": rows} if one.get("name") == ROWS.name else one for one in spec["data"]]
    return {**spec, "data": data}


def svg(spec: Spec) -> str:
    """Draw a Vega-Lite spec of `theme.spec_of`."""
    return drawn(with_rows(compiled(spec), spec["datasets"][ROWS.name]))


def drawn(spec: Spec) -> str:
    """Draw a spec of Vega as SVG."""
    return str(_made({"vega": spec}))


def _made(job: dict[str, Any]) -> Any:
    """What the worker makes of a chart.

    Raises:
        UserError: it ended before it had made it, which is what happens without enough memory.
        ValueError: the chart cannot be converted.
    """
    try:
        reply = _worker().request(job)
    except WorkerFault as fault:
        raise UserError(f"a chart cannot be drawn ({fault}); choose fewer cells with -t, -d and -m, or free memory.") from fault
    if "error" in reply:
        raise ValueError(reply["error"])
    return reply["made"]


@cache
def _worker() -> Worker:
    return Worker(Path(__file__).with_name("vega_worker.py"), SECONDS)


@cache
def library() -> str:
    """A script that defines `vega` and fetches nothing."""
    number = vl_convert.get_vega_version()
    path = cache_path(f"vega_{number}_vl_convert_{version('vl-convert-python')}.js")
    try:
        with path.open("rb") as file:
            digest, _, data = file.read(MAX_BYTES).partition(b"\n")
        if digest == sha256(data).hexdigest().encode():
            return data.decode()
    except OSError:
        pass  # not bundled yet
    data = str(vl_convert.javascript_bundle(SNIPPET % number, VEGA_LITE)).encode()
    remember(path, sha256(data).hexdigest().encode() + b"\n" + data)
    return data.decode()
