"""LanguageTool by its server's HTTP API: the reference's grammar score, 1 where it finds nothing (paper, Appendix D).

`grammar_languagetool:url=http://127.0.0.1:8081` asks a server; `grammar_languagetool:jars=FOLDER` starts the one in the
folder and stops it at the end. What was found is kept by text, language and version, so nothing is asked twice.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
from pydantic import Field, model_validator

from parallelbench.errors import UserError
from parallelbench.metrics.base import Metric
from parallelbench.metrics.grammar.cache import HitCache, default_path
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.server import JarServer
from parallelbench.schema import Sample
from parallelbench.specs import Options, build

NAME = "grammar_languagetool"
PAUSE = 0.2
"""Seconds before the first repetition of a request that failed; doubled each time."""


class LanguageToolOptions(Options):
    """Where the server is, and how it is asked."""

    url: str | None = Field(None, description="address of a running server, for example http://127.0.0.1:8081")
    jars: Path | None = Field(None, description="folder of an unpacked LanguageTool, which is started and stopped")
    language: str = Field("en-US", description="language of the texts")
    timeout: float = Field(60.0, gt=0, description="seconds to wait for an answer")
    tries: int = Field(4, ge=1, description="how often a request is sent before the server counts as gone")
    cache: Path | None = Field(None, description="file that keeps what was found; the user's cache folder without it")

    @model_validator(mode="after")
    def _one_place(self) -> LanguageToolOptions:
        if (self.url is None) == (self.jars is None):
            raise ValueError("give the server's url=http://HOST:PORT, or jars=FOLDER of an unpacked LanguageTool")
        return self


class Client:
    """Asks one server; may be used by several threads at once."""

    def __init__(self, options: LanguageToolOptions) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._http = httpx2.Client(timeout=options.timeout, limits=httpx2.Limits(max_connections=64))

    @cached_property
    def _server(self) -> JarServer | None:
        if self.options.jars is None:
            return None
        server = JarServer(self.options.jars)
        atexit.register(server.stop)
        return server

    @cached_property
    def _cache(self) -> HitCache:
        return HitCache(self.options.cache or default_path())

    @cached_property
    def _version(self) -> str:
        return _version(self._ask("."))

    @property
    def version(self) -> str:
        """The server's version with its build, which the first answer tells."""
        with self._lock:
            return self._version

    def check(self, text: str) -> tuple[Hit, ...]:
        """Return what LanguageTool finds, by place; rules by its own ids.

        Raises:
            UserError: the server cannot be reached, answers nonsense again and again, or is another version than before.
        """
        text = text.encode("utf-8", "replace").decode()
        key = f"{self.version}\0{self.options.language}\0{text}"
        kept = self._cache.get(key)
        if kept is not None:
            return kept
        answer = self._ask(text)
        if _version(answer) != self.version:
            now = _version(answer)
            raise UserError(f"the server at {self._url} became {now}, it was {self.version}; score the run anew.")
        found = tuple(
            sorted((_hit(match, text) for match in answer["matches"]), key=lambda hit: (hit.start, hit.end, hit.rule))
        )
        self._cache.put(key, found)
        return found

    @property
    def _url(self) -> str:
        return (self._server.url if self._server is not None else str(self.options.url)).rstrip("/")

    def _ask(self, text: str) -> Mapping[str, Any]:
        """One request, sent again where it fails."""
        form, reason = {"language": self.options.language, "text": text}, ""
        for attempt in range(self.options.tries):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                response = self._http.post(f"{self._url}/v2/check", data=form)
                if response.status_code == 200:
                    return _parsed(response.json())
                reason = f"it answers {response.status_code}"
                if response.status_code < 500:
                    break
            except httpx2.TimeoutException:
                reason = f"no answer within {self.options.timeout:g} s"
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                reason = str(error) or type(error).__name__
            except ValueError:
                reason = "its answer is damaged"
        raise UserError(
            f"LanguageTool at {self._url} cannot be used ({reason.rstrip('.')}); start it and give the same command again, "
            "which keeps every score so far."
        )


def _parsed(answer: Any) -> Mapping[str, Any]:
    """Check the parts of an answer that are read.

    Raises:
        ValueError: it is no answer of LanguageTool.
    """
    try:
        _version(answer)
        for match in answer["matches"]:
            _ = str(match["rule"]["id"]), int(match["offset"]), int(match["length"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no answer of LanguageTool: {error}") from None
    parsed: Mapping[str, Any] = answer
    return parsed


def _version(answer: Mapping[str, Any]) -> str:
    software = answer["software"]
    return " ".join(str(software[key]) for key in ("name", "version", "buildDate") if software.get(key) or key == "version")


def _hit(match: Mapping[str, Any], text: str) -> Hit:
    """A match as a hit; LanguageTool counts in UTF-16 units."""
    units = text.encode("utf-16-le")
    start, end = (
        len(units[: 2 * place].decode("utf-16-le", "ignore")) for place in (match["offset"], match["offset"] + match["length"])
    )
    return Hit(match["rule"]["id"], start, end)


def make(options: Mapping[str, Any]) -> Metric:
    """Make the metric for one server.

    Raises:
        UserError: an option is unknown, or neither or both of `url` and `jars` are given.
    """
    asked = build(LanguageToolOptions, f"metric '{NAME}'", options)
    client = Client(asked)

    def function(sample: Sample, text: str) -> float:
        return float(bool(text.strip()) and not client.check(text))

    return Metric(
        NAME,
        function,
        backend=lambda: f"{client.version}, {asked.language}",
        explain=lambda text: [(hit.rule, hit.start, hit.end) for hit in client.check(text)],
        remote=True,
    )
