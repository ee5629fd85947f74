"""Parses specs, the texts that name a task, model or decoder with its options: `name:key=value,key=[a,b]`.

A value is a scalar of YAML 1.2, a list, or a text in single or double quotes. Inside quotes and brackets a comma or colon is
not a separator, as in `path:"runs/lr=1e-5,bs=8",dtype=float32` and `confidence:k=2,label="k = 2, greedy"`. List values of a
decoder's options are expanded to all combinations of their items (`grid`). `render` is the inverse of `parse`; results are
labelled with the specs that it writes.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from parallelbench.errors import UserError, suggestion
from parallelbench.yaml_border import MAX_DIGITS, YamlFault, parse_yaml, read_scalar

T = TypeVar("T", bound=BaseModel)
MAX_LENGTH = 20_000
"""The maximum number of characters of a spec."""
MAX_GRID = 10_000
"""The maximum number of combinations of the list values of one decoder."""
ADVICE = {
    "too_short": "give at least one",
    "string_type": "it has to be a text; put it in quotes",
    "string_too_short": "it has to have at least one character; write a value, or leave it out",
}
"""What is said in the place of pydantic's sentence, by its type of error."""
_OPTION = re.compile(r"\s*[\w-]+\s*=")
_PLAIN = re.compile(r"""[^\[\]{},"'\s](?:[^\[\]{},"'\s]|(?<![=:])')*(?: [^\[\]{},"'\s]+)*""")
_PLAIN_ITEM = re.compile(r"[A-Za-z0-9_.+/-]+(?<![-+.])")
"""`_PLAIN` matches texts that need no quotes as a value, `_PLAIN_ITEM` those that need none in a list, which YAML parses."""


class Options(BaseModel):
    """Base class of everything that has options in a spec: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _reject_bool_as_number(cls, options: Any) -> Any:
        for key, value in options.items() if isinstance(options, Mapping) else ():
            field = cls.model_fields.get(key)
            kinds = set() if field is None else {field.annotation, *get_args(field.annotation)}
            if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:
                raise ValueError(f"{key} is {str(value).lower()}, but a number is wanted")
        return options


def split(text: str, separator: str, most: int = -1) -> list[str]:
    """Split at a separator outside quotes and square brackets; `most` is the maximum number of splits, -1 for no limit.

    A quotation mark opens a quotation only where a value begins; anywhere else it is an ordinary character, like an apostrophe.

    Raises:
        UserError: a quotation or a bracket is not closed, or the text is too long.
    """
    if len(text) > MAX_LENGTH:
        raise UserError(f"'{text[:40]}...' has {len(text)} characters, and at most {MAX_LENGTH} are read; shorten it.")
    parts: list[str] = []
    start, depth, quote, begins = 0, 0, "", True
    for at, character in enumerate(text):
        if quote:
            closes = character == quote and not (quote == '"' and _escaped(text, at))
            quote = "" if closes else quote
            begins = closes and character == "'"  # '' inside single quotes is an escaped quotation mark
            continue
        if character in "\"'" and begins:
            quote = character
        elif character in "[]":
            depth += 1 if character == "[" else -1 if depth else 0
        elif character == separator and not depth and len(parts) != most:
            parts.append(text[start:at])
            start = at + 1
        begins = character in "=,:[" or (begins and character == " ")
    if quote:
        raise UserError(f"a quotation that begins with {quote} in {text!r:.200} is not closed; add another {quote}.")
    if depth:
        raise UserError(f"a bracket in {text!r:.200} is not closed; add a ].")
    return [*parts, text[start:]]


def _escaped(text: str, at: int) -> bool:
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def split_specs(texts: Iterable[str]) -> list[str]:
    """Split comma-separated lists of specs: `a:k=[1,2],block=8,b` becomes `a:k=[1,2],block=8` and `b`.

    A comma inside quotes or brackets is not a separator, and a part that begins with `key=` belongs to the spec before it.

    Raises:
        UserError: as `split`.
    """
    specs: list[str] = []
    for text in texts:
        for place, part in enumerate(split(text, ",")):
            if place and _OPTION.match(part):
                specs[-1] += f",{part.strip()}"
            else:
                specs.append(part.strip())
    return specs


def parse(spec: str, grids: bool = False) -> tuple[str, dict[str, Any]]:
    """Split `name:key=value,...` into the name, which may be in quotes, and its options; `grids` as in `parse_options`.

    Raises:
        UserError: the text does not have this form.
    """
    name, rest = split_head(spec)
    return name, parse_options(rest, spec, grids) if rest else {}


def split_head(text: str, separator: str = ":") -> tuple[str, str]:
    """Split a text at its first separator outside quotes; return the text before it, unquoted, and the text after it.

    Raises:
        UserError: as `split`, or the text in quotes cannot be read.
    """
    head, *rest = split(text.strip(), separator, most=1)
    return str(_unquoted(head.strip(), text)), rest[0] if rest else ""


def parse_options(text: str, whole: str, grids: bool = False) -> dict[str, Any]:
    """Parse `key=value,key=[a,b]` into a dictionary.

    For messages, `whole` is what the user typed, and `grids` says that a list stands for several settings.

    Raises:
        UserError: a part is not `key=value`, a key occurs twice, or a value cannot be read.
    """
    options: dict[str, Any] = {}
    for part in split(text, ","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise UserError(f"'{part}' in '{whole}' is not key=value; write the name of an option, =, and its value.")
        if not value.strip():
            raise UserError(f"'{part}' in '{whole}' is not key=value; write a value after the =, or leave {key.strip()} out.")
        if key.strip() in options:
            several = f", or as a list: {key.strip()}=[1,2]" if grids else ""
            raise UserError(f"'{key.strip()}' occurs twice in '{whole}'; write it once{several}.")
        options[key.strip()] = _value(value.strip(), whole)
        if options[key.strip()] == []:
            raise UserError(f"'{part}' in '{whole}' is an empty list; write at least one value.")
    return options


def _value(text: str, whole: str) -> Any:
    if text[0] == "[":
        return _read(text, whole)
    if text[0] in "\"'":
        return _unquoted(text, whole)
    try:
        return read_scalar(text)
    except YamlFault as error:
        raise UserError(f"the value '{text[:60]}' in '{whole[:100]}' cannot be read: {error}.") from error


def _unquoted(text: str, whole: str) -> Any:
    return _read(text, whole) if text[:1] in ("'", '"') else text


def _read(text: str, whole: str) -> Any:
    try:
        value = parse_yaml(text)
    except YamlFault as error:
        raise UserError(
            f"the value '{text[:200]}' in '{whole[:400]}' cannot be read ({error.problem}); "
            "write a number, a word, a text in quotes, or a list like [1,2]."
        ) from error
    expected = list if text[0] == "[" else str
    if not isinstance(value, expected) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        raise UserError(f"the value '{text[:200]}' in '{whole[:400]}' is no text and no list of numbers and words; mend it.")
    return value


def grid(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Expand list values into every combination, in the order given: {k: [1, 2]} -> [{k: 1}, {k: 2}].

    Raises:
        UserError: there are more than `MAX_GRID` combinations.
    """
    axes = [value if isinstance(value, list) else [value] for value in options.values()]
    count = 1
    for axis in axes:
        count *= len(axis)
    if count > MAX_GRID:
        raise UserError(
            f"the lists of {', '.join(options)} make {count} combinations, and at most {MAX_GRID} are run; shorten them."
        )
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*axes)]


