"""Writes the settings of decoders in their shortest exact form: without parameters that have their default values.

`matching:gamma=0.9,slack=0.3,floor=0.02,top=64,back=0.5` is `matching:gamma=0.9`, and both texts name the same decoder. The
first parameter that sets a decoder's speed is always written, and so is what other settings of the same decoder vary. Cells
keep the full form (`Cell.decoder`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from parallelbench.errors import UserError
from parallelbench.schema import DecoderFacts
from parallelbench.specs import parse, render

Parameters = Mapping[str, Any]
DEFAULTS = "decoder_defaults.json"
"""The default values that names leave out, by decoder of this package; `python docs/decoders.py` writes the file."""


@cache
def built_in_defaults() -> Mapping[str, Parameters]:
    """The default values that names leave out, of each decoder of this package."""
    text = files("parallelbench.runs").joinpath(DEFAULTS).read_text(encoding="utf-8")
    return dict(json.loads(text))


def short_parameters(settings: Sequence[DecoderFacts]) -> list[Parameters]:
    """Return for each setting of a run the parameters that its name has to show.

    A parameter is left out where it has its default value and every setting of the decoder in `settings` has it too. Defaults
    are those of this version, so that the name can be typed; a decoder of a user's file brings its own.
    """
    varied = _varied([((one.family, one.label), one.parameters) for one in settings])
    return [without_defaults(one.family, one.parameters, one.defaults, varied[one.family, one.label]) for one in settings]


def short_specs(specs: Sequence[str]) -> list[str]:
    """Return the specs of settings (`name:key=value,...`) as `short_parameters` does; a text of another form stays as it is."""
    parsed = [_parsed(spec) for spec in specs]
    varied = _varied([(name, parameters) for name, parameters in parsed])
    short = (render(name, without_defaults(name, parameters, kept=varied[name])) for name, parameters in parsed)
    return [text if name in built_in_defaults() else spec for text, spec, (name, _) in zip(short, specs, parsed, strict=True)]


def without_defaults(
    family: str, parameters: Parameters, defaults: Parameters | None = None, kept: Collection[str] = ()
) -> Parameters:
    """Return the parameters that differ from the defaults, and those of `kept`, in their order.

    `defaults` are those of a decoder that is not part of this package.
    """
    known = built_in_defaults().get(family, defaults or {})
    return {
        key: value for key, value in parameters.items() if key in kept or key not in known or _text(value) != _text(known[key])
    }


def _varied(settings: Sequence[tuple[Hashable, Parameters]]) -> dict[Hashable, set[str]]:
    """For each decoder the parameters of which its settings have several values."""
    values: dict[Hashable, dict[str, set[str]]] = {}
    for decoder, parameters in settings:
        found = values.setdefault(decoder, {})
        for key, value in parameters.items():
            found.setdefault(key, set()).add(_text(value))
    return {decoder: {key for key, texts in found.items() if len(texts) > 1} for decoder, found in values.items()}


def _parsed(spec: str) -> tuple[str, Parameters]:
    try:
        return parse(spec)
    except UserError:  # a name from a submission, which may be any text
        return spec, {}


def _text(value: Any) -> str:
    """A value as JSON, in which a tuple is a list and 1 is 1.0."""
    return json.dumps(float(value) if isinstance(value, int) and not isinstance(value, bool) else value, default=str)
