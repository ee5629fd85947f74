"""The reply of a LanguageTool server, as a type: the version, and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parallelbench.bounded_http import HttpFault
from parallelbench.metrics.grammar.hit import Hit

Word = Annotated[str, Field(max_length=200)]
Units = Annotated[int, Field(ge=0, le=1 << 31)]


class _Reply(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Software(_Reply):
    """What the server is."""

    name: Word = "LanguageTool"
    version: Annotated[str, Field(min_length=1, max_length=200)]
    build_date: Annotated[Word | None, Field(alias="buildDate")] = None


class Rule(_Reply):
    """The rule that a text breaks."""

    id: Annotated[str, Field(min_length=1, max_length=200)]


class Match(_Reply):
    """One thing that was found; `offset` and `length` count units of UTF-16, as LanguageTool does."""

    rule: Rule
    offset: Units
    length: Units


class CheckReply(_Reply):
    """What was found in one text."""

    software: Software
    matches: Annotated[list[Match], Field(max_length=20_000)]

    @property
    def version(self) -> str:
        """The server's name, version and build, as results name it."""
        return " ".join(part for part in (self.software.name, self.software.version, self.software.build_date) if part)

    def hits(self, text: str) -> Iterator[Hit]:
        """The matches with their places in characters."""
        places = [place for place, character in enumerate(text) for _ in range(1 + (ord(character) > 0xFFFF))]
        places.append(len(text))
        for match in self.matches:
            yield Hit(match.rule.id, places[match.offset], places[match.offset + match.length])


def parse_reply(document: Any, text: str) -> CheckReply:
    """Check the reply to one text.

    Raises:
        HttpFault: it is no reply of LanguageTool, or finds something beyond the end of the text.
    """
    try:
        reply = CheckReply.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HttpFault(f"its reply is malformed at '{place}': {first['msg'].lower()}") from error
    size = len(text.encode("utf-16-le")) // 2
    if any(match.offset + match.length > size for match in reply.matches):
        raise HttpFault("its reply is malformed: it finds something beyond the end of the text")
    return reply
