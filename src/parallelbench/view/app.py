"""The addresses of the explorer: its page, the list of samples and one sample, all of them only to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from threading import Lock
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from parallelbench.errors import UserError
from parallelbench.report.sample_data import LayOut, shown
from parallelbench.view.chosen import PAGE, Chosen
from parallelbench.view.guard import Guard
from parallelbench.view.index import Index
from parallelbench.view.query import Query, SampleQuery, parse
from parallelbench.view.sample import listed, opened

KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SHARED_STYLE = "theme.css"
"""The colours of the report, which lie in its folder, as does the player of a sample."""
Answer = Callable[[Mapping[str, str]], Any]


def make_app(index: Index, token: str, lay_out: LayOut) -> ASGIApp:
    """Make the application of one run.

    Args:
        index: its samples.
        token: the first part of the path of every address.
        lay_out: lays out a sample step by step.
    """
    law = Lock()

    def samples(parameters: Mapping[str, str]) -> Any:
        query = parse(Query, parameters)
        chosen = Chosen(index, query)
        return {
            "count": int(chosen.found.sum()),
            "right": chosen.right,
            "options": chosen.options(),
            "samples": listed(index, chosen.rows, chosen.page()),
            "page": PAGE,
            **_about(index),
        }

    def sample(parameters: Mapping[str, str]) -> Any:
        query = parse(SampleQuery, parameters)
        if not query.law:
            return opened(index, query.cell, query.index, lay_out, law=False)
        with law:  # the first one imports and reads a tokenizer
            return opened(index, query.cell, query.index, lay_out, law=True)

    def about(parameters: Mapping[str, str]) -> Any:
        return _about(index)

    answers: dict[str, Answer] = {"about": about, "samples": samples, "sample": sample}
    routes = [Route(f"/api/{name}", partial(_answered, answer)) for name, answer in answers.items()]
    routes += [Route(path, partial(_sent, kind, data)) for path, (kind, data) in _static().items()]
    return Guard(Starlette(routes=routes), token)


def _about(index: Index) -> dict[str, Any]:
    return {
        "folders": [shown(str(folder.path)) for folder in index.run.folders],
        "total": index.rows.count,
        "planned": sum(index.run.planned.values()),
        "version": index.version,
        "whole": index.whole,
        "running": index.running,
        "faults": list(index.faults),
    }


def _answered(answer: Answer, request: Request) -> Response:
    """What an answer to the parameters of a request is as JSON; a user's mistake is a sentence."""
    try:
        return Response(msgspec.json.encode(answer(request.query_params)), media_type="application/json")
    except UserError as error:
        return PlainTextResponse(shown(str(error), 2_000), status_code=400)


def _sent(kind: str, data: bytes, request: Request) -> Response:
    return Response(data, media_type=kind)


def _static() -> dict[str, tuple[str, bytes]]:
    """The files of the page by path: their type and their content. No other file is ever sent."""
    found = {}
    report = files("parallelbench.report")
    shared = (report.joinpath("templates", SHARED_STYLE), *report.joinpath("player").iterdir())
    for file in (*files("parallelbench.view").joinpath("static").iterdir(), *shared):
        kind = file.name.rpartition(".")[2]
        if kind in KINDS:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            found[path] = (f"{KINDS[kind]}; charset=utf-8", file.read_bytes())
    return found
