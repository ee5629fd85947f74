"""The HTTP client and the replies that it receives."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from parallelbench.bounded_http.budget import CURRENT, MIB, Budget, ChargedBackend, HttpFault
from parallelbench.bounded_http.documents import join, read_json
from parallelbench.errors import UserError

IDLE = 5.0
"""Seconds for which a connection is kept between requests; servers close theirs after five or more."""
SLICE = 1 << 14
"""Bytes of a reply that are handed on at once: the time is checked between two of them, also where they came packed."""
_NETWORK_ERRORS = (
    httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, httpcore2.UnsupportedProtocol, httpx2.HTTPError,
    httpx2.InvalidURL, httpx2.StreamError, ssl.SSLError, UnicodeError,
)  # fmt: skip


class Exchange:
    """A reply that has begun to arrive. Its body can be read once."""

    def __init__(self, reply: httpcore2.Response, budget: Budget) -> None:
        self._reply, self._budget = reply, budget
        self.status = reply.status
        self.headers = httpx2.Headers(reply.headers)

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives, unpacked where the server compressed it although it was asked not to.

        Raises:
            HttpFault: the body is too long, takes too long or breaks off.
        """
        unpacked = httpx2.Response(200, headers=self.headers, content=self._reply.iter_stream())
        charge = self._budget.sibling()
        with _faults(self._budget):
            for piece in unpacked.iter_bytes():
                charge.receive(len(piece))
                for start in range(0, len(piece), SLICE):
                    self._budget.seconds_left()
                    yield piece[start : start + SLICE]

    def beginning(self, size: int) -> str:
        """The first bytes of the body as text, as far as they arrive: for messages."""
        found = bytearray()
        with contextlib.suppress(HttpFault):
            for piece in self.pieces():
                found += piece
                if len(found) >= size:
                    break
        return bytes(found[:size]).decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as a JSON document of at most `JSON_AT_MOST` bytes.

        Raises:
            HttpFault: it is none.
        """
        return read_json(join(self.pieces()))


class BoundedClient:
    """Sends requests to one server; may be used by several threads at once.

    Args:
        url: the address of the server, http or https; decides whether a proxy of the environment is used.
        seconds: wall-clock limit of a request, from the connection to the last byte of its reply.
        size: limit of a reply in bytes, as sent and as unpacked.
    """

    def __init__(self, url: str, seconds: float, size: int = 64 * MIB) -> None:
        self._url, self._seconds, self._size = url.rstrip("/"), seconds, size
        self._pool = _pool(self._url)

    @contextlib.contextmanager
    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Iterator[Exchange]:
        """Send a request and hold its reply open until the context ends.

        Raises:
            HttpFault: it brought no usable reply, also where the body of the context reads on.
        """
        budget = Budget(self._seconds, self._size)
        token = CURRENT.set(budget)
        said = {"accept-encoding": "identity", "user-agent": "parallelbench", **(headers or {})}
        try:
            with (
                _faults(budget),
                self._pool.stream(method, self._url + path, headers=list(said.items()), content=body) as reply,
            ):
                yield Exchange(reply, budget)
        finally:
            CURRENT.reset(token)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _pool(url: str) -> httpcore2.ConnectionPool:
    """A pool of connections, through the proxy that the environment names for this address, if any."""
    parts = urlsplit(url)
    named = getproxies()
    proxy = None if proxy_bypass(parts.hostname or "") else named.get(parts.scheme) or named.get("all")
    try:
        trusted = httpx2.create_ssl_context()
    except OSError as error:
        raise UserError(f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({error}).") from error
    if not proxy:
        return httpcore2.ConnectionPool(trusted, max_connections=None, keepalive_expiry=IDLE, network_backend=ChargedBackend())
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if through.scheme not in ("http", "https") or not through.hostname:
        raise UserError(
            f"the proxy {through.scheme}://{through.hostname} cannot be used; name an http proxy, or exempt {url} in NO_PROXY."
        )
    key = (unquote(through.username or ""), unquote(through.password or "")) if through.username else None
    address = httpcore2.URL(scheme=through.scheme, host=through.hostname, port=through.port, target="/")
    return httpcore2.HTTPProxy(
        address, key, ssl_context=trusted, max_connections=None, keepalive_expiry=IDLE, network_backend=ChargedBackend()
    )


@contextlib.contextmanager
def _faults(budget: Budget) -> Iterator[None]:
    """Turn what the HTTP library raises into faults of one sentence."""
    try:
        yield
    except (httpcore2.ConnectError, httpcore2.ProxyError) as error:
        raise HttpFault(f"no connection: {_words(error)}", unreachable=True) from error
    except (httpcore2.TimeoutException, TimeoutError) as error:
        raise budget.late() from error
    except _NETWORK_ERRORS as error:
        raise HttpFault(f"the connection failed: {_words(error)}") from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
