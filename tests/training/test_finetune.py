"""Fine-tuning: an adapter lowers the loss, an interruption leaves no trace, and what is written runs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from checkpoints import MakeCheckpoint
from children import Child
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.errors import UserError
from parallelbench.experiments.cell import make_cell
from parallelbench.models import describe, load_model
from parallelbench.tasks import load_task
from parallelbench.training.finetune.options import Full, Lora
from parallelbench.training.finetune.train import train_full, train_lora

TASK = "waiting_line/copy:lengths=[3]"
SMALL = {"task": TASK, "batch": 4, "validation": 8, "samples": 40, "rate": 3e-3, "warmup": 0.1}


def quiet(line: str) -> None:
    pass


def lora(start: Path, **options: object) -> Lora:
    return Lora.model_validate({"base": f"path:{start}", "rank": 8, **SMALL, **options})


def full(start: Path, **options: object) -> Full:
    return Full.model_validate({"base": f"path:{start}", **SMALL, **options})


@pytest.fixture(scope="module")
def base(make_checkpoint: MakeCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of four layers in LLaDA's layout."""
    return make_checkpoint(tmp_path_factory.mktemp("base"), layers=4, scale=0.2)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter after a few steps."""
    return train_lora(tmp_path_factory.mktemp("out") / "copy", lora(base, steps=21, every=7), quiet)


def logits(model: Denoiser, text: str = TASK) -> torch.Tensor:
    """The logits of the first forward on one sample."""
    from parallelbench.contracts.forward import ForwardBatch

    prompt = make_prompt(model, load_task(text).sample(0, 0, 0), 32)
    ids = np.array([[*prompt.ids, *prompt.canvas]])
    columns = np.arange(len(prompt.ids), ids.shape[1])
    batch = ForwardBatch(ids, np.array([ids.shape[1]]), np.zeros_like(columns), columns, (prompt,))
    with torch.inference_mode():
        return model.forward(batch).logits


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def validation(folder: Path) -> list[float]:
    return [json.loads(line)["validation"] for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def test_lora_lowers_the_loss_of_a_random_base(adapter: Path) -> None:
    first, middle, last = validation(adapter)
    assert first > middle > last


@pytest.mark.slow
def test_two_hundred_steps_of_lora_lower_the_loss_by_a_third(base: Path, tmp_path: Path) -> None:
    losses = validation(train_lora(tmp_path / "out", lora(base, steps=200, every=1), quiet))
    assert losses[-1] < 0.67 * losses[0], (losses[0], losses[-1])


def test_an_adapter_runs_on_its_base_and_changes_it(base: Path, adapter: Path) -> None:
    plain, tuned = load_model(f"path:{base}"), load_model(f"path:{base},adapter={adapter}")
    assert not torch.allclose(logits(plain), logits(tuned), atol=0.1)
    prompt = make_prompt(tuned, load_task(TASK).sample(0, 0, 0), 32)
    (done,) = Engine(tuned).generate([prompt], load_decoder("confidence:k=8"))
    assert len(done.token_ids) == 32


def test_peft_reads_the_adapter_and_computes_the_same(base: Path, adapter: Path) -> None:
    peft = pytest.importorskip("peft")
    from parallelbench.models.layouts import LLADA_RENAMES, rename

    model = load_model(f"path:{base}")
    native = model.network  # type: ignore[attr-defined]
    config = peft.LoraConfig.from_pretrained(str(adapter))
    assert (config.r, config.peft_type) == (8, "LORA") and set(config.target_modules) == {"q_proj", "k_proj", "v_proj"}
    peft.inject_adapter_in_model(config, native)
    stored = {name.removeprefix("base_model.model."): tensor for name, tensor in weights(adapter).items()}
    found = peft.set_peft_model_state_dict(native, {rename(name, LLADA_RENAMES): tensor for name, tensor in stored.items()})
    assert not found.unexpected_keys
    native.eval()
    torch.testing.assert_close(logits(model), logits(load_model(f"path:{base},adapter={adapter}")), atol=1e-4, rtol=1e-4)


def test_an_adapter_is_known_before_weights_are_loaded_and_is_in_the_cell(base: Path, adapter: Path) -> None:
    plain, tuned = describe(f"path:{base}"), describe(f"path:{base},adapter={adapter}")
    assert tuned.info.name == f"{plain.info.name}+{adapter.name}" and str(adapter) in tuned.info.tuned
    cells = [make_cell(one.info, load_task(TASK), load_decoder("confidence:k=4"), 0) for one in (plain, tuned)]  # type: ignore[arg-type]
    assert cells[0].id != cells[1].id
    assert tuned.load().info == tuned.info


def interrupted(train: Callable[..., Path], options: object, out: Path) -> None:
    said: list[str] = []

    def stop(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(out, options, stop)
    train(out, options, quiet)


def test_an_interrupted_lora_training_ends_in_the_same_weights(base: Path, tmp_path: Path) -> None:
    options = lora(base, steps=3, every=1, rows=3, dropout=0.3)
    train_lora(tmp_path / "whole", options, quiet)
    interrupted(train_lora, options, tmp_path / "parts")
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert any(float(tensor.abs().max()) > 0 for name, tensor in one.items() if "lora_B" in name)


def test_a_killed_training_ends_in_the_same_weights(base: Path, tmp_path: Path) -> None:
    options = lora(base, steps=30, every=2, batch=1, validation=0)
    child = Child(train_lora, tmp_path / "killed", options, quiet)
    log, deadline = tmp_path / "killed" / "log.jsonl", time.monotonic() + 60
    while not (log.is_file() and log.read_text("utf-8").count("\n") >= 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send(signal.SIGKILL)
    assert child.wait().returncode != 0
    assert json.loads(log.read_text("utf-8").splitlines()[-1])["step"] < 30
    train_lora(tmp_path / "killed", options, quiet)
    train_lora(tmp_path / "whole", options, quiet)
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_whole_model_is_trained_resumed_and_runs(base: Path, tmp_path: Path) -> None:
    options = full(base, steps=3, every=1)
    train_full(tmp_path / "whole", options, quiet)
    interrupted(train_full, options, tmp_path / "parts")
    one, other, before = (load_file(folder / "model.safetensors") for folder in (tmp_path / "whole", tmp_path / "parts", base))
    assert one.keys() == before.keys()
    assert all(torch.equal(one[name], other[name]) and not torch.equal(one[name], before[name]) for name in one)
    tuned = load_model(f"path:{tmp_path / 'whole'}")
    assert tuned.info.tuned == TASK and not torch.allclose(logits(tuned), logits(load_model(f"path:{base}")))


def test_an_adapter_of_a_base_in_bfloat16_is_trained_in_float32(base: Path, tmp_path: Path) -> None:
    options = lora(base, steps=1, validation=4).model_copy(update={"base": f"path:{base},dtype=bfloat16"})
    found = weights(train_lora(tmp_path / "half", options, quiet))
    assert all(tensor.dtype == torch.float32 for tensor in found.values())
    full_precision = weights(train_lora(tmp_path / "full", lora(base, steps=1, validation=4), quiet))
    assert validation(tmp_path / "half") == pytest.approx(validation(tmp_path / "full"), rel=0.05)
    assert any(not torch.equal(found[name], full_precision[name]) for name in found)


def test_a_training_does_not_go_on_from_another_base(base: Path, make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    train_lora(tmp_path / "out", lora(base, steps=1), quiet)
    moved = make_checkpoint(tmp_path / "moved", layers=4, scale=0.2, seed=5)
    with pytest.raises(UserError, match="base=path:"):
        train_lora(tmp_path / "out", lora(moved, steps=1), quiet)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": "exact"}, "no weights that could be trained"),
        ({"base": "tiny-ar"}, "decodes in its own way and cannot be fine-tuned"),
        ({"base": "openai:m@http://localhost:1"}, "decodes in its own way and cannot be fine-tuned"),
        ({"base": "path:/no/such/folder"}, "no checkpoint folder"),
        ({"base": "tinny"}, "did you mean"),
        ({"task": "waiting_line/shufle"}, "did you mean"),
        ({"task": "waiting_line/shuffle:lengths=[12],max_new_tokens=16"}, "do not fit in 16 tokens"),
        ({"task": "waiting_line/copy:lengths=[90],max_new_tokens=480"}, "fit in the 512 tokens"),
        ({"rank": 33}, "rank=33 is above the width 32 of q_proj"),
        ({"targets": ["query"]}, "no layer 'query'"),
        ({"device": "cuda"}, "device=cpu"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(
    base: Path, tmp_path: Path, options: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with pytest.raises(UserError, match=said):
        train_lora(tmp_path / "out", lora(base, steps=1, **options), quiet)
    assert not (tmp_path / "out").exists()
