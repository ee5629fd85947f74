"""LanguageTool through its server's HTTP API: the reference's grammar score, 1 where it finds nothing (paper, Appendix D).

`grammar_languagetool:url=http://127.0.0.1:8081` uses a running server; `grammar_languagetool:jars=FOLDER` starts the one in the
folder and stops it at the end. What was found is kept by text, language and version, so no text is sent twice.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import Field, model_validator

from parallelbench.bounded_http import BoundedClient, HttpFault
from parallelbench.errors import UserError
from parallelbench.metrics.base import Metric
from parallelbench.metrics.grammar.cache import HitCache, default_path
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.languagetool_reply import CheckReply, parse_reply
from parallelbench.metrics.grammar.server import JarServer
from parallelbench.schema import Sample
from parallelbench.specs import Options, build

NAME = "grammar_languagetool"
FORM = {"content-type": "application/x-www-form-urlencoded"}
PAUSE = 0.2
"""Seconds before the first repetition of a request that failed; doubled each time, up to `LONGEST_PAUSE`."""
LONGEST_PAUSE = 10.0
REPLY_AT_MOST = 4 << 20
"""Bytes of a reply; that of a page of text is some 50,000."""


class LanguageToolOptions(Options):
    """Where the server is, and how texts are sent to it."""

    url: str | None = Field(None, description="address of a running server, for example http://127.0.0.1:8081")
    jars: Path | None = Field(None, description="folder of an unpacked LanguageTool, which is started and stopped")
    language: str = Field("en-US", description="language of the texts")
    timeout: float = Field(60.0, gt=0, le=86400, description="seconds that one request may take as a whole")
    tries: int = Field(4, ge=1, le=100, description="how often a request is sent before the server counts as gone")
    cache: Path | None = Field(None, description="file that keeps what was found; the user's cache folder without it")

    @model_validator(mode="after")
    def _one_place(self) -> LanguageToolOptions:
        if (self.url is None) == (self.jars is None):
            raise ValueError("give the server's url=http://HOST:PORT, or jars=FOLDER of an unpacked LanguageTool")
        return self


class Client:
    """Sends texts to one server; may be used by several threads at once."""

    def __init__(self, options: LanguageToolOptions) -> None:
        self.options = options
        self._lock = threading.Lock()

    @cached_property
    def _url(self) -> str:
        if self.options.jars is None:
            return check_url(str(self.options.url))
        server = JarServer(self.options.jars)
        atexit.register(server.stop)
        return server.url

    @cached_property
    def _http(self) -> BoundedClient:
        made = BoundedClient(self._url, self.options.timeout, REPLY_AT_MOST)
        weakref.finalize(self, made.close)
        return made

    @cached_property
    def _cache(self) -> HitCache:
        return HitCache(self.options.cache or default_path())

    @cached_property
    def _version(self) -> str:
        return self._request(".").version

    @property
    def version(self) -> str:
        """The server's version with its build, which its first reply tells."""
        with self._lock:
            return self._version

    def check(self, text: str) -> tuple[Hit, ...]:
        """Return what LanguageTool finds, by place; rules by LanguageTool's ids.

        Raises:
            UserError: the server cannot be reached, sends no usable reply in all tries, or is another version than before.
        """
        text = text.encode("utf-8", "replace").decode()
        key = f"{self.version}\0{self.options.language}\0{text}"
        kept = self._cache.get(key)
        if kept is not None:
            return kept
        reply = self._request(text)
        if reply.version != self.version:
            raise UserError(
                f"the server at {self._url} became {reply.version}, it was {self.version}; score the run with one version."
            )
        found = tuple(sorted(reply.hits(text), key=lambda hit: (hit.start, hit.end, hit.rule)))
        self._cache.put(key, found)
        return found

    def _request(self, text: str) -> CheckReply:
        """One request, sent again where it fails."""
        body = urlencode({"language": self.options.language, "text": text}).encode()
        reason = ""
        for attempt in range(self.options.tries):
            if attempt:
                time.sleep(min(LONGEST_PAUSE, PAUSE * 2.0 ** min(attempt - 1, 32)))
            try:
                with self._http.send("POST", "/v2/check", FORM, body) as exchange:
                    if exchange.status == 200:
                        return parse_reply(exchange.json(), text)
                    reason = f"it answers {exchange.status}"
                    if exchange.status < 500:
                        break
            except HttpFault as fault:
                reason = str(fault)
        raise UserError(
            f"LanguageTool at {self._url} cannot be used ({reason.rstrip('.')}); start it and give the same command again, "
            "which keeps every score so far."
        )


def check_url(url: str) -> str:
    """Return the address of a server without its last slashes.

    Raises:
        UserError: it is none.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise UserError(f"'{url}' is no address of a LanguageTool server; write url=http://HOST:PORT.")
    return url.rstrip("/")


def make(options: Mapping[str, Any]) -> Metric:
    """Make the metric for one server.

    Raises:
        UserError: an option is unknown, or neither or both of `url` and `jars` are given.
    """
    client = Client(build(LanguageToolOptions, f"metric '{NAME}'", options))

    def function(sample: Sample, text: str) -> float:
        return float(bool(text.strip()) and not client.check(text))

    return Metric(
        NAME,
        function,
        backend=lambda: f"{client.version}, {client.options.language}",
        explain=lambda text: [(hit.rule, hit.start, hit.end) for hit in client.check(text)],
        remote=True,
    )
