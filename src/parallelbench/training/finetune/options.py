"""What can be said about a fine-tuning behind its name: `lora:base=path:DIR,task=waiting_line/shuffle,steps=200`.

The defaults are those of the paper (ParallelBench, arXiv 2510.04767, appendix F) where it says them. LoRA: 20,000 training
samples, 10 epochs of batches of 32, AdamW at 1e-5, a cosine after a warm-up over 5 %, rank 128, alpha 256, dropout .05, on
queries, keys and values. A whole model, as its SEDD experiments: 32 epochs of batches of 64 at 3e-4 after a warm-up over 25 %.
The paper has 5,000 validation samples; here there are as many as `validation` says.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from parallelbench.specs import Options
from parallelbench.training.stages import Device, Precision


def _as_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


Several = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_list), Field(min_length=1)]


class FineTuning(Options):
    """Options that LoRA and the fine-tuning of whole models have in common."""

    base: str = Field(min_length=1, description="the model to start from, as -m names it: tiny, path:DIR, llada-1.5")
    task: Several = Field(description="a task or a list of tasks, with options in quotes")
    steps: int = Field(ge=1, description="steps of the optimiser")
    batch: int = Field(ge=1, description="rows of a step")
    rate: float = Field(gt=0, le=1, description="the largest learning rate of AdamW")
    warmup: float = Field(ge=0, le=1, description="fraction of the steps in which the rate rises; a cosine to zero follows")
    samples: int = Field(20_000, ge=1, le=1_000_000, description="different training samples; each epoch shuffles them anew")
    validation: int = Field(128, ge=0, description="other samples, whose loss is logged with each checkpoint")
    decay: float = Field(0.01, ge=0, le=1, description="weight decay of AdamW")
    clip: float = Field(1.0, gt=0, description="the largest norm of a gradient")
    rows: int | None = Field(None, ge=1, description="rows that are computed at once (default: all of a batch); saves memory")
    seed: int = Field(0, ge=0, lt=1 << 31, description="draws samples, masks and the first weights of an adapter")
    every: int = Field(100, ge=1, description="steps between checkpoints")
    threads: int = Field(1, ge=1, le=256, description="threads of the CPU")
    device: Device = Field("cpu", description="cpu or cuda")
    precision: Precision = Field("float32", description="of matrix products; the weights that are trained are float32")

    @property
    def recipe(self) -> dict[str, Any]:
        """The options that determine the trained weights, as texts and numbers."""
        return self.model_dump(mode="json", exclude={"device", "every", "threads", "validation"})

    def factor(self, step: int) -> float:
        """The learning rate of a step as a fraction of the largest: a linear rise, then half a cosine to zero."""
        rise = round(self.warmup * self.steps)
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, self.steps - rise)))


class Lora(FineTuning):
    """Trains a LoRA adapter in peft's format; the base stays as it is."""

    steps: int = Field(6_250, ge=1, description="steps of the optimiser")
    batch: int = Field(32, ge=1, description="rows of a step")
    rate: float = Field(1e-5, gt=0, le=1, description="the largest learning rate of AdamW")
    warmup: float = Field(
        0.05, ge=0, le=1, description="fraction of the steps in which the rate rises; a cosine to zero follows"
    )
    rank: int = Field(128, ge=1, description="rank of the matrices that are added")
    alpha: float = Field(256.0, gt=0, description="the product of the factors is multiplied by alpha / rank")
    dropout: float = Field(0.05, ge=0, lt=1, description="dropout before the first factor")
    targets: Several = Field(
        ("q_proj", "k_proj", "v_proj"), description="the layers that are adapted, as the native class calls them"
    )


class Full(FineTuning):
    """Trains all weights of a small model and writes a checkpoint in the layout of its base."""

    steps: int = Field(10_000, ge=1, description="steps of the optimiser")
    batch: int = Field(64, ge=1, description="rows of a step")
    rate: float = Field(3e-4, gt=0, le=1, description="the largest learning rate of AdamW")
    warmup: float = Field(
        0.25, ge=0, le=1, description="fraction of the steps in which the rate rises; a cosine to zero follows"
    )
