"""How a request of lm-evaluation-harness wants its text generated: stop texts, length and sampling, checked before decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.errors import UserError
from parallelbench.models.neutral import Neutral, only
from parallelbench.specs import Options, build

UNSUPPORTED: Mapping[str, Neutral] = {
    "num_beams": only(1, None),
    "num_return_sequences": only(1, None),
    "repetition_penalty": only(1, 1.0, None),
    "no_repeat_ngram_size": only(0, None),
    "min_new_tokens": only(0, None),
    "min_length": only(0, None),
}
"""Keys that would change the text and are not implemented, each with the values at which it changes nothing."""


class GenerationOptions(Options):
    """The keys of a task's `generation_kwargs` that are used here; others, such as `use_cache`, change no text."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    until: tuple[str, ...] = ()
    max_gen_toks: int | None = Field(None, ge=1)
    max_new_tokens: int | None = Field(None, ge=1)
    do_sample: bool | None = None
    temperature: float | None = Field(None, ge=0, le=10)
    top_p: float | None = Field(None, gt=0, le=1)

    @field_validator("until", mode="before")
    @classmethod
    def _as_texts(cls, until: Any) -> Any:
        """A single text and null are allowed as in the harness; an empty text would end every answer at once."""
        if until is None or isinstance(until, str):
            return (until,) if until else ()
        return tuple(one for one in until if one != "") if isinstance(until, list | tuple) else until

    @property
    def length(self) -> int | None:
        """The canvas in tokens; None where the task does not say."""
        return self.max_gen_toks or self.max_new_tokens

    @property
    def sampling_temperature(self) -> float:
        """0 for greedy decoding, which is the harness's default; 1 where sampling is asked for without a temperature."""
        if self.do_sample is False:
            return 0.0
        return float(bool(self.do_sample)) if self.temperature is None else self.temperature

    def check_sampling(self, task: str | None, model: GeneratorInfo) -> None:
        """Refuse sampling at a temperature that a model with built-in decoding does not have.

        Raises:
            UserError: the model decodes at another temperature.
        """
        wanted, known = self.sampling_temperature, model.settings.get("temperature")
        if known is not None and wanted not in (0.0, known):
            raise UserError(
                f"{task} asks for texts at temperature {wanted:g}, but {model.name} decodes at {known:g}; "
                f"add temperature={wanted:g} to the model's options."
            )

    def cut(self, text: str) -> str:
        """Return the text before the first stop text."""
        return text[: min((at for stop in self.until if (at := text.find(stop)) >= 0), default=len(text))]


def read_options(task: str | None, given: Mapping[str, Any]) -> GenerationOptions:
    """Check a request's `generation_kwargs`.

    Raises:
        UserError: a value is wrong, or a key that is not implemented would change the text.
    """
    for key, rule in UNSUPPORTED.items():
        if key in given and not rule.holds(given[key]):
            raise UserError(
                f"{task} generates with {key}={given[key]!r:.60}, which is not implemented; "
                f"set it to {rule.values} in the task."
            )
    return build(GenerationOptions, f"generation_kwargs of {task}", dict(given))
