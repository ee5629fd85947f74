"""Local generators are described from small files, and a config that cannot be is one sentence before anything is built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from parallelbench.errors import UserError
from parallelbench.models import describe, load_any
from parallelbench.models.generators.load_local import TINY_AR


def test_a_model_is_described_without_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plan needs is known without reading a weight, and is what the loaded model says."""
    handle = describe(f"ar:path={TINY_AR},card=tiny,max_tokens=null")
    assert handle.info == handle.load().info and handle.info.name == TINY_AR.name

    def never(*args: Any, **options: Any) -> Any:
        raise AssertionError("weights were read")

    monkeypatch.setattr("parallelbench.models.generators.load_local.read_weights", never)
    assert describe(f"ar:path={TINY_AR},card=tiny,max_tokens=null").info == handle.info
    assert describe("tiny-ar").info.decoder == "builtin:temperature=0.0"
    monkeypatch.setattr("socket.socket.connect", never)
    for spec in ("openai:small@http://127.0.0.1:9/v1", "mercury", "anthropic:small"):
        assert describe(spec).info.settings


BROKEN: list[dict[str, Any]] = [
    {"num_hidden_layers": 10**9},
    {"num_hidden_layers": "three"},
    {"num_hidden_layers": 9000},
    {"num_hidden_layers": -1},
    {"hidden_size": "wide"},
    {"num_attention_heads": 0},
    {"vocab_size": -5},
    {"model_type": ["llama"]},
    {"model_type": None},
    {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}},
    {"eos_token_id": "</s>"},
    {"rope_parameters": {"rope_type": "x"}},
    {"hidden_act": "boom"},
    {"max_position_embeddings": []},
]


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_a_config_that_cannot_be_is_one_sentence(tmp_path: Path, change: dict[str, Any]) -> None:  # fault 55
    broken = Path(shutil.copytree(TINY_AR, tmp_path / "broken"))
    (broken / "generation_config.json").unlink(missing_ok=True)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError) as caught:
        load_any(f"ar:path={broken}")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
