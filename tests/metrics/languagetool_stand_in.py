"""A server that speaks LanguageTool's HTTP API on loopback, and can be told to fail.

Its one rule is `ENGLISH_WORD_REPEAT_RULE`: a word twice in a row. Offsets count UTF-16 units, as in the original.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import hostile_http

REPEAT = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)


def answer(text: str, language: str, version: str) -> dict[str, Any]:
    """The answer to one text in the shape of LanguageTool 6."""

    def units(piece: str) -> int:
        return len(piece.encode("utf-16-le")) // 2

    matches = [
        {
            "message": "Possible typo: you repeated a word.",
            "shortMessage": "Word repetition",
            "replacements": [{"value": found.group(1)}],
            "offset": units(text[: found.start()]),
            "length": units(found.group()),
            "context": {"text": text, "offset": found.start(), "length": found.end() - found.start()},
            "sentence": text,
            "type": {"typeName": "Other"},
            "rule": {
                "id": "ENGLISH_WORD_REPEAT_RULE",
                "description": "Word repetition (e.g. 'will will')",
                "issueType": "duplication",
                "category": {"id": "MISC", "name": "Miscellaneous"},
            },
            "ignoreForIncompleteSentence": False,
            "contextForSureMatch": -1,
        }
        for found in REPEAT.finditer(text)
    ]
    software = {"name": "LanguageTool", "version": version, "buildDate": "2025-10-10 10:00:00 +0000", "apiVersion": 1}
    return {"software": software, "language": {"name": language, "code": language}, "matches": matches}


class StandIn:
    """A running server; each request takes one of `faults`: "slow", "500", "cut", "malformed", "nonsense", `hostile_http`."""

    def __init__(self, port: int = 0, version: str = "6.8") -> None:
        self.faults: list[str] = []
        self.texts: list[str] = []
        self.version, self.delay, self.busy, self.most = version, 0.0, 0, 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Close the port: the server is gone."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(200, b"OK" if self.path == "/v2/healthcheck" else b"?")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = parse_qs(body, keep_blank_values=True)
                stand_in._serve(self, form["text"][0], form["language"][0])

            def _send(self, code: int, body: bytes, announced: int | None = None) -> None:
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(announced or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        return Handler

    def _serve(self, request: Any, text: str, language: str) -> None:
        with self._lock:
            fault = self.faults.pop(0) if self.faults else ""
            self.texts.append(text)
            self.busy += 1
            self.most = max(self.most, self.busy)
        if fault in hostile_http.MODES:
            hostile_http.misbehave(request, fault)
            return
        time.sleep(0.6 if fault == "slow" else self.delay)
        body = json.dumps(answer(text, language, self.version)).encode()
        try:
            if fault == "500":
                request._send(500, b"Error: Internal Error")
            elif fault == "413":
                request._send(413, b"Error: Text too large")
            elif fault == "cut":
                request._send(200, body[: len(body) // 2], announced=len(body))
                request.close_connection = True
            elif fault == "malformed":
                request._send(200, body[:-5])
            elif fault == "nonsense":
                request._send(200, b'{"hello": []}')
            else:
                request._send(200, body)
        except OSError:
            pass  # the client has hung up
        finally:
            with self._lock:
                self.busy -= 1
