"""Reading and writing checkpoints: config.json, safetensors (sharded or not), tokenizer.json. Nothing is executed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaForCausalLM

from parallelbench.errors import UserError
from parallelbench.models.layouts import LLADA_FIELDS, LLADA_RENAMES

INDEX = "model.safetensors.index.json"
CARD_FIELD = "parallelbench_card"  # where the config.json of our own checkpoints names their model card


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: the file is missing or is no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(
            f"{path} cannot be read; a checkpoint folder holds config.json, tokenizer.json and safetensors."
        ) from None
    except ValueError:
        raise UserError(f"{path} is not JSON; copy the checkpoint again.") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} does not hold a JSON object; copy the checkpoint again.")
    return value


def shards(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, by its index or as they lie there.

    Raises:
        UserError: there is none, or one that the index names is missing.
    """
    if (folder / INDEX).exists():
        index = read_json(folder / INDEX)
        if not isinstance(index.get("weight_map"), dict):
            raise UserError(f"{folder / INDEX} has no weight_map; copy the checkpoint again.")
        names = sorted(set(index["weight_map"].values()))
    else:
        names = sorted(path.name for path in folder.glob("*.safetensors"))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} lacks {', '.join(missing)}; copy the missing shards.")
    if not names:
        raise UserError(f"{folder} holds no .safetensors file; other weight formats are not read, for safety.")
    return [folder / name for name in names]


def read_tensors(
    folder: Path, renames: Sequence[tuple[str, str]], dtype: torch.dtype, wide: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Read every tensor under its new name, in `dtype`, or in float32 where the new name ends in one of `wide`.

    Raises:
        UserError: a file is damaged.
    """
    tensors: dict[str, Tensor] = {}
    for path in shards(folder):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - not a dictionary
                    new = rename(name, renames)
                    if new in tensors:
                        raise UserError(
                            f"{path} holds {new} a second time; remove the files that are no part of the checkpoint."
                        )
                    tensors[new] = file.get_tensor(name).to(torch.float32 if new.endswith(wide) else dtype)
        except SafetensorError as error:
            raise UserError(f"{path} is damaged ({error}); copy it again.") from None
    return tensors


def rename(name: str, renames: Sequence[tuple[str, str]]) -> str:
    """Apply the first rule that matches."""
    for pattern, replacement in renames:
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return name


def load_strictly(model: torch.nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    """Fill a model; no tensor may be missing, left over, or of another shape.

    Raises:
        UserError: names the first tensors that do not fit.
    """
    wanted = model.state_dict()
    if getattr(getattr(model, "config", None), "tie_word_embeddings", False):
        wanted = {name: tensor for name, tensor in wanted.items() if name != "lm_head.weight"}
    problems = [f"missing {name}" for name in wanted if name not in tensors]
    problems += [f"unexpected {name}" for name in tensors if name not in wanted]
    problems += [
        f"{name} is {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise UserError(f"{folder} does not fit its layout: {'; '.join(problems[:5])}{more}.")
    model.load_state_dict(tensors, strict=False, assign=True)


SETTINGS = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
    "chat_template.jinja",
)  # fmt: skip


def revision(folder: Path) -> str:
    """A name for exactly this model: the commit where the hub keeps it, else 12 hex digits of the SHA-256 of all shards and of
    the files that say how they are used (`SETTINGS`)."""
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    digest = sha256()
    for path in [*shards(folder), *(folder / name for name in SETTINGS if (folder / name).is_file())]:
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def save_llada(folder: Path, model: LlamaForCausalLM, tokenizer: Tokenizer, card: str | None = None) -> None:
    """Write a Llama-class model in LLaDA's layout: its names in config.json, its names of tensors; `card` is its model card."""
    config = model.config.to_dict() | {"rope_theta": model.config.rope_parameters["rope_theta"]}
    fields = {theirs: config[ours] for ours, theirs in LLADA_FIELDS.items()} | ({CARD_FIELD: card} if card else {})
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"model_type": "llada", "architectures": ["LLaDAModelLM"], **fields}, indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    tied = model.config.tie_word_embeddings
    state = {name: tensor for name, tensor in model.state_dict().items() if not (tied and name == "lm_head.weight")}
    tensors = {_publish(name): tensor.detach().clone().contiguous() for name, tensor in state.items()}
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))  # save_file hides it from other users
    tokenizer.save(str(folder / "tokenizer.json"))


def _publish(name: str) -> str:
    """The published name of one of our tensors: the renames read backwards."""
    backwards = [_backwards(pattern, replacement) for pattern, replacement in LLADA_RENAMES]
    return rename(name, backwards)


def _backwards(pattern: str, replacement: str) -> tuple[str, str]:
    """Turn (pattern with groups, replacement with references) around."""
    groups = re.findall(r"\((.*?)\)", pattern)
    back = "^" + replacement.replace(".", r"\.")
    forth = pattern.removeprefix("^").replace(r"\.", ".")
    for number, group in enumerate(groups, 1):
        back = back.replace(f"\\{number}", f"({group})")
        forth = forth.replace(f"({group})", f"\\{number}", 1)
    return back, forth
