"""Three steps of training: a checkpoint that loads, and an interruption that leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.models import load_model
from parallelbench.tasks import load_task
from parallelbench.training.tiny import Recipe, train

RECIPE = Recipe(steps=3, warmup=1, hidden_size=64, layers=2, heads=2, mlp_size=32, threads=1)


def run(folder: Path, say: Callable[[str], None] = lambda line: None) -> dict[str, torch.Tensor]:
    assert train(folder, RECIPE, every=1, say=say) == folder
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(folder)
    return folder


def test_training_writes_a_model_that_decodes(undisturbed: Path) -> None:
    model = load_model(f"path:{undisturbed}")
    task = load_task("waiting_line/copy")
    prompt = make_prompt(model, task.sample(0, 0, model.info.shots), 8)
    (done,) = Engine(model).generate([prompt], load_decoder("confidence:k=4"))
    assert len(done.token_ids) == 8 and model.info.layers == 2


def test_training_leaves_its_log_and_its_recipe(undisturbed: Path) -> None:
    lines = [json.loads(line) for line in (undisturbed / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert all(set(line["loss"]) <= {"lists", "puzzles", "operations"} and min(line["loss"].values()) > 0 for line in lines)
    assert Recipe.model_validate_json((undisturbed / "recipe.json").read_text(encoding="utf-8")) == RECIPE


def test_a_finished_training_is_not_repeated(undisturbed: Path) -> None:
    said: list[str] = []
    before = (undisturbed / "model.safetensors").read_bytes()
    run(undisturbed, said.append)
    assert said == [] and (undisturbed / "model.safetensors").read_bytes() == before


def test_an_interrupted_training_ends_in_the_same_weights(undisturbed: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupt)
    assert json.loads(said[-1])["step"] == 2
    resumed: list[str] = []
    weights = run(tmp_path, resumed.append)
    assert json.loads(resumed[0])["step"] == 2 and len(resumed) == 2
    expected = load_file(undisturbed / "model.safetensors")
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_training_changes_every_weight(undisturbed: Path, tmp_path: Path) -> None:
    from parallelbench.training.tiny import new_model

    trained = torch.load(undisturbed / "checkpoint.pt", weights_only=True)["model"]
    fresh = new_model(RECIPE, trained["model.embed_tokens.weight"].shape[0]).state_dict()
    assert all(not torch.equal(trained[name], fresh[name]) for name in fresh)
