"""The base class of list and puzzle tasks: their question has one of three wordings, in `data/wordings.yaml`.

A wording changes only the text around the operands: sample i has the same operands and answers in each. A chat template is
another thing; it belongs to the model.
"""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field

from parallelbench.tasks.base import Task
from parallelbench.tasks.english import table
from parallelbench.tasks.template import fill

Wording = Literal["plain", "polite", "task_first"]
WORDINGS: tuple[Wording, ...] = get_args(Wording)


class WordedTask(Task, ABC):
    """A task that puts its question in one of our wordings."""

    texts: ClassVar[str]
    """The part of `wordings.yaml` that holds its texts."""

    wording: Wording = Field("plain", description="which of our wordings the question has")

    @property
    def fingerprint(self) -> str:
        """A hash of the tables that only values other than the defaults use; empty at the defaults, which `version` covers.

        So a changed text of another wording is another cell, and no default sample changes with it.
        """
        tables = self._tables()
        return sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest() if tables else ""

    def _tables(self) -> dict[str, Any]:
        """The tables that the values of this task's options take from the package, without those of the defaults."""
        return {} if self.wording == "plain" else {"wording": self._texts()}

    def _texts(self) -> Mapping[str, str]:
        found: Mapping[str, str] = table("wordings.yaml")[self.texts][self.wording]
        return found

    def _ask(self, instruction: str = "", **operands: object) -> str:
        """The text of the question; `instruction` is the key of the sentence that says what to do, "" where `text` says it."""
        texts = self._texts()
        said = {"instruction": fill(texts[instruction], operands)} if instruction else {}
        return fill(texts["text"], {**operands, **said})
