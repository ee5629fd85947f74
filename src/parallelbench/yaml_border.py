"""The one place where YAML is read: the core schema of YAML 1.2, with bounds on size, nesting, aliases and time.

In YAML 1.2 `off`, `no`, `on` and `yes` are words, `1:30` is a word, `2026-11-28` is a word, `010` is ten and `1e-6` is a
number (https://yaml.org/spec/1.2.2/#103-core-schema). A key that occurs twice in one mapping is an error, tags other than
those of the core schema are refused, and a document whose aliases stand for more nodes than `MAX_NODES` is never expanded.
"""

from __future__ import annotations

import json
import math
import re
import time
from typing import Any

import yaml

MAX_CHARACTERS = 1 << 20
MAX_NODES = 200_000
"""Scalars, lists and mappings of a document, each alias counted as the nodes that it stands for, and a long scalar as one more
for every 64 characters."""
MAX_DEPTH = 50
MAX_SECONDS = 20.0
MAX_DIGITS = 300

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_TAG = "tag:yaml.org,2002:"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class YamlFault(ValueError):
    """A text that is no acceptable YAML; `problem` says why, and `line` counts from 1 (None where the fault has no line)."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.problem, self.line = problem, line


def read_scalar(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar in the core schema: null, bool, int, float, or the text itself.

    Raises:
        YamlFault: an integer has more than `MAX_DIGITS` digits.
    """
    if _NULL.match(text):
        return None
    if _BOOL.match(text):
        return text.lower() == "true"
    if _INT.match(text):
        if len(text) > MAX_DIGITS:
            raise YamlFault(f"a number has {len(text)} digits, and at most {MAX_DIGITS} are read")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.match(text):
        if text.lower().endswith(".nan"):
            return math.nan
        return float(text.lower().replace(".inf", "inf"))
    return text


class _CoreLoader(_BASE):  # type: ignore[misc]  # the base is the C loader where PyYAML was built with libyaml
    """A safe loader with the resolvers and constructors of the core schema only."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}
    yaml_constructors: dict[str | None, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; a key that occurs twice is an error, of which PyYAML would silently take the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise YamlFault("a key must be a word or a number", line)
            if key.value in seen:
                raise YamlFault(f"the key '{key.value:.60}' occurs a second time; keep one of them", line)
            seen.add(key.value)
        built: dict[Any, Any] = yaml.constructor.BaseConstructor.construct_mapping(self, node, deep)
        return built

    def core_scalar(self, node: yaml.ScalarNode) -> Any:
        """Build what an implicit or explicit tag of the core schema says."""
        value = read_scalar(node.value)
        kinds: dict[str, tuple[type, ...]] = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (int, float)}
        if not isinstance(value, kinds[node.tag.removeprefix(_TAG)]):
            raise YamlFault(f"'{node.value:.60}' does not fit its tag", node.start_mark.line + 1)
        return value


for _tag, _pattern in (("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT)):
    _CoreLoader.add_implicit_resolver(_TAG + _tag, _pattern, None)
    _CoreLoader.add_constructor(_TAG + _tag, _CoreLoader.core_scalar)
_CoreLoader.add_constructor(_TAG + "str", yaml.constructor.SafeConstructor.construct_yaml_str)
_CoreLoader.add_constructor(_TAG + "seq", yaml.constructor.SafeConstructor.construct_yaml_seq)
_CoreLoader.add_constructor(_TAG + "map", yaml.constructor.SafeConstructor.construct_yaml_map)
_CoreLoader.add_constructor(None, yaml.constructor.SafeConstructor.construct_undefined)


def parse_yaml(text: str, *, plain: bool = False) -> Any:
    """Return what a YAML document holds: dictionaries, lists, strings, numbers, booleans and None.

    Args:
        text: the document.
        plain: return every scalar as the text that was written.

    Raises:
        YamlFault: the text is no YAML, repeats a key, uses a tag or a value outside the core schema, is too large, too deeply
            nested, or its aliases stand for too many nodes.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlFault(f"it has {len(text)} characters, and at most {MAX_CHARACTERS} are read")
    try:
        _check_bounds(text)
        found = yaml.load(text, Loader=_PLAIN if plain else _CoreLoader)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise YamlFault("it holds half of a surrogate pair, which is no text") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlFault(_problem(error), None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise YamlFault(f"it holds a character that YAML does not allow ({error})".replace("\n", " ")) from error
    return found


def _problem(error: yaml.MarkedYAMLError) -> str:
    return " ".join(str(error.problem or error.context or "it is no YAML").split())[:200]


def _check_bounds(text: str) -> None:
    """Read the events of a document without building it, and count depth and nodes; an alias counts as what it stands for."""
    until = time.monotonic() + MAX_SECONDS
    sizes: dict[str, int] = {}
    opened: list[tuple[str | None, int]] = []  # the anchor of each open collection, and the nodes before it
    nodes = 0
    for event in yaml.parse(text, Loader=_BASE):
        line = None if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            weight = 1 + len(event.value) // 64
            nodes += weight
            if event.anchor is not None:
                sizes[event.anchor] = weight
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in {anchor for anchor, _ in opened}:
                raise YamlFault(f"the alias *{event.anchor} contains itself", line)
            nodes += sizes.get(event.anchor or "", 1)
        if len(opened) > MAX_DEPTH:
            raise YamlFault(f"it is nested more than {MAX_DEPTH} deep", line)
        if nodes > MAX_NODES:
            raise YamlFault(f"it stands for more than {MAX_NODES} values", line)
        if time.monotonic() > until:
            raise YamlFault(f"it takes more than {MAX_SECONDS:.0f} seconds to read", line)
