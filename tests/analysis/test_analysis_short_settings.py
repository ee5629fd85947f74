"""The names of settings: as short as possible, and each still names its decoder exactly."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from parallelbench.decoding import DECODERS, Decoder, load_decoder
from parallelbench.errors import UserError
from parallelbench.parameters import choices_of
from parallelbench.runs.short_settings import built_in_defaults, short_parameters, short_specs
from parallelbench.specs import render

ROOT = Path(__file__).resolve().parents[2]
VALUES = (0, 1, 2, 3, 4, 8, 16, 0.0, 0.02, 0.05, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0)


def a_decoder(draw: Any, name: str) -> Decoder:
    """One decoder of a family with some of its parameters drawn, as far as they are valid together."""
    cls: type[Decoder] = DECODERS.get(name).load()
    options: dict[str, Any] = {}
    for key, field in cls.model_fields.items():
        if key in ("label", "base") or not draw(st.booleans()):
            continue
        wanted = {**options, key: draw(st.sampled_from(choices_of(field) or VALUES))}
        try:
            cls(**wanted)
        except (ValidationError, UserError):
            continue
        options = wanted
    return cls(**options)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_short_name_names_the_same_decoder(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(DECODERS.names()))
    made = [a_decoder(data.draw, name) for _ in range(data.draw(st.integers(1, 3)))]
    names = [render(one.family, shown) for one, shown in zip(made, short_parameters([one.facts for one in made]), strict=True)]
    assert [load_decoder(short).spec for short in names] == [one.spec for one in made]
    assert short_specs([one.spec for one in made]) == names
    assert all(len(short) <= len(one.spec) for short, one in zip(names, made, strict=True))


def named(*specs: str) -> list[str]:
    facts = [load_decoder(spec).facts for spec in specs]
    return [render(one.label, shown) for one, shown in zip(facts, short_parameters(facts), strict=True)]


def test_defaults_are_left_out_and_what_varies_is_shown() -> None:
    assert named("matching:gamma=0.9", "matching:gamma=0.95") == ["matching:gamma=0.9", "matching:gamma=0.95"]
    assert named("matching:gamma=0.9", "threshold:gamma=0.8") == ["matching:gamma=0.9", "threshold:gamma=0.8"]
    assert named("core:k=1", "core:k=2,every=4") == ["core:k=1,every=8", "core:k=2,every=4"]
    assert named("confidence:k=1", "confidence:k=2,block=8") == ["confidence:k=1", "confidence:k=2,block=8"]
    assert named('threshold:label="a"', 'threshold:gamma=0.7,label="b"') == ["a:gamma=0.9", "b:gamma=0.7"]


def test_a_decoder_of_a_file_brings_its_defaults(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from parallelbench.decoding import RankingDecoder\nfrom parallelbench.decoding.quota import Threshold\n"
        "class Mine(RankingDecoder):\n    '''Mine.'''\n    alpha: float = 0.1\n    beta: float = 2.0\n"
        "    def score(self, signals, state):\n        return signals.confidence\n"
        "    def quota(self):\n        return Threshold(0.9)\n"
    )
    facts = [load_decoder(f'"{tmp_path}/mine.py":Mine:alpha={alpha},label="ours"').facts for alpha in (0.1, 0.3)]
    assert short_parameters(facts) == [{"alpha": 0.1}, {"alpha": 0.3}]
    assert short_parameters(facts[:1]) == [{"alpha": 0.1}], "its first number may set its speed"


def test_texts_that_are_no_specs_stay() -> None:
    assert short_specs(["a, b | c", "", "threshold:", "nobody:x=1", 'threshold:gamma="'])[:2] == ["a, b | c", ""]


def test_the_table_of_defaults_is_that_of_the_registry() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "decoders.py"))
    assert written["DEFAULTS"].read_text(encoding="utf-8") == written["defaults"](), "run python docs/decoders.py"
    assert list(built_in_defaults()) == DECODERS.names() and all(
        DECODERS.get(name).load().family == name for name in DECODERS.names()
    )
