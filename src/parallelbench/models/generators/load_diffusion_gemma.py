"""From `diffusion-gemma:ORG/NAME` and `diffusion-gemma:path=DIR` to a DiffusionGemma on this machine. No remote code is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from safetensors import SafetensorError
from transformers import PreTrainedModel

from parallelbench.contracts.generator import Generator, GeneratorInfo
from parallelbench.errors import UserError, first_line
from parallelbench.models.digests import revision
from parallelbench.models.generators.autoregressive import Special
from parallelbench.models.generators.load_local import FILES, template_codec
from parallelbench.models.generators.options import split_name
from parallelbench.models.generators.weights import read_weights
from parallelbench.models.headers import tensor_files
from parallelbench.models.hub import fetch
from parallelbench.models.json_files import read_json
from parallelbench.specs import Options, build

HUB_ID = "google/diffusiongemma-26B-A4B-it"
KIND = "diffusion_gemma"
SETTINGS: dict[str, tuple[str, int | float]] = {
    "steps": ("max_denoising_steps", 48),
    "t_min": ("t_min", 0.4),
    "t_max": ("t_max", 0.8),
    "stability": ("stability_threshold", 1),
    "confidence": ("confidence_threshold", 0.005),
}
"""Our name of each setting, its name in generation_config.json, and its value where that is silent (transformers' own)."""
ENTROPY_BOUND = 0.1
"""The same of `entropy_bound`, which lies inside the file's `sampler_config`."""


class DiffusionGemmaOptions(Options):
    """`diffusion-gemma`; what is null is as generation_config.json says. There is no greedy form: tokens are always drawn."""

    path: Path | None = Field(None, description="a checkpoint folder in place of a name on the hub")
    dtype: Literal["float32", "bfloat16"] = Field("bfloat16", description="precision of weights and activations")
    max_tokens: int | None = Field(1024, ge=1, description="tokens of an answer at most; null: the task's")
    entropy_bound: float | None = Field(None, gt=0, description="nats that the tokens accepted in a step may share")
    steps: int | None = Field(None, ge=1, description="denoising steps of a block at most")
    t_min: float | None = Field(None, ge=0, description="temperature of the last step, which it falls to linearly")
    t_max: float | None = Field(None, gt=0, description="temperature of the first step; above t_min")
    stability: int | None = Field(None, ge=0, description="steps that a block's argmax must have stood still to stop early")
    confidence: float | None = Field(None, gt=0, description="mean entropy of a block, in nats, below which it may stop early")
    block: int | None = Field(None, ge=1, description="tokens of a block; null: as trained")


def load_diffusion_gemma(rest: str, device: str | None = None) -> Generator:
    """Load DiffusionGemma from the hub's cache, the hub or a folder; without a name Google's checkpoint.

    Raises:
        UserError: it cannot be found, is another model, or a weight is missing.
    """
    name, _, given = split_name(rest, "diffusion-gemma")
    options = build(DiffusionGemmaOptions, "model 'diffusion-gemma'", given)
    if options.path is not None and not options.path.expanduser().is_dir():
        raise UserError(
            f"there is no checkpoint folder '{options.path}'; write diffusion-gemma:path=DIR with one that holds config.json."
        )
    folder = fetch(name or HUB_ID, FILES) if options.path is None else options.path.expanduser()
    if not (folder / "tokenizer.json").is_file():
        raise UserError(f"{folder} holds no tokenizer.json; copy the checkpoint again.")
    model = _weights(folder, options.dtype).to(device or "cpu").eval()
    if options.block is not None:
        model.config.canvas_length = options.block
    shown = name or (HUB_ID if options.path is None else folder.resolve().name)
    return _assemble(folder, shown, model, options, device or "cpu")


def _assemble(folder: Path, name: str, model: PreTrainedModel, options: DiffusionGemmaOptions, device: str) -> Generator:
    from parallelbench.models.generators.diffusion_gemma import DiffusionGemma

    codec = template_codec(folder)
    ends = codec.ends(model.generation_config)
    info = GeneratorInfo(
        name=name,
        revision=revision(folder),
        settings=_settings(options, model),
        max_tokens=options.max_tokens,
        dtype=options.dtype,
        device=device,
        template=codec.template,
    )
    return DiffusionGemma(model, codec, Special(ends, codec.pad(ends), codec.vocabulary), info)


def _settings(options: DiffusionGemmaOptions, model: PreTrainedModel) -> dict[str, Any]:
    """What decoding follows: the options, else the checkpoint's generation_config.json, else transformers' defaults."""
    published = model.generation_config
    sampler = published.sampler_config
    bound = ENTROPY_BOUND if sampler is None else sampler.entropy_bound
    settings = {"entropy_bound": bound if options.entropy_bound is None else options.entropy_bound}
    for ours, (theirs, default) in SETTINGS.items():
        choices = (getattr(options, ours), getattr(published, theirs), default)
        settings[ours] = next(choice for choice in choices if choice is not None)
    if settings["t_max"] <= settings["t_min"]:
        raise UserError(
            f"diffusion-gemma cools down from t_max to t_min, but t_max={settings['t_max']} is not above "
            f"t_min={settings['t_min']}; give both, as in t_min=0.4,t_max=0.8."
        )
    return {**settings, "block": model.config.canvas_length}


def _weights(folder: Path, dtype: str) -> PreTrainedModel:
    kind = read_json(folder / "config.json").get("model_type", "unknown")
    if kind != KIND:
        raise UserError(f"{folder} is a {kind} model and not {KIND}; load it with path:DIR or ar:path=DIR.")
    tensor_files(folder)
    try:
        from transformers import DiffusionGemmaForBlockDiffusion
    except ImportError as error:
        raise UserError(
            "the installed transformers does not know DiffusionGemma; upgrade it: pip install -U transformers."
        ) from error
    try:
        return read_weights(DiffusionGemmaForBlockDiffusion, folder, dtype)
    except (ValueError, KeyError, OSError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{folder} cannot be read ({first_line(error)}); copy the checkpoint again.") from error
