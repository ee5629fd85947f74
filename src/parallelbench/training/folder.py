"""The folder of a training: its recipe, its log, its checkpoint and the files of the model, each whole at any moment.

OUT/recipe.json     the training's name and its recipe, written first
OUT/log.jsonl       one line for each checkpoint
OUT/checkpoint.pt   weights, optimisers, step, and once more name and recipe
OUT/.lock           held by the process that trains
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from parallelbench.errors import UserError
from parallelbench.runs.disk import disk_errors, locked, write_text

RECIPE, LOG, CHECKPOINT = "recipe.json", "log.jsonl", "checkpoint.pt"
UNREADABLE = (RuntimeError, pickle.UnpicklingError, BadZipFile, EOFError, ValueError, KeyError, TypeError, OSError, IndexError)
"""What torch raises for a file that is no checkpoint, or is a part of one."""


class TrainingFolder:
    """The files of one training; made by `training_folder`, which holds the lock."""

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        self.out = out
        self.identity = dict(identity)

    def resume(self) -> dict[str, Any] | None:
        """Return what the checkpoint holds, or None where the training starts anew; the log is cut to the checkpoint's step.

        Raises:
            UserError: the folder holds other files, a training of another name or recipe, or a damaged checkpoint or log.
        """
        state = self._checkpoint()
        known = self._recipe() if state is None else state["identity"]
        if known is None:
            self._refuse_foreign_files()
        else:
            self._refuse_another_recipe(known)
        write_text(self.out / RECIPE, json.dumps(self.identity, indent=2) + "\n")
        self._cut_log(0 if state is None else state["step"])
        return state

    def log(self, line: Mapping[str, Any]) -> None:
        """Append a line to the log."""
        with disk_errors(self.out), (self.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def save_model(self, save: Callable[[Path], None]) -> None:
        """Let `save` write the model's files into an empty folder, and put each in its place as a whole."""
        draft = self.out / ".model"
        with disk_errors(self.out):
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            save(draft)
            for path in sorted(draft.iterdir()):
                path.replace(self.out / path.name)
            draft.rmdir()

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write the checkpoint as a whole or not at all."""
        partial = self.out / "checkpoint.partial"
        with disk_errors(self.out):
            with partial.open("wb") as file:
                torch.save({**state, "identity": self.identity}, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.out / CHECKPOINT)

    def damaged(self, error: Exception) -> UserError:
        """The sentence for a checkpoint that cannot be taken up."""
        return UserError(
            f"{self.out / CHECKPOINT} is damaged or no checkpoint of this training ({_short(error)}); "
            "move it away to train anew."
        )

    def _checkpoint(self) -> dict[str, Any] | None:
        path = self.out / CHECKPOINT
        if not path.exists():
            return None
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            complete = isinstance(state["identity"], dict) and isinstance(state["step"], int) and state["seconds"] >= 0
            if not complete or state["step"] < 1:
                raise ValueError("it lacks its recipe or its step")
        except UNREADABLE as error:
            raise self.damaged(error) from error
        return dict(state)

    def _recipe(self) -> dict[str, Any] | None:
        """What recipe.json says, None where there is none that can be read: without a checkpoint nothing is lost."""
        try:
            known = json.loads((self.out / RECIPE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return known if isinstance(known, dict) else None

    def _refuse_foreign_files(self) -> None:
        ours = {RECIPE, LOG, "checkpoint.partial"}
        foreign = sorted(path.name for path in self.out.iterdir() if path.name not in ours and not path.name.startswith("."))
        if foreign:
            raise UserError(f"{self.out} holds files that are no training ({foreign[0]}); choose another folder with -o.")

    def _refuse_another_recipe(self, known: Mapping[str, Any]) -> None:
        for key in sorted(known.keys() | self.identity.keys(), key=lambda key: (key != "name", key)):
            if known.get(key) != self.identity.get(key):
                raise UserError(
                    f"{self.out} is being trained with {key}={_short(known.get(key))}, not {self.identity.get(key)}; give the "
                    "same recipe to go on, or choose another folder with -o."
                )

    def _cut_log(self, step: int) -> None:
        """Drop a torn last line, and what the log says of steps after the checkpoint, which are taken again."""
        path = self.out / LOG
        if path.is_file():
            write_text(path, "".join(line for line, said in _log_lines(path) if said <= step))


@contextmanager
def training_folder(out: Path, name: str, recipe: Mapping[str, Any]) -> Iterator[TrainingFolder]:
    """Hold the folder of a training against other processes as long as the context lasts.

    Raises:
        UserError: another process trains there, or the folder cannot be written.
    """
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        yield TrainingFolder(out, {"name": name, **recipe})


def _log_lines(path: Path) -> Iterator[tuple[str, int]]:
    """Each whole line of a log with its step."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            return
        try:
            yield line, int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path} line {number} is damaged ({_short(error)}); delete the line to go on.") from error


def _short(value: object) -> str:
    return " ".join(str(value).split())[:80] or type(value).__name__