def render(name: str, options: Mapping[str, Any]) -> str:
    """Write a name and its options in the form that `parse` reads."""
    head = quote(name) if re.search(r"""[:,\[\]"'\s]""", name) else name
    if not options:
        return head
    return head + ":" + ",".join(f"{key}={_text(value)}" for key, value in options.items())


def quote(text: str) -> str:
    """Put a text in double quotes; quotation marks, backslashes and unprintable characters are escaped as in YAML."""
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _text(value: Any, plain: re.Pattern[str] = _PLAIN) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(item, _PLAIN_ITEM) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if plain.fullmatch(value) and read_scalar(value[:MAX_DIGITS]) == value[:MAX_DIGITS] else quote(value)
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return "null" if value is None else str(value)


def build(cls: type[T], label: str, options: Mapping[str, Any]) -> T:
    """Make a `cls` from options, validated by pydantic.

    Raises:
        UserError: an option is invalid; the message is one sentence that names `label` and the fix.
    """
    try:
        return cls(**options)
    except ValidationError as error:
        raise UserError(explain(error, cls, label)) from error


def explain(error: ValidationError, cls: type[BaseModel], label: str) -> str:
    """Return pydantic's first error as one sentence that begins with `label`."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path) or "options"
    if first["type"] == "extra_forbidden":
        return f"{label} has no key '{key}'; {suggestion(path[-1], cls.model_fields)}"
    if first["type"] == "missing":
        return f"{label} needs '{key}'; add it, for example {key}=...."
    message = ADVICE.get(first["type"], str(first["msg"]).removeprefix("Value error, "))
    if not path:
        return f"{label}: {message[0].lower() + message[1:]}."
    return f"{label}: '{key}' is {first['input']!r:.200}, but {message[0].lower() + message[1:]}."
