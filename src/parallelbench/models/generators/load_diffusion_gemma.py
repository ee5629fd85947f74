"""From `diffusion-gemma:ORG/NAME` and `diffusion-gemma:path=DIR` to a DiffusionGemma on this machine. No remote code is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from transformers import PreTrainedModel

from parallelbench.contracts.generator import Generator, GeneratorInfo
from parallelbench.contracts.handle import GeneratorHandle
from parallelbench.errors import UserError
from parallelbench.models.digests import revision
from parallelbench.models.generators.autoregressive import Special
from parallelbench.models.generators.local_folder import end_ids, find_folder, load_weights, read_config, template_codec
from parallelbench.models.generators.options import split_name
from parallelbench.models.generators.weights import read_weights
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


def describe_diffusion_gemma(rest: str, device: str | None = None) -> GeneratorHandle:
    """Describe DiffusionGemma of the hub's cache, the hub or a folder; without a name Google's checkpoint.

    Raises:
        UserError: it cannot be found, or is another model.
    """
    name, _, given = split_name(rest, "diffusion-gemma")
    options = build(DiffusionGemmaOptions, "model 'diffusion-gemma'", given)
    found = find_folder(name or ("" if options.path else HUB_ID), options.path, "diffusion-gemma")
    _check_kind(found.folder)
    codec = template_codec(found.folder)
    ends = codec.ends(end_ids(found.folder))
    info = GeneratorInfo(
        name=found.name,
        revision=revision(found.folder),
        settings=_settings(options, found.folder),
        max_tokens=options.max_tokens,
        dtype=options.dtype,
        device=device or "cpu",
        template=codec.template,
    )

    def load() -> Generator:
        from parallelbench.models.generators.diffusion_gemma import DiffusionGemma

        model = _weights(found.weights(), options.dtype).to(info.device).eval()
        model.config.canvas_length = info.settings["block"]
        return DiffusionGemma(model, codec, Special(ends, codec.pad(ends), codec.vocabulary), info)

    return GeneratorHandle(info, load)


def _settings(options: DiffusionGemmaOptions, folder: Path) -> dict[str, Any]:
    """What decoding follows: the options, else the checkpoint's generation_config.json, else transformers' defaults."""
    path = folder / "generation_config.json"
    published = read_json(path) if path.is_file() else {}
    sampler = published.get("sampler_config") or {}
    if not isinstance(sampler, dict):
        raise UserError(f"{path} has a sampler_config that is no object; copy the checkpoint again.")
    settings = {"entropy_bound": _first(options.entropy_bound, sampler.get("entropy_bound"), ENTROPY_BOUND)}
    for ours, (theirs, default) in SETTINGS.items():
        settings[ours] = _first(getattr(options, ours), published.get(theirs), default)
    build(DiffusionGemmaOptions, str(path), settings)
    if settings["t_max"] <= settings["t_min"]:
        raise UserError(
            f"diffusion-gemma cools down from t_max to t_min, but t_max={settings['t_max']} is not above "
            f"t_min={settings['t_min']}; write both, as in t_min=0.4,t_max=0.8."
        )
    return {**settings, "block": _first(options.block, read_config(folder).canvas_length)}


def _first(*choices: Any) -> Any:
    return next(choice for choice in choices if choice is not None)


def _check_kind(folder: Path) -> None:
    """Refuse another model, and a transformers that does not know this one."""
    kind = read_json(folder / "config.json").get("model_type", "unknown")
    if kind != KIND:
        raise UserError(f"{folder} is a {kind!s:.40} model and not {KIND}; load it with path:DIR or ar:path=DIR.")
    try:
        from transformers import DiffusionGemmaForBlockDiffusion  # noqa: F401
    except ImportError as error:
        raise UserError(
            "the installed transformers does not know DiffusionGemma; upgrade it: pip install -U transformers."
        ) from error


def _weights(folder: Path, dtype: str) -> PreTrainedModel:
    from transformers import DiffusionGemmaForBlockDiffusion

    return load_weights(
        lambda: read_weights(DiffusionGemmaForBlockDiffusion, folder, dtype),
        folder,
        lambda reason: f"{folder} cannot be read ({reason}); copy the checkpoint again.",
    )
