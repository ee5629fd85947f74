"""The side of the connection that holds the tests: it calls the program's functions through it. Standard library only."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import Any

from parallelbench.sandbox.wire import Channel, Lost, decode, encode

UNUSABLE = (UnicodeError, TimeoutError, BaseExceptionGroup)
"""Errors that are not made of a text alone, and the one that says that the program took too long."""


class Program:
    """The program on the other side."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.raised: BaseException | None = None
        """The last error that the program raised."""

    def request(self, what: str, **more: Any) -> Any:
        """Return the value of a request.

        Raises:
            Lost: the program's process is gone.
            Exception: the program raised an error of this type.
        """
        return self._value(self._ask(what, **more))

    def call(self, target: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call a function of the program; lists, sets and mappings that it changes are changed here too.

        Raises:
            Lost, Exception: as `request`.
        """
        sent = encode(list(arguments), _no_reference)
        reply = self._ask("call", target=target, arguments=sent, named=encode(named, _no_reference))
        if reply.get("arguments") != sent:
            for mine, theirs in zip(arguments, decode(reply.get("arguments"), self.follow), strict=False):
                _update(mine, theirs)
        return self._value(reply)

    def follow(self, number: int) -> Remote:
        """The object of the program with this number."""
        return Remote(self, number)

    def _ask(self, what: str, **more: Any) -> dict[str, Any]:
        self._channel.send({"what": what, **more})
        reply = self._channel.receive()
        if not isinstance(reply, dict):
            raise Lost("that is no reply")
        if "raised" in reply:
            self.raised = _error(reply["raised"])
            raise self.raised
        return reply

    def _value(self, reply: dict[str, Any]) -> Any:
        return decode(reply.get("value"), self.follow)


class Remote:
    """An object of the program: a function, a class, or what it returned and is no plain value. Equal to nothing but itself."""

    def __init__(self, program: Program, number: int) -> None:
        self._program, self._number = program, number

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._program.call(self._number, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._program.request("attribute", target=self._number, name=name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._program.request("items", target=self._number))


def run_tests(job: dict[str, Any], channel: Channel) -> dict[str, str]:
    """Run the tests of a job and return the verdict: passed, wrong, raised, timed_out or ended, with a detail."""
    program = Program(channel)
    names: dict[str, Any] = {"__name__": "tests"}
    try:
        program.request("run", program=job["program"])
        exec(job["setup"], names)  # noqa: S102 - the tests of a data set, in a confined process of its own
        for name in sorted({*job["names"], *_free_names(job["tests"], names)}):
            if program.request("has", name=name) is True:
                names[name] = program.request("name", name=name)
        exec(job["tests"], names)  # noqa: S102 - as above
    except TimeoutError:
        return {"verdict": "timed_out", "detail": ""}
    except Lost as lost:
        return {"verdict": "ended", "detail": str(lost)}
    except BaseException as error:  # noqa: BLE001 - tests may raise anything, also SystemExit
        verdict = "raised" if error is program.raised else "wrong"
        return {"verdict": verdict, "detail": f"{type(error).__name__}: {error}"[:300]}
    return {"verdict": "passed", "detail": ""}


def _free_names(tests: str, known: dict[str, Any]) -> set[str]:
    """The names that tests read and nothing defines: they are the program's."""
    nodes = [node for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)]
    written = {node.id for node in nodes if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in nodes} - written - set(known) - set(dir(builtins))


def _error(raised: Any) -> Exception:
    """An error of Python's own with the name and the text that the program's had."""
    name, text = raised if isinstance(raised, list) and len(raised) == 2 else ("", "")
    kind = getattr(builtins, str(name), Exception)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or issubclass(kind, UNUSABLE):
        kind = RuntimeError
    return kind(str(text))


def _no_reference(value: Any) -> int:
    if isinstance(value, Remote):
        return value._number
    raise TypeError(f"a {type(value).__name__} cannot be passed to the program")


def _update(mine: Any, theirs: Any) -> None:
    if type(mine) is list and type(theirs) is list:
        mine[:] = theirs
    elif type(mine) in (dict, set) and type(theirs) is type(mine):
        mine.clear()
        mine.update(theirs)
