"""Adapters at the border: what is refused before weights are read, and that the sum is what LoRA says for every layout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import layout_checkpoints
import pytest
import sedd_reference
import torch
from safetensors.torch import load_file, save_file

from checkpoints import MakeCheckpoint
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.models import describe, load_model
from parallelbench.models.adapter_files import BASE_DIGEST, CONFIG, WEIGHTS
from parallelbench.models.digests import weights_digest
from parallelbench.models.layouts import LAYOUTS
from parallelbench.tasks import load_task
from parallelbench.training.finetune.lora import find, insert, save_adapter
from parallelbench.training.finetune.options import Full, Lora
from parallelbench.training.finetune.train import train_full, train_lora

BLOCK = "model.transformer.blocks.0"
RANK = 2


def write(
    folder: Path, base: Path | None = None, config: Mapping[str, Any] | None = None, **tensors: torch.Tensor | None
) -> Path:
    """An adapter of rank 2 for the queries of the first layer of a small LLaDA, as peft writes it."""
    folder.mkdir(parents=True)
    said = {"peft_type": "LORA", "r": RANK, "lora_alpha": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "x"}
    (folder / CONFIG).write_text(json.dumps(said | dict(config or {})))
    generator = torch.Generator().manual_seed(1)
    stored = {
        f"base_model.model.{BLOCK}.q_proj.lora_A.weight": torch.randn(RANK, 32, generator=generator),
        f"base_model.model.{BLOCK}.q_proj.lora_B.weight": torch.randn(32, RANK, generator=generator),
        **tensors,
    }
    metadata = {"format": "pt"} | ({BASE_DIGEST: weights_digest(base)} if base else {})
    save_file({name: tensor for name, tensor in stored.items() if tensor is not None}, folder / WEIGHTS, metadata)
    return folder


def test_the_sum_is_base_and_scaled_product(random_checkpoint: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "one", random_checkpoint)
    before, after = (
        dict(load_model(f"path:{random_checkpoint}{option}").network.named_parameters())  # type: ignore[attr-defined]
        for option in ("", f",adapter={folder}")
    )
    a, b = (load_file(folder / WEIGHTS)[f"base_model.model.{BLOCK}.q_proj.lora_{letter}.weight"] for letter in "AB")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"model.layers.0.self_attn.q_proj.weight"}
    (name,) = changed
    torch.testing.assert_close(after[name] - before[name], 4 / RANK * b @ a, atol=1e-5, rtol=1e-5)
    wide = write(tmp_path / "two", random_checkpoint, {"use_rslora": True})
    scaled = dict(load_model(f"path:{random_checkpoint},adapter={wide}").network.named_parameters())  # type: ignore[attr-defined]
    torch.testing.assert_close(scaled[name] - before[name], 4 / RANK**0.5 * b @ a, atol=1e-5, rtol=1e-5)


def test_planning_with_an_adapter_reads_no_tensor(
    random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("weights were read")

    folder = write(tmp_path / "one", random_checkpoint)
    spec = f"path:{random_checkpoint},adapter={folder}"
    monkeypatch.setattr("parallelbench.models.assemble.read_tensors", never)
    sweep = Sweep(models=[spec], tasks=["waiting_line/copy"], decoders=["confidence:k=4"], limit=2)
    (planned,) = plan(sweep, ModelPool())
    assert ",adapter=" in planned.cell.revision and planned.cell.model.endswith("+one")
    (folder / CONFIG).write_text((folder / CONFIG).read_text().replace('"lora_alpha": 4', '"lora_alpha": 8'))
    (other,) = plan(sweep, ModelPool())
    assert other.cell.id != planned.cell.id


def test_an_adapter_of_another_base_is_refused(
    random_checkpoint: Path, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    folder = write(tmp_path / "one", random_checkpoint)
    same_shapes = make_checkpoint(tmp_path / "other", seed=7)
    with pytest.raises(UserError, match="is of another base: it was trained on weights with SHA-256"):
        describe(f"path:{same_shapes},adapter={folder}")
    (nudged := tmp_path / "nudged").mkdir()
    for path in random_checkpoint.iterdir():
        (nudged / path.name).write_bytes(path.read_bytes())
    tensors = load_file(nudged / "model.safetensors")
    tensors[f"{BLOCK}.q_proj.weight"][0, 0] += 1e-6  # one number of one matrix
    save_file(tensors, nudged / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="is of another base"):
        describe(f"path:{nudged},adapter={folder}")
    foreign = write(tmp_path / "foreign")  # of another program, which says nothing of its base's weights
    assert describe(f"path:{same_shapes},adapter={foreign}").info.tuned
    for shipped in ("tiny", "tiny2"):
        with pytest.raises(UserError, match=r"is of another base than tiny.?: it adds to a matrix .* \(32, 32\), which is"):
            describe(f"{shipped}:adapter={foreign}")


def damaged(how: str, folder: Path) -> None:
    weights, config = folder / WEIGHTS, folder / CONFIG
    actions: dict[str, Callable[[], object]] = {
        "torn": lambda: weights.write_bytes(weights.read_bytes()[:-9]),
        "empty": lambda: weights.write_bytes(b""),
        "text": lambda: weights.write_text("no tensors"),
        "no weights": weights.unlink,
        "pickle": lambda: weights.rename(folder / "adapter_model.bin"),
        "no config": config.unlink,
        "config of text": lambda: config.write_text("{"),
        "config of a list": lambda: config.write_text("[]"),
        "nested config": lambda: config.write_text('{"a": ' * 500 + "1" + "}" * 500),
        "folder for weights": lambda: (weights.unlink(), weights.mkdir()),
    }
    actions[how]()


@pytest.mark.parametrize(
    "how",
    [
        "torn", "empty", "text", "no weights", "pickle", "no config", "config of text", "config of a list", "nested config",
        "folder for weights",
    ],
)  # fmt: skip
def test_a_damaged_adapter_is_one_sentence(random_checkpoint: Path, tmp_path: Path, how: str) -> None:
    folder = write(tmp_path / "one")
    damaged(how, folder)
    with pytest.raises(UserError) as caught:
        describe(f"path:{random_checkpoint},adapter={folder}")
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"peft_type": "IA3"}, "peft_type"),
        ({"r": 3}, "is not rank 3"),
        ({"r": 0}, "r cannot be read"),
        ({"lora_alpha": "4"}, "lora_alpha"),
        ({"lora_alpha": float("nan")}, "lora_alpha"),
        ({"use_dora": True}, "use_dora=True, which is not computed"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 4}}, "rank_pattern"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights"),
        ({"bias": "all"}, "bias"),
        ({"a_key_of_tomorrow": 2}, "a_key_of_tomorrow=2"),
    ],
)
def test_an_adapter_that_is_no_plain_lora_is_refused_by_its_key(
    random_checkpoint: Path, tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    folder = write(tmp_path / "one", config=config)
    with pytest.raises(UserError, match=said):
        describe(f"path:{random_checkpoint},adapter={folder}")


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({f"base_model.model.{BLOCK}.q_proj.lora_B.weight": None}, "one factor of"),
        ({f"base_model.model.{BLOCK}.q_proj.lora_magnitude_vector": torch.zeros(32)}, "lora_magnitude_vector"),
        ({f"base_model.model.{BLOCK}.k_proj.lora_A.weight": torch.zeros(2, 32, 1)}, "one factor"),
        ({f"base_model.model.{BLOCK}.q_proj.lora_A.weight": torch.zeros(2, 32, dtype=torch.int8)}, "I8"),
        ({f"base_model.model.{BLOCK}.q_proj.lora_B.weight": torch.zeros(16, 2)}, r"\(16, 32\), which is \(32, 32\)"),
    ],
)
def test_tensors_that_are_no_factors_are_named(
    random_checkpoint: Path, tmp_path: Path, tensors: dict[str, torch.Tensor | None], said: str
) -> None:
    folder = write(tmp_path / "one", **tensors)
    with pytest.raises(UserError, match=said):
        describe(f"path:{random_checkpoint},adapter={folder}")


def test_numbers_that_are_not_finite_are_refused_when_loaded(random_checkpoint: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "one", **{f"base_model.model.{BLOCK}.q_proj.lora_B.weight": torch.full((32, 2), torch.nan)})
    with pytest.raises(UserError, match="not finite"):
        load_model(f"path:{random_checkpoint},adapter={folder}")


def test_an_adapter_named_as_a_checkpoint_says_how_to_run_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "one")
    with pytest.raises(UserError, match="is an adapter and no checkpoint; run it on its base: -m path:BASE,adapter="):
        describe(f"path:{folder}")
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UserError, match="is no adapter"):
            describe(f"tiny:adapter={wrong}")


@pytest.mark.parametrize(
    "layout", ["sdar", "llada2", "sedd", *(pytest.param(one, marks=pytest.mark.slow) for one in ("dream", "llada_moe"))]
)
def test_what_is_trained_in_a_layout_is_what_its_adapter_adds(tmp_path: Path, layout: str) -> None:
    """The network with factors inside, and the base with the adapter that was written from them, have the same weights."""
    pytest.importorskip("peft")
    targets = ["attn_qkv"] if layout == "sedd" else ["q_proj", "v_proj"]
    base = (
        sedd_reference.write(tmp_path / "base", "absorb")
        if layout == "sedd"
        else layout_checkpoints.write(tmp_path / "base", layout)
    )
    options = Lora.model_validate({"base": f"path:{base}", "task": "waiting_line/copy", "rank": 2, "targets": targets})
    network = load_model(options.base).network  # type: ignore[attr-defined]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    insert(network, options)
    inside = find(network)
    with torch.no_grad():
        for one in inside.values():
            one.b.copy_(torch.randn(one.b.shape, generator=torch.Generator().manual_seed(len(inside))))
    (folder := tmp_path / "adapter").mkdir()
    save_adapter(folder, network, options, LAYOUTS[layout], weights_digest(base))
    after = load_model(f"{options.base},adapter={folder}").network.state_dict()  # type: ignore[attr-defined]
    for name, one in inside.items():
        expected = before[f"{name}.weight"] + options.alpha / options.rank * one.b @ one.a
        torch.testing.assert_close(after[f"{name}.weight"], expected.detach(), atol=1e-3, rtol=1e-4)
        before[f"{name}.weight"] = after[f"{name}.weight"]
    assert inside and all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize("kind", ["absorb", "uniform"])
def test_a_score_network_is_fine_tuned_and_runs(kind: str, tmp_path: Path) -> None:
    base = sedd_reference.write(tmp_path / "base", kind)
    options = {"base": f"path:{base}", "task": "list_ops/copy:lengths=[2],shots=0,max_new_tokens=12", "batch": 2}
    options |= {"rate": 1e-2, "warmup": 0.0, "steps": 4, "every": 2, "validation": 4}
    out = train_full(tmp_path / "full", Full.model_validate(options), lambda line: None)
    first, last = (json.loads(line)["validation"] for line in (out / "log.jsonl").read_text("utf-8").splitlines())
    assert 0 < last < first
    assert load_file(out / "model.safetensors").keys() == load_file(base / "model.safetensors").keys()
    model = load_model(f"path:{out}")
    prompt = make_prompt(model, load_task("waiting_line/copy").sample(0, 0, 0), 8)
    (done,) = Engine(model).generate([prompt], load_decoder("euler:steps=3"))
    assert len(done.token_ids) == 8
    pytest.importorskip("peft")
    adapter = train_lora(tmp_path / "lora", Lora.model_validate(options | {"rank": 4, "steps": 1}), lambda line: None)
    assert describe(f"path:{base},adapter={adapter}").load().info.tuned
