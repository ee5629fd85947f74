"""The side of the connection that holds the program: runs it and calls its functions for the judge. Standard library only."""

from __future__ import annotations

import builtins
from typing import Any

from parallelbench.sandbox.wire import Channel, decode, encode

MAX_REFERENCES = 100_000


class Solver:
    """Runs one program and answers requests about it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._names: dict[str, Any] = {"__name__": "program"}
        self._references: list[Any] = []

    def serve(self) -> None:
        """Answer requests until the judge is gone."""
        while True:
            request = self._channel.receive()
            try:
                reply = self._answer(request)
            except BaseException as error:  # noqa: BLE001 - whatever the program raises is an answer, also SystemExit
                reply = {"raised": [_builtin_name(error), _said(error)]}
            self._channel.send(reply)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        what = request["what"]
        if what == "run":
            exec(compile(request["program"], "<program>", "exec"), self._names)  # noqa: S102 - in a confined process of its own
            return {"value": None}
        if what == "has":
            return {"value": request["name"] in self._names}
        if what == "name":
            return {"value": self._encoded(self._names[request["name"]])}
        target = self._references[request["target"]]
        if what == "attribute":
            return {"value": self._encoded(getattr(target, request["name"]))}
        if what == "items":
            return {"value": self._encoded(list(target))}
        arguments, named = decode(request["arguments"], self._follow), decode(request["named"], self._follow)
        value = self._encoded(target(*arguments, **named))
        return {"value": value, "arguments": self._encoded(arguments)}

    def _encoded(self, value: Any) -> Any:
        return encode(value, self._reference)

    def _reference(self, value: Any) -> int:
        if len(self._references) >= MAX_REFERENCES:
            raise MemoryError("too many objects")
        self._references.append(value)
        return len(self._references) - 1

    def _follow(self, number: int) -> Any:
        return self._references[number]


def _builtin_name(error: BaseException) -> str:
    """The name of the nearest exception that Python itself has."""
    names = (cls.__name__ for cls in type(error).__mro__ if getattr(builtins, cls.__name__, None) is cls)
    return next(names, "Exception")


def _said(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except BaseException:  # noqa: BLE001 - a program may define errors that cannot be shown
        return ""
