"""A fault of the hub says its cause: refused, not found, broken or not reachable are different things."""  # fault 13

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from parallelbench.errors import UserError, first_line, root_cause
from parallelbench.metrics import bertscore


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A hub on loopback that answers every request with `status`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(server.status)  # type: ignore[attr-defined]
            self.send_header("content-length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_each_status_is_said(hub: ThreadingHTTPServer, status: int) -> None:
    hub.status = status  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=rf"cannot be fetched from Hugging Face \(.*{status}.*\); give a folder") as caught:
        bertscore._roberta()
    assert "\n" not in str(caught.value)


def test_the_root_of_a_chain_is_said() -> None:
    try:
        try:
            raise OSError("401 Client Error\nmore")
        except OSError as error:
            raise ValueError("not found") from error
    except ValueError as error:
        assert root_cause(error) == "401 Client Error"
    assert first_line(KeyError()) == "KeyError" and first_line(ValueError("x" * 500)) == "x" * 160
