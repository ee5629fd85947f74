"""Refuses every request that does not come from the explorer's own page on this machine.

The address holds a token, so other users and other programs of this machine cannot read the run without it. A page of another
site cannot either: its requests have another origin, and one that has its name point to this machine has another host.
"""

from __future__ import annotations

from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = frozenset({"127.0.0.1", "localhost"})
SAME_SITE = frozenset({"same-origin", "none"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """An application that passes on the requests that it allows, without the token in their path.

    Args:
        app: the application.
        token: the first part of the path of every address.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            status, why = refusal
            await PlainTextResponse(why, status_code=status)(scope, receive, with_headers)
            return
        inside = scope["path"].removeprefix(f"/{self.token}")
        await self.app({**scope, "path": inside, "raw_path": inside.encode()}, receive, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why a request is refused; None where it is allowed."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if _name(host) not in HOSTS:
            return 403, "this host name is not allowed"
        if origin is not None and origin != f"http://{host}":
            return 403, "other origins are not allowed"
        if headers.get("sec-fetch-site", "none") not in SAME_SITE:
            return 403, "other sites are not allowed"
        if not compare_digest(scope["path"].strip("/").partition("/")[0].encode("utf-8", "replace"), self.token.encode()):
            return 403, "the token of the address is missing or wrong"
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "nothing can be changed here"
        return None


def _name(host: str) -> str | None:
    """The name of a host without its port; None where it cannot be read."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
