"""What a hostile server sends in place of a reply, for every stand-in server of the tests, until the client hangs up."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

PAUSE = 0.02
DEEP = "[" * 100_000
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
DOCUMENT = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def _slowly(data: bytes) -> Iterator[bytes]:
    for byte in data:
        yield bytes([byte])
        time.sleep(PAUSE)


def _repeated(data: bytes, pause: float = 0.0) -> Iterator[bytes]:
    while True:
        yield data
        time.sleep(pause)


def _head(data: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield data + b"\r\n"
    yield from rest


def _packed(data: bytes, kind: int) -> Iterator[bytes]:
    """Unpacks to a thousand times its size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, kind)
    while True:
        yield packer.compress(data)


def _once(data: Any, kind: bytes = DOCUMENT) -> Iterator[bytes]:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return iter([kind + f"content-length: {len(body)}\r\n\r\n".encode() + body])


def _silence() -> Iterator[bytes]:
    time.sleep(1000)
    yield b""


ENDLESS: dict[str, Callable[[], Iterator[bytes]]] = {
    "keep-alive": lambda: _head(STREAM, _repeated(b": still here\n\n", PAUSE)),
    "drip": lambda: _head(STREAM, _slowly(b'data: {"choices": [' + b" " * 100_000)),
    "drip of white space": lambda: _head(DOCUMENT, _slowly(b" " * 100_000)),
    "drip of headers": lambda: _slowly(STREAM + b"x: " + b"y" * 100_000),
    "endless line": lambda: _head(STREAM, _repeated(b"data: " + b"a" * 65_536)),
    "endless comment": lambda: _head(STREAM, _repeated(b":" + b"a" * 65_536)),
    "endless event": lambda: _head(STREAM, _repeated(b"data: aaaaaaaaaaaaaaaaaaaaaaaa\n" * 1000)),
    "endless events": lambda: _head(STREAM, _repeated(b'data: {"type": "ping"}\n\n' * 1000)),
    "endless document": lambda: _head(DOCUMENT, _repeated(b'{"a": "' + b"a" * 65_536)),
    "endless white space": lambda: _head(DOCUMENT, _repeated(b" " * 65_536)),
    "endless headers": lambda: _repeated(STREAM + b"x: y\r\n" * 1000),
    "endless header": lambda: _head(STREAM[:-2] + b"x: ", _repeated(b"y" * 65_536)),
    "endless informational replies": lambda: _repeated(b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 100),
    "endless error": lambda: _head(b"HTTP/1.1 500 Oh\r\ncontent-type: application/json\r\n", _repeated(b"[" * 65_536)),
    "gzip bomb": lambda: _head(DOCUMENT + b"content-encoding: gzip\r\n", _packed(b"\0" * (1 << 24), 31)),
    "gzip bomb of events": lambda: _head(STREAM + b"content-encoding: gzip\r\n", _packed(b"data: {}\n\n" * 100_000, 31)),
    "bomb in a bomb": lambda: _head(
        DOCUMENT + b"content-encoding: gzip, gzip\r\n", _packed(gzip.compress(b"\0" * (1 << 24)) * 64, 31)
    ),
    "silence": _silence,
}
"""Never ends by itself."""

BROKEN: dict[str, Callable[[], Iterator[bytes]]] = {
    "no HTTP": lambda: iter([b"SSH-2.0-OpenSSH_9.6\r\n"]),
    "no end of headers": lambda: iter([STREAM]),
    "wrong encoding": lambda: _once(b"not packed", DOCUMENT + b"content-encoding: gzip\r\n"),
    "six encodings": lambda: _once(b"{}", DOCUMENT + b"content-encoding: gzip, gzip, gzip, gzip, gzip, gzip\r\n"),
    "two lengths": lambda: _once(b"{}", DOCUMENT + b"content-length: 9\r\n"),
    "negative length": lambda: iter([DOCUMENT + b"content-length: -5\r\n\r\n{}"]),
    "longer than said": lambda: iter([DOCUMENT + b"content-length: 100000\r\n\r\n{}"]),
    "bad chunk": lambda: iter([STREAM + b"transfer-encoding: chunked\r\n\r\nzz\r\nhello"]),
    "deep JSON": lambda: _once(DEEP.encode()),
    "deep JSON in a stream": lambda: _once(f'data: {{"choices": {DEEP}\n\n'.encode(), STREAM),
    "no text": lambda: _once(b"\xff\xfe\x00\xd8" * 100),
    "a list": lambda: _once([1, 2, 3]),
    "null": lambda: _once(None),
    "nothing": lambda: _once(b""),
    "page": lambda: _once(b"<html>\x1b[31mWelcome</html>", b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"),
    "huge number": lambda: _once(b'{"choices": [{"index": 1' + b"0" * 5000 + b"}]}"),
}
"""Ends, and is no reply of any protocol."""

MODES = {**ENDLESS, **BROKEN}


def misbehave(handler: BaseHTTPRequestHandler, mode: str) -> None:
    """Send what `mode` names in place of a reply."""
    handler.close_connection = True
    try:
        for data in MODES[mode]():
            if data:
                handler.wfile.write(data)
                handler.wfile.flush()
    except OSError:
        pass  # the client has hung up
