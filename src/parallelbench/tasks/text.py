"""The base class of the text tasks: by default no demonstration and 64 new tokens, and answers without a frame."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from pydantic import Field, field_validator

from parallelbench.tasks.base import Task

TEXT_TOKENS = 64
SENTENCE_METRICS = ("grammar", "inclusion")
SUMMARY_METRICS = ("grammar", "rouge_l")
PARAPHRASE_METRICS = ("grammar", "one_minus_bleu", "rouge_l")
STORY_METRICS = ("grammar", "words_in_order", "inclusion")


class TextTask(Task, ABC):
    """A task with sentences as answers."""

    default_shots: ClassVar[int] = 0

    max_new_tokens: int = Field(TEXT_TOKENS, ge=1, description="length of the canvas in tokens")

    @field_validator("infill")
    @classmethod
    def _no_frame(cls, infill: bool) -> bool:
        if infill:
            raise ValueError("the answers of text tasks have no frame; leave infill out")
        return infill
