"""The submission form of the leaderboard, and the one border through which a submission enters.

A submission holds the primary numbers only: for each setting and task the means of each half of the samples. What is
ranked (PBx, the best accuracy, all intervals) is computed from them by the reader (`leaderboard.boards`), so nothing in a
submission can contradict its numbers. docs/leaderboard.md describes each field.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from parallelbench.clean import for_message
from parallelbench.errors import UserError
from parallelbench.files import read_bytes

FORM: Literal["parallelbench-leaderboard/1"] = "parallelbench-leaderboard/1"
MAX_BYTES = 32 << 20
STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
ADVICE = "make a submission with 'parallelbench leaderboard RUN -o board', which writes board/submission.json"
ROUNDING = 1e-6

Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Text = Annotated[str, StringConstraints(max_length=2000)]
Rate = Annotated[float, Field(ge=0, le=1)]
Speed = Annotated[float, Field(gt=0, le=1e6)]
Spread = Annotated[float, Field(ge=0, le=1e12)]


class Part(BaseModel):
    """The means of a part of a task's samples: one of the two halves, or all samples where a source says no more.

    A variance has the divisor n - 1 and is None where n is 1 or the source does not say it.
    """

    model_config = STRICT
    n: Annotated[int, Field(ge=1, le=10_000_000)]
    accuracy: Rate
    accuracy_variance: Spread | None
    tokens_per_step: Speed
    tokens_per_step_variance: Spread | None

    @model_validator(mode="after")
    def _variance_is_possible(self) -> Part:
        """Scores in [0, 1] with mean a vary most if they are 0 and 1: their variance is at most a (1 - a) n / (n - 1)."""
        if self.accuracy_variance is not None and self.n > 1:
            most = self.accuracy * (1 - self.accuracy) * self.n / (self.n - 1)
            if self.accuracy_variance > most + ROUNDING:
                raise ValueError(f"accuracy_variance is above {most:.4f}, the most that this accuracy allows")
        return self


class TaskResult(BaseModel):
    """One setting on one task. `parts` are the two halves of the samples (`analysis.halves`), or one part with all of them."""

    model_config = STRICT
    task: Name
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=2, strict=False)]


class SettingResult(BaseModel):
    """One setting of a decoder on every task of its curve."""

    model_config = STRICT
    decoder: Name
    tasks: Annotated[tuple[TaskResult, ...], Field(min_length=1, max_length=500, strict=False)]


class Curve(BaseModel):
    """The settings of one decoder on one model. `suite` says where the samples are from, for example ours or official."""

    model_config = STRICT
    model: Name
    revision: Text
    suite: Name
    series: Name
    settings: Annotated[tuple[SettingResult, ...], Field(min_length=1, max_length=1000, strict=False)]

    @model_validator(mode="after")
    def _settings_are_comparable(self) -> Curve:
        first = _once([one.task for one in self.settings[0].tasks], "task")
        _once([setting.decoder for setting in self.settings], "setting")
        for setting in self.settings:
            if _once([one.task for one in setting.tasks], "task") != first:
                raise ValueError(f"{_short(setting.decoder)} has other tasks than {_short(self.settings[0].decoder)}")
        return self


class Submission(BaseModel):
    """What is handed in: `origin` is "measured" with this package, or "published", read from the source that `source` names."""

    model_config = STRICT
    form: Literal["parallelbench-leaderboard/1"]
    origin: Literal["measured", "published"]
    source: Text
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    version: Annotated[str, StringConstraints(max_length=50)]
    curves: Annotated[tuple[Curve, ...], Field(min_length=1, max_length=10_000, strict=False)]

    @model_validator(mode="after")
    def _curves_are_distinct_and_complete(self) -> Submission:
        _once([f"{curve.series} on {curve.model} ({curve.suite})" for curve in self.curves], "curve")
        if self.origin == "measured":
            for curve in self.curves:
                if any(len(one.parts) != 2 for setting in curve.settings for one in setting.tasks):
                    raise ValueError(
                        f"{_short(curve.series)} on {_short(curve.model)} is measured and lacks a half of its samples"
                    )
        return self


def _once(names: list[str], kind: str) -> set[str]:
    known: set[str] = set()
    for name in names:
        if for_message(name) != name:
            raise ValueError(f"a {kind} has a control character in its name: {_short(name)}")
        if name in known:
            raise ValueError(f"the {kind} {_short(name)} is there twice")
        known.add(name)
    return known


def _short(name: str) -> str:
    text = for_message(name)
    return text if len(text) <= 80 else f"{text[:77]}..."


def read_submission(path: Path) -> Submission:
    """Read and check a submission.

    Raises:
        UserError: the file cannot be read, is too large, no JSON, or not of the form; the sentence names the first fault.
    """
    data = read_bytes(path, ADVICE, MAX_BYTES)
    try:
        return Submission.model_validate_json(data)
    except ValidationError as error:
        raise UserError(f"{path} is no valid submission{fault_of(error)}; {ADVICE}.") from error


def fault_of(error: ValidationError) -> str:
    """Return where the first fault of a submission is and what it is, as a part of a sentence."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = for_message(".".join(str(part) for part in fault["loc"]))[:200]
    what = fault["msg"].removeprefix("Value error, ")
    return f"{f', at {where}' if where else ''}: {what[0].lower()}{what[1:]}"[:500]


def schema() -> dict[str, Any]:
    """Return the JSON schema of a submission, which docs/leaderboard.schema.json holds."""
    return {
        "title": f"Submission ({FORM})",
        **{key: value for key, value in Submission.model_json_schema().items() if key != "title"},
    }
