"""A checkpoint that cannot be used: one sentence that names the file or the tensor, and the fix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from parallelbench.errors import UserError
from parallelbench.models import load_model

Damage = Callable[[Path], object]
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
NORM = "model.transformer.blocks.0.attn_norm.weight"


def sentence(spec: str) -> str:
    with pytest.raises(UserError) as caught:
        load_model(spec)
    message = str(caught.value)
    assert "\n" not in message and message.endswith((".", "?"))
    return message


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Damage:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS)

    return damage


def text(name: str, change: Callable[[dict[str, object]], object]) -> Damage:
    def damage(folder: Path) -> None:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        change(value)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")

    return damage


def cut(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])


def index(folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {NORM: WEIGHTS, "x": "model-2.safetensors"}}), encoding="utf-8")


CASES: dict[str, tuple[Damage, str]] = {
    "tensor missing": (weights(lambda t: t.pop(NORM)), "missing model.layers.0.input_layernorm.weight"),
    "tensor too many": (weights(lambda t: t.update(extra=torch.ones(2))), "unexpected extra"),
    "another head of a tied model": (
        weights(lambda t: t.update({"model.transformer.ff_out.weight": torch.ones(3)})), "differs from the embedding",
    ),
    "tensor of another shape": (
        weights(lambda t: t.update({NORM: torch.ones(31)})), "model.layers.0.input_layernorm.weight is (31,) instead of (32,)",
    ),
    "many tensors wrong": (weights(lambda t: [t.pop(name) for name in sorted(t)[:-1:2]]), " more"),
    "weights cut short": (cut, "is damaged"),
    "weights of zeros": (lambda folder: (folder / WEIGHTS).write_bytes(bytes(64)), "is damaged"),
    "no weights": (lambda folder: (folder / WEIGHTS).rename(folder / "pytorch_model.bin"), "holds no .safetensors file"),
    "shard missing": (index, "lacks model-2.safetensors"),
    "index without a map": (lambda folder: (folder / INDEX).write_text("{}", encoding="utf-8"), "weight_map"),
    "config missing": (lambda folder: (folder / "config.json").unlink(), "config.json cannot be read"),
    "config no JSON": (lambda folder: (folder / "config.json").write_text("{", encoding="utf-8"), "is not JSON"),
    "config no object": (lambda folder: (folder / "config.json").write_text("[1]", encoding="utf-8"), "JSON object"),
    "architectures of lists": (text("config.json", lambda c: c.update(architectures=[[]], parallelbench_card=None)), "is a []"),
    "config of another layout": (text("config.json", lambda c: c.pop("d_model")), "lacks d_model"),
    "config of another size": (text("config.json", lambda c: c.update(mlp_hidden_size=50)), "instead of (50, 32)"),
    "tokenizer missing": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json cannot be read"),
    "tokenizer empty": (lambda folder: (folder / "tokenizer.json").write_text("{}", encoding="utf-8"), "tokenizer.json"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named(case: str, random_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    damage, words = CASES[case]
    damage(folder)
    message = sentence(f"path:{folder}")
    assert words in message and str(folder) in message


def test_a_special_token_must_be_there_and_at_its_place(random_checkpoint: Path, tmp_path: Path) -> None:
    words = "has no token '<|mdm_mask|>', which a llada-1.5 model needs"
    assert words in sentence(f"path:{random_checkpoint},card=llada-1.5")
    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    described = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(described.replace("<|mask|>", "<|musk|>"), encoding="utf-8")
    assert "has no token '<|mask|>'" in sentence(f"path:{folder}")


def test_a_tokenizer_with_more_ids_than_the_embedding_is_refused(random_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["one more word"])
    tokenizer.save(str(folder / "tokenizer.json"))
    assert "tokenizer.json" in sentence(f"path:{folder}")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tny", "did you mean 'tiny'"),
        ("path:", "there is no checkpoint folder ''"),
        ("path:/no/such/folder", "there is no checkpoint folder '/no/such/folder'"),
        ("path:{folder},card=lada-1.5", "unknown model card 'lada-1.5'; did you mean 'llada-1.5'"),
        ("path:{folder},dtype=float8", "'float32', 'bfloat16' or 'float16'"),
        ("path:{folder},device=cpu", "has no key 'device'"),
        ("path:{folder},card", "not key=value"),
    ],
)
def test_a_mistake_in_the_name_is_one_sentence(spec: str, words: str, random_checkpoint: Path) -> None:
    assert words in sentence(spec.format(folder=random_checkpoint))


@pytest.mark.parametrize("name", ["tiny", "tiny-text"])
def test_shipped_weights_that_are_missing_can_be_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parallelbench.models.checkpoint_sources.SHIPPED", tmp_path)
    assert f"make them with 'parallelbench train {name} -o DIR' and run -m path:DIR" in sentence(name)


def test_a_checkpoint_may_name_its_card(random_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    assert load_model(f"path:{folder}").info.card == "tiny"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"parallelbench_card": "tiny-text"}), encoding="utf-8")
    assert load_model(f"path:{folder}").info.card == "tiny-text"
    assert load_model(f"path:{folder},card=tiny").info.card == "tiny"
