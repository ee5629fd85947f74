"""A model is described without its weights: plans and dry runs read none, and each model of a sweep is loaded once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sedd_reference
from layout_checkpoints import LAYOUT_NAMES, write

from parallelbench.cli import invoke
from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.models import describe
from parallelbench.schema import Sample
from parallelbench.tasks import load_task


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("weights were read")

    monkeypatch.setattr("parallelbench.models.checkpoint.safe_open", refuse)


def sample() -> Sample:
    return load_task("waiting_line/copy").sample(0, 0, shots=0)


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_what_is_described_is_what_is_loaded(layout: str, tmp_path: Path) -> None:
    handle = describe(f"path:{write(tmp_path / 'My Model', layout)}")
    assert isinstance(handle, DenoiserHandle)
    model = handle.load()
    assert model.info == handle.info and model.vocabulary() == handle.vocabulary()
    turns = sample().turns
    assert model.codec_for(sample()).encode_chat(turns) == handle.codec_for(sample()).encode_chat(turns)


@pytest.mark.parametrize(
    "spec", ["tiny", "tiny2", "tiny-text:shots=2", "exact", "exact:tokenizer=tiny", "exact:tokenizer=tiny2"]
)
def test_models_that_need_no_files_of_the_user(spec: str) -> None:
    handle = describe(spec)
    assert handle.load().info == handle.info


@pytest.mark.parametrize("noise", ["absorb", "uniform"])
def test_a_score_network_is_described(noise: str, tmp_path: Path) -> None:
    handle = describe(f"path:{sedd_reference.write(tmp_path, noise)}")
    assert handle.load().info == handle.info


def test_a_plan_reads_no_weights(no_weights: None, random_checkpoint: Path) -> None:
    sweep = Sweep(
        models=("tiny", f"path:{random_checkpoint}", "exact"), tasks=("waiting_line/*", "words_to_sentence/easy:samples=3"),
        decoders=("confidence:k=[1,2,4]",), limit=5, allow_short_canvas=True,
    )  # fmt: skip
    with pytest.raises(UserError, match="no law"):
        plan(sweep, ModelPool())
    assert len(plan(sweep.model_copy(update={"models": sweep.models[:2]}), ModelPool())) == 66


# fault 40
def test_each_model_of_a_sweep_is_loaded_once(random_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from parallelbench.models import assemble

    loaded: list[str] = []
    load = assemble.load

    def counting(described: Any) -> Any:
        loaded.append(described.info.name)
        return load(described)

    monkeypatch.setattr("parallelbench.models.assemble.load", counting)
    other = shutil.copytree(random_checkpoint, tmp_path / "other")
    specs = (f"path:{random_checkpoint}", f"path:{other}", f"path:{random_checkpoint}")
    sweep = Sweep(models=specs, tasks=("waiting_line/copy",), decoders=("one_by_one",), limit=2, allow_short_canvas=True)
    pool = ModelPool()
    for planned in plan(sweep, pool):
        pool.get(planned.model)
    assert loaded == [random_checkpoint.name, "other"]


# fault 24
def test_a_path_is_listed_under_its_folder_with_its_layout(random_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(random_checkpoint, tmp_path / "my fine-tune")
    info = describe(f'path:"{folder}"').info
    assert (info.name, info.layout, info.path, info.card) == ("my fine-tune", "llada", str(folder), "tiny")
    assert describe(f'path:"{folder}",name=mine').info.name == "mine"
    llada = write(tmp_path / "LLaDA-8B-Instruct-sft", "llada")
    assert describe(f"path:{llada}").info.name == "LLaDA-8B-Instruct-sft"


def test_a_plan_says_which_folder_a_cell_is_from(random_checkpoint: Path) -> None:
    sweep = Sweep(models=(f"path:{random_checkpoint}",), tasks=("words_to_sentence/easy",), decoders=("one_by_one",))
    (planned,) = plan(sweep, ModelPool())
    assert planned.cell.model == random_checkpoint.name
    assert (planned.cell.model_facts.path, planned.cell.model_facts.layout) == (str(random_checkpoint), "llada")


def test_a_folder_that_is_called_after_a_repository_has_its_card(tmp_path: Path) -> None:
    folder = write(tmp_path / "Dream-v0-Base-7B", "dream")
    assert (describe(f"path:{folder}").info.card, describe(f"path:{folder}").info.template) == ("dream-v0-base", "none")
    snapshot = tmp_path / "models--Dream-org--Dream-Coder-v0-Instruct-7B" / "snapshots" / ("0" * 40)
    shutil.copytree(folder, snapshot)
    info = describe(f"path:{snapshot}").info
    assert (info.card, info.name) == ("dream-coder-v0-instruct", "Dream-org/Dream-Coder-v0-Instruct-7B")


def test_a_whole_model_beside_an_adapter_is_read_and_the_adapter_is_named(random_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    shutil.copyfile(folder / "model.safetensors", folder / "adapter_model.safetensors")
    handle = describe(f"path:{folder}")
    assert handle.load().info == handle.info and "adapter_model.safetensors" in handle.notes[0]
    sweep = Sweep(models=(f"path:{folder}",), tasks=("words_to_sentence/easy",), decoders=("one_by_one",))
    assert handle.notes[0] in plan(sweep, ModelPool())[0].cautions


def test_what_a_card_says_can_be_said_otherwise(tmp_path: Path) -> None:  # fault 17
    folder = write(tmp_path / "model", "llada")
    plain = describe(f"path:{folder}")
    assert (plain.info.template, plain.info.shots) == ("llada", None)
    info = describe(f"path:{folder},template=none,shots=3,mask=126081,ends=[126348],pad='<|eot_id|>'").info
    assert (info.template, info.shots, info.mask_id, info.end_ids, info.pad_id) == ("none", 3, 126081, (126348,), 126348)
    assert info.revision == f"{plain.info.revision},mask=#126081,pad=<|eot_id|>,ends=#126348"
    base = write(tmp_path / "LLaDA-8B-Base", "llada")
    assert describe(f"path:{base}").info.template == "none"
    chat = describe(f"path:{base},template=chat")
    assert isinstance(chat, DenoiserHandle) and chat.info.template == "llada"
    assert chat.codec_for(sample()).encode_chat(sample().turns)[1].startswith("<|startoftext|>")


def test_a_mask_that_config_and_card_know_by_two_ids_must_be_chosen(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", "llada")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"mask_token_id": 126081}), encoding="utf-8")
    with pytest.raises(UserError, match="mask_token_id=126081, but the mask of llada-8b-instruct models is token 126336"):
        describe(f"path:{folder}")
    assert describe(f"path:{folder},mask=126336").info.mask_id == 126336


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_show_model_tells_what_config_and_index_say_without_the_weights(  # fault 36
    layout: str, no_weights: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "mine", layout)
    handle = describe(f"path:{folder}")
    assert invoke(["show", "model", f"path:{folder}"]) == 0
    said = capsys.readouterr().out
    info = handle.info
    assert isinstance(handle, DenoiserHandle) and "mine, revision" in said and str(folder)[:20] in said
    for fact in (
        "layout",
        f"{info.context_length:,} tokens",
        f"{info.active_params:,} a token",
        f"{info.layers} layers",
        *info.offers,
    ):
        assert fact in said, fact


@pytest.mark.parametrize("name", ["tiny", "tiny2", "tiny-text", "exact", "exact:tokenizer=tiny2"])
def test_show_model_of_what_ships_reads_no_weights(name: str, no_weights: None, capsys: pytest.CaptureFixture[str]) -> None:
    info = describe(name).info
    assert isinstance(info, ModelInfo) and invoke(["show", "model", name]) == 0
    said = capsys.readouterr().out
    assert f"{info.context_length:,} tokens" in said and all(offer in said for offer in info.offers)
    assert not info.active_params or f"{info.active_params:,} a token" in said


def test_show_model_of_a_broken_folder_is_one_sentence(random_checkpoint: Path, tmp_path: Path, capsys: Any) -> None:
    for name in ("", "/nowhere", str(tmp_path)):
        assert invoke(["show", "model", f"path:{name}"]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
