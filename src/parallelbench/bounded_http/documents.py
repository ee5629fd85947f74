"""JSON documents from outside, limited in size and depth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from parallelbench.bounded_http.budget import MIB, HttpFault

JSON_AT_MOST = 4 * MIB
"""Bytes of a JSON document; what Python makes of one takes up to 25 times as much."""


def join(pieces: Iterable[bytes], size: int = JSON_AT_MOST) -> bytes:
    """Join the pieces of a document.

    Raises:
        HttpFault: they are more than `size` bytes.
    """
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > size:
            raise HttpFault(f"the document is longer than {size / MIB:g} MiB")
    return bytes(found)


def read_json(document: bytes | str) -> Any:
    """Parse a JSON document from outside.

    Raises:
        HttpFault: it is none, or too deep.
    """
    try:
        return json.loads(document)
    except (ValueError, RecursionError) as error:
        raise HttpFault("the reply is no valid JSON") from error
