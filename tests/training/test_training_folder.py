"""The folder of a training (fault 52): locked, whole at any moment, and only its own training goes on in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from children import Child
from parallelbench.errors import UserError
from parallelbench.training.folder import CHECKPOINT, LOG, RECIPE, training_folder

MINE = {"steps": 2, "seed": 0}
STATE = {"model": {}, "optimisers": [], "step": 2, "seconds": 1.0}


def resume(out: Path, name: str = "tiny", **recipe: object) -> dict | None:
    with training_folder(out, name, {**MINE, **recipe}) as folder:
        return folder.resume()


@pytest.fixture
def half_trained(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    with training_folder(out, "tiny", MINE) as folder:
        assert folder.resume() is None
        for step in (1, 2, 3):
            folder.log({"step": step, "loss": {}})
        folder.save_checkpoint(STATE)
    return out


def test_a_training_goes_on_and_its_log_is_cut_to_the_checkpoint(half_trained: Path) -> None:
    assert resume(half_trained)["step"] == 2  # type: ignore[index]
    assert [json.loads(line)["step"] for line in (half_trained / LOG).read_text("utf-8").splitlines()] == [1, 2]


def test_another_training_or_recipe_is_refused_by_name(half_trained: Path) -> None:
    with pytest.raises(UserError, match="name=tiny, not tiny-ar"):
        resume(half_trained, "tiny-ar")
    with pytest.raises(UserError, match="seed=0, not 3"):
        resume(half_trained, seed=3)
    (half_trained / RECIPE).unlink()  # the checkpoint knows its recipe too
    with pytest.raises(UserError, match="name=tiny, not tiny-text"):
        resume(half_trained, "tiny-text")


@pytest.mark.parametrize("left", ["", "{", "[]", "null", '{"a": ' * 3000, None])
def test_a_damaged_recipe_file_loses_no_checkpoint(half_trained: Path, left: str | None) -> None:
    if left is None:
        (half_trained / RECIPE).unlink()
    else:
        (half_trained / RECIPE).write_text(left)
    assert resume(half_trained)["step"] == 2  # type: ignore[index]
    assert json.loads((half_trained / RECIPE).read_text("utf-8")) == {"name": "tiny", **MINE}


def broken(out: Path, how: str) -> None:
    path = out / CHECKPOINT
    whole = path.read_bytes()
    if how == "torn":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no checkpoint")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        wrong = {
            "list": [1],
            "no identity": STATE,
            "step of text": {**STATE, "step": "2", "identity": MINE},
            "step 0": {**STATE, "step": 0, "identity": MINE},
        }
        torch.save(wrong[how], path)


@pytest.mark.parametrize("how", ["torn", "empty", "text", "folder", "list", "no identity", "step of text", "step 0"])
def test_a_checkpoint_that_is_none_is_one_sentence(half_trained: Path, how: str) -> None:
    broken(half_trained, how)
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or no checkpoint of this training"):
        resume(half_trained)


@pytest.mark.parametrize("line", ["{", "[]", '{"step": "x"}', '{"loss": 1}', '"' + "x" * 50])
def test_a_damaged_log_line_is_named(half_trained: Path, line: str) -> None:
    log = half_trained / LOG
    log.write_text(line + "\n" + log.read_text("utf-8"), encoding="utf-8")
    with pytest.raises(UserError, match=r"log.jsonl line 1 is damaged"):
        resume(half_trained)


def test_a_torn_last_log_line_is_dropped(half_trained: Path) -> None:
    with (half_trained / LOG).open("a") as file:
        file.write('{"step": 1, "lo')
    assert resume(half_trained) is not None
    assert len((half_trained / LOG).read_text("utf-8").splitlines()) == 2


def test_two_trainings_never_write_one_folder(half_trained: Path) -> None:
    with training_folder(half_trained, "tiny", MINE):
        done = Child(resume, half_trained).wait()
    assert done.returncode and "another process is writing" in done.stderr


def test_other_files_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match=r"no training \(thesis.tex\)"):
        resume(tmp_path)
    assert not (tmp_path / RECIPE).exists()


def test_the_model_s_files_are_put_in_place_as_a_whole(tmp_path: Path) -> None:
    def save(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise KeyboardInterrupt

    with training_folder(tmp_path / "out", "tiny", MINE) as folder:
        with pytest.raises(KeyboardInterrupt):
            folder.save_model(save)
        assert not (tmp_path / "out" / "a").exists()
        folder.save_model(lambda to: (to / "a").write_text("2") and None)
    assert (tmp_path / "out" / "a").read_text() == "2"
