"""What can be said about a served model, and how its name, address and key are read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from parallelbench.errors import UserError
from parallelbench.specs import Options, parse_options

ADDRESS = re.compile(r"@(?=\w+:/|localhost\b|[\w.-]+:\d+(?:/|$)|\[)")
"""Where a name ends and an address begins, a mistyped one too, so that none is ever taken for a name at OpenAI."""
BAD_ADDRESS = "the address of a server looks like http://localhost:8000/v1; write NAME@URL."
SECRET_LENGTH = 8
"""A shorter key ("EMPTY", "none") is what is sent to servers without keys, and no secret."""


class CallOptions(Options):
    """Common to all served models. `temperature=null` leaves it to the server."""

    temperature: float | None = Field(0.0, ge=0, le=2, description="0 takes the most probable token")
    top_p: float | None = Field(None, gt=0, le=1, description="nucleus that tokens are drawn from")
    max_tokens: int = Field(1024, ge=1, description="tokens of an answer at most, reasoning included")
    concurrency: int = Field(8, ge=1, le=1024, description="requests in flight at most")
    timeout: float = Field(
        120.0, gt=0, le=86400, description="seconds that one request may take, from connecting to the last byte"
    )
    retries: int = Field(8, ge=0, le=1000, description="further attempts of a request that failed and may succeed")
    stream: bool = Field(True, description="request a stream, so that an answer that breaks off is noticed")
    backoff: float = Field(0.5, gt=0, le=3600, description="seconds before the first further attempt; doubled each time")
    price_in: float | None = Field(None, ge=0, description="price of a million prompt tokens")
    price_out: float | None = Field(None, ge=0, description="price of a million answer tokens")
    key_env: str = Field("", description="the environment variable that holds the key")


class OpenAIOptions(CallOptions):
    """`openai:NAME@URL`, any server that speaks OpenAI's protocol."""

    reasoning: str | None = Field(None, description="reasoning effort, in the server's words: low, medium, high")
    thoughts: bool | None = Field(None, description="false: request an answer without thoughts; null: the model's way")
    stream_options: bool = Field(True, description="request the numbers of tokens with a stream")
    forwards: Literal["tokens", "unknown"] = Field("tokens", description="one forward a token; unknown where it speculates")


class MercuryOptions(CallOptions):
    """`mercury`, Inception's diffusion model."""

    reasoning: str | None = Field(None, description="reasoning effort: instant, low, medium, high")
    stream_options: bool = Field(True, description="request the numbers of tokens with a stream")
    diffusing: bool = Field(True, description="request every refinement and count it")


class AnthropicOptions(CallOptions):
    """`anthropic:NAME`. Nothing is known of the forwards behind it; newer models take neither temperature nor top_p."""

    temperature: float | None = Field(None, ge=0, le=1, description="for models that take one; none: the server's")
    reasoning: str | None = Field(None, description="effort: low, medium, high, xhigh, max")
    thinking: Literal["adaptive", "disabled"] | None = Field(None, description="none: as the model does by itself")
    forwards: Literal["tokens", "unknown"] = Field("unknown", description="tokens: count one forward a token")


NOT_ANSWERS = frozenset({"max_tokens", "concurrency", "timeout", "retries", "backoff", "price_in", "price_out", "key_env"}) | {
    "stream",
    "stream_options",
}
"""Options that change no answer, and `max_tokens`, which a cell names apart."""


def settings(options: CallOptions) -> dict[str, Any]:
    """The options that can change an answer or what is counted."""
    return options.model_dump(exclude=set(NOT_ANSWERS), exclude_none=True)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A key, which is never shown: `hide` takes it out of whatever is going to be written."""

    value: str
    variable: str

    def hide(self, text: str) -> str:
        """Return the text without the key."""
        return text.replace(self.value, "[key]") if len(self.value) >= SECRET_LENGTH else text

    def hide_in(self, value: Any) -> Any:
        """Return a JSON value without the key, at any depth."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            return {self.hide(str(key)): self.hide_in(inner) for key, inner in value.items()}
        return [self.hide_in(inner) for inner in value] if isinstance(value, list) else value


def read_secret(variable: str, model: str, needed: bool) -> Secret:
    """Read a key from the environment; a local server may need none.

    Raises:
        UserError: the key is needed and missing, or cannot be sent.
    """
    value = os.environ.get(variable, "").strip()
    if needed and not value:
        raise UserError(f"{model} needs a key in the environment: export {variable}=...")
    if not (value.isascii() and value.isprintable()):
        raise UserError(f"the key in {variable} holds characters that no key can have; copy it again.")
    return Secret(value or "none", variable)


def split_name(rest: str, whole: str) -> tuple[str, str | None, dict[str, Any]]:
    """Split `NAME@URL,key=value` into name, address and options.

    Raises:
        UserError: the options cannot be read, or the address is none or holds credentials.
    """
    head, comma, tail = rest.partition(",")
    if "=" in ADDRESS.split(head)[0]:
        head, comma, tail = "", ",", rest
    options = parse_options(tail, f"{whole}:{_shown(head)},{tail}") if comma else {}
    name, *addresses = ADDRESS.split(head, maxsplit=1)
    address = "".join(addresses)
    if address:
        check_url(address)
    return name.strip(), address.rstrip("/") or None, options


def _shown(head: str) -> str:
    return re.sub(r"//[^/@]*@", "//", head)


def check_url(address: str) -> None:
    """Refuse an address that is none, or that carries a key into every file that names it.

    Raises:
        UserError: as said.
    """
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise UserError(BAD_ADDRESS) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(BAD_ADDRESS)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UserError(
            f"an address is written into results, so put the key of {parts.hostname} into the environment, not there."
        )
