"""Four steps of training: a checkpoint that loads, and an interruption that leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.errors import UserError
from parallelbench.models import load_model
from parallelbench.tasks import load_task
from parallelbench.training.data import Batches
from parallelbench.training.initialise import add_layers
from parallelbench.training.optimisers import Optimisers
from parallelbench.training.recipes import RECIPES
from parallelbench.training.stages import Recipe, Shipped, Stage
from parallelbench.training.steps import ThreadedSteps
from parallelbench.training.tiny import masked_loss, new_model, train

RECIPE = Recipe(steps=2, warmup=1, hidden_size=96, layers=2, heads=3, mlp_size=32, threads=1)


TASKS = {"tiny": "waiting_line/copy", "tiny2": "waiting_line/copy:wording=polite", "tiny-text": "words_to_sentence/easy"}


@pytest.fixture(scope="module", params=RECIPES)
def shipped(request: pytest.FixtureRequest) -> Shipped:
    """A model that ships, with small batches, the words of few samples, and a second stage that adds a layer."""
    whole = RECIPES[request.param]
    small = tuple(replace(group, batch=4) for group in whole.stages[0].mixture)
    return replace(whole, stages=(Stage(small, hold=0.5), Stage(small, layers=1)), samples_per_task=10)


def run(folder: Path, shipped: Shipped, say: Callable[[str], None] = lambda line: None) -> dict[str, torch.Tensor]:
    assert train(folder, RECIPE, every=1, say=say, shipped=shipped) == folder
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def undisturbed(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(folder, shipped)
    return folder


def test_training_writes_a_model_that_decodes(undisturbed: Path, shipped: Shipped) -> None:
    model = load_model(f"path:{undisturbed}")
    task = load_task(TASKS[shipped.card.name])
    prompt = make_prompt(model, task.sample(0, 0, model.info.shots), 8)
    (done,) = Engine(model).generate([prompt], load_decoder("confidence:k=4"))
    assert len(done.token_ids) == 8 and model.info.layers == 3
    assert (model.info.name, model.info.card) == (undisturbed.name, shipped.card.name) and len(
        prompt.ids
    ) % shipped.card.align == 0


def test_training_leaves_its_log_and_its_recipe(undisturbed: Path, shipped: Shipped) -> None:
    lines = [json.loads(line) for line in (undisturbed / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    groups = {group.name for group in shipped.stages[0].mixture}
    assert all(set(line["loss"]) <= groups and min(line["loss"].values()) > 0 for line in lines)
    said = json.loads((undisturbed / "recipe.json").read_text(encoding="utf-8"))
    assert said.pop("name") == shipped.card.name and Recipe.model_validate(said) == RECIPE


def test_a_finished_training_is_not_repeated(undisturbed: Path, shipped: Shipped) -> None:
    said: list[str] = []
    before = (undisturbed / "model.safetensors").read_bytes()
    run(undisturbed, shipped, said.append)
    assert said == [] and (undisturbed / "model.safetensors").read_bytes() == before


def test_an_interrupted_training_ends_in_the_same_weights(undisturbed: Path, shipped: Shipped, tmp_path: Path) -> None:
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, shipped, interrupt)
    assert json.loads(said[-1])["step"] == 2
    resumed: list[str] = []
    weights = run(tmp_path, shipped, resumed.append)
    assert json.loads(resumed[0])["step"] == 2 and len(resumed) == 3
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert steps == [1, 2, 3, 4]  # what was done twice is logged once
    expected = load_file(undisturbed / "model.safetensors")
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_training_does_not_go_on_with_another_recipe(undisturbed: Path, shipped: Shipped) -> None:
    before = (undisturbed / "recipe.json").read_bytes()
    with pytest.raises(UserError, match="seed=0, not 7"):
        train(undisturbed, RECIPE.model_copy(update={"seed": 7}), shipped=shipped)
    assert (undisturbed / "recipe.json").read_bytes() == before


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_rows_shared_out_among_threads_give_the_gradient_of_the_whole_batch(shipped: Shipped, threads: int) -> None:
    tokenizer = shipped.tokenizer()
    uneven = replace(shipped, stages=(Stage(tuple(replace(group, batch=5) for group in shipped.stages[0].mixture)),))
    _, batch = Batches(tokenizer, 0, uneven)[0]
    model = new_model(RECIPE, tokenizer.get_vocab_size(), opening=4)
    found = []
    for count in (1, threads):
        recipe = RECIPE.model_copy(update={"threads": count})
        steps = ThreadedSteps(model, recipe, Optimisers(model, recipe), lambda rows: masked_loss(model, rows, mask_id=3))
        loss = steps.set_gradients(batch)
        found.append((loss, [weight.grad for weight in model.parameters()]))
    (loss, whole), (shared_loss, shared) = found
    assert shared_loss == pytest.approx(loss, rel=1e-6)
    torch.testing.assert_close(shared, whole, rtol=1e-4, atol=1e-7)


def test_training_changes_every_weight(undisturbed: Path) -> None:
    trained = torch.load(undisturbed / "checkpoint.pt", weights_only=True)["model"]
    model = new_model(RECIPE, trained["model.embed_tokens.weight"].shape[0], opening=4)
    add_layers(model, 3, RECIPE.seed)
    fresh = model.state_dict()
    assert all(not torch.equal(trained[name], fresh[name]) for name in fresh)


def test_products_in_bfloat16_leave_weights_in_float32_and_losses_where_they_were(
    undisturbed: Path, shipped: Shipped, tmp_path: Path
) -> None:
    train(tmp_path, RECIPE.model_copy(update={"precision": "bfloat16"}), every=1, shipped=shipped, say=lambda line: None)
    weights, whole = (load_file(folder / "model.safetensors") for folder in (tmp_path, undisturbed))
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())
    assert any(not torch.equal(weights[name], whole[name]) for name in whole)
    ours, theirs = (json.loads((folder / "log.jsonl").read_text("utf-8").splitlines()[0]) for folder in (tmp_path, undisturbed))
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.01)


def test_a_training_on_a_gpu_says_where_there_is_none(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device=cpu"):
        train(tmp_path / "out", RECIPE.model_copy(update={"device": "cuda"}), shipped=shipped)
    assert not (tmp_path / "out").exists()
