"""A limit of wall-clock time and of bytes for one request, charged at the socket."""

from __future__ import annotations

import ssl
import time
from contextvars import ContextVar
from typing import Any

import httpcore2

from parallelbench.errors import ParallelBenchError

MIB = 1 << 20


class HttpFault(ParallelBenchError):
    """A request brought no usable reply. `unreachable`: no connection could be opened."""

    def __init__(self, reason: str, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


class Budget:
    """What is left of the time and of the bytes that one request may take."""

    def __init__(self, seconds: float, size: int) -> None:
        self._seconds, self._size = seconds, size
        self._end = time.monotonic() + seconds
        self._received = 0

    def seconds_left(self) -> float:
        """Seconds until the request has to be complete.

        Raises:
            HttpFault: there are none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.late()
        return left

    def receive(self, size: int) -> None:
        """Charge `size` bytes.

        Raises:
            HttpFault: they are too many.
        """
        self._received += size
        if self._received > self._size:
            raise HttpFault(f"the reply is longer than {self._size / MIB:g} MiB")

    def sibling(self) -> Budget:
        """A budget of as many bytes, for another way of counting them."""
        return Budget(self._seconds, self._size)

    def late(self) -> HttpFault:
        """The fault of a reply that takes too long."""
        return HttpFault(f"no complete reply within {self._seconds:g} s")


CURRENT: ContextVar[Budget] = ContextVar("budget of the request that this thread is sending")


class ChargedStream(httpcore2.NetworkStream):
    """A connection on which every read and write is charged; a connection serves one request at a time, in its thread."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        budget = CURRENT.get()
        data = self._stream.read(max_bytes, budget.seconds_left())
        budget.receive(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), 1 << 16):
            self._stream.write(buffer[start : start + (1 << 16)], CURRENT.get().seconds_left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return ChargedStream(self._stream.start_tls(ssl_context, server_hostname, CURRENT.get().seconds_left()))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class ChargedBackend(httpcore2.SyncBackend):
    """Opens connections that are charged."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.NetworkStream:
        left = CURRENT.get().seconds_left()
        return ChargedStream(super().connect_tcp(host, port, left, local_address, socket_options))
