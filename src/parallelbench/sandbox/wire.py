"""Messages between solver and judge: JSON with a length before it, and values by their plain types.

A value is sent as what it is made of: numbers, texts, lists, sets, mappings. A subclass is sent as the type that it derives
from, an iterator as its items, anything else as a reference that only the solver can follow. So whatever the solver sends, the
judge receives plain values, which compare as Python's own do. Standard library only.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

MAX_MESSAGE = 8 << 20
MAX_DEPTH = 60
MAX_ITEMS = 200_000
Reference = Callable[[Any], int]
ITERATORS = tuple(
    map(type, (iter([]), iter(()), iter({}), iter(set()), (None for _ in ()), map(int, ()), zip(), filter(None, ())))
)
VIEWS: tuple[type[Any], ...] = (type({}.keys()), type({}.values()), type({}.items()))
SCALARS: tuple[type[Any], ...] = (int, float, str, bytes, complex, Decimal, Fraction, range)
COLLECTIONS: tuple[type[Any], ...] = (dict, list, tuple, set, frozenset, deque)


class Lost(Exception):
    """The other side is gone, or sent what is no message."""


class Channel:
    """One end of the connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, message: Any) -> None:
        """Send one message.

        Raises:
            Lost: the other side is gone, or the message is larger than `MAX_MESSAGE` bytes.
        """
        data = json.dumps(message, separators=(",", ":")).encode()
        if len(data) > MAX_MESSAGE:
            raise Lost("a value is too large")
        try:
            self._connection.sendall(len(data).to_bytes(4, "big") + data)
        except OSError as error:
            raise Lost("the other side is gone") from error

    def receive(self) -> Any:
        """Return the next message.

        Raises:
            Lost: the other side is gone, or sent what is no message.
            TimeoutError: the connection has a limit of time, and nothing came.
        """
        size = int.from_bytes(self._exactly(4), "big")
        if size > MAX_MESSAGE:
            raise Lost("a value is too large")
        try:
            return json.loads(self._exactly(size))
        except (ValueError, RecursionError) as error:
            raise Lost("that is no message") from error

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._connection.recv(min(1 << 20, size - len(parts)))
            except TimeoutError:
                raise
            except OSError as error:
                raise Lost("the other side is gone") from error
            if not part:
                raise Lost("the other side is gone")
            parts += part
        return bytes(parts)


def encode(value: Any, reference: Reference, depth: int = 0) -> Any:
    """Return a value as JSON; `reference` numbers what is no plain value."""
    if value is None or value is True or value is False:
        return value
    for scalar in SCALARS:
        if isinstance(value, scalar):
            return [scalar.__name__, _WRITE[scalar.__name__](value)]
    for collection in COLLECTIONS if depth < MAX_DEPTH else ():
        if isinstance(value, collection):
            items: Iterable[Any] = dict.items(value) if collection is dict else collection.__iter__(value)
            return [collection.__name__, [encode(item, reference, depth + 1) for item in islice(items, MAX_ITEMS)]]
    if depth < MAX_DEPTH and type(value) in (*ITERATORS, *VIEWS):
        return ["iterator", [encode(item, reference, depth + 1) for item in islice(value, MAX_ITEMS)]]
    return ["reference", reference(value)]


def decode(value: Any, follow: Callable[[int], Any]) -> Any:
    """Return the value of what `encode` made; `follow` is called with the number of a reference.

    Raises:
        Lost: it is nothing that `encode` makes.
    """
    if value is None or isinstance(value, bool):
        return value
    try:
        name, content = value
        if name == "reference":
            return follow(int(content))
        if name in _READ:
            return _READ[name](content)
        items: Iterator[Any] = (decode(item, follow) for item in content)
        return _COLLECT[name](items)
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise Lost("that is no value") from error


def _write_float(value: float) -> str:
    return float.__repr__(value)


_WRITE: dict[str, Callable[[Any], Any]] = {
    "int": lambda value: hex(int.__index__(value)),
    "float": _write_float,
    "str": str.__str__,
    "bytes": bytes.hex,
    "complex": lambda value: [_write_float(value.real), _write_float(value.imag)],
    "Decimal": Decimal.__str__,
    "Fraction": lambda value: [hex(value.numerator), hex(value.denominator)],
    "range": lambda value: [hex(part) for part in (value.start, value.stop, value.step)],
}
_READ: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "str": lambda text: text if isinstance(text, str) else 1 / 0,
    "bytes": bytes.fromhex,
    "complex": lambda parts: complex(*map(float, parts)),
    "Decimal": Decimal,
    "Fraction": lambda parts: Fraction(*(int(part, 16) for part in parts)),
    "range": lambda parts: range(*(int(part, 16) for part in parts)),
}
_COLLECT: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
    "dict": dict,
    "iterator": lambda items: iter(list(items)),
}
