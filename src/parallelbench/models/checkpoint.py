"""Reading the tensors of a checkpoint and writing one in LLaDA's layout: safetensors, sharded or not. Nothing is executed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaForCausalLM

from parallelbench.errors import UserError
from parallelbench.models.cards import CARD_FIELD
from parallelbench.models.headers import TensorHeader
from parallelbench.models.layouts import LLADA_FIELDS, LLADA_RENAMES, rename


def read_tensors(
    headers: Mapping[str, TensorHeader], renames: Sequence[tuple[str, str]], dtype: torch.dtype, wide: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Read every tensor under its new name, in `dtype`, or in float32 where the new name ends in one of `wide`.

    Raises:
        UserError: a file is damaged, or a tensor holds a number that is not finite.
    """
    tensors: dict[str, Tensor] = {}
    for path in dict.fromkeys(header.file for header in headers.values()):
        try:
            with safe_open(path, framework="pt") as file:
                for name in (name for name, header in headers.items() if header.file == path):
                    new = rename(name, renames)
                    tensors[new] = finite(file.get_tensor(name), name, path).to(torch.float32 if new.endswith(wide) else dtype)
        except (SafetensorError, OSError) as error:
            raise UserError(f"{path} is damaged ({error}); copy it again.") from error
    return tensors


def finite(tensor: Tensor, name: str, path: Path) -> Tensor:
    """Return a tensor of a file.

    Raises:
        UserError: it holds a number that is not finite.
    """
    if tensor.numel() and not all(torch.isfinite(bound) for bound in torch.aminmax(tensor.detach())):
        raise UserError(f"{path}: {name} holds numbers that are not finite (NaN or infinity); copy or train the weights again.")
    return tensor


def check_names(headers: Iterable[str], renames: Sequence[tuple[str, str]], folder: Path) -> None:
    """Refuse a checkpoint in which two tensors have the same native name.

    Raises:
        UserError: names the first.
    """
    twice = [name for name, count in Counter(rename(name, renames) for name in headers).items() if count > 1]
    if twice:
        raise UserError(f"{folder} holds {twice[0]} under two names; remove the one that is no part of the checkpoint.")


def check_shapes(model: torch.nn.Module, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Compare tensors, which may be on the meta device, with what a model needs.

    Raises:
        UserError: names the first tensors that are missing, left over, or of another shape.
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
        raise UserError(f"{folder} does not fit its layout: {'; '.join(problems[:5])}{more}; copy the checkpoint again.")


def save_llada(folder: Path, model: LlamaForCausalLM, tokenizer: Tokenizer, card: str | None = None) -> None:
    """Write a Llama-class model in LLaDA's layout: its names in config.json, its names of tensors; `card` is its model card."""
    config = model.config.to_dict() | {"rope_theta": model.config.rope_parameters["rope_theta"]}
    fields = {theirs: config[ours] for ours, theirs in LLADA_FIELDS.items()} | ({CARD_FIELD: card} if card else {})
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"model_type": "llada", "architectures": ["LLaDAModelLM"], **fields}, indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    tied = model.config.tie_word_embeddings
    state = {name: tensor for name, tensor in model.state_dict().items() if not (tied and name == "lm_head.weight")}
    tensors = {published_name(name, LLADA_RENAMES): tensor.detach().clone().contiguous() for name, tensor in state.items()}
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))  # save_file hides it from other users
    tokenizer.save(str(folder / "tokenizer.json"))


def published_name(name: str, renames: Sequence[tuple[str, str]]) -> str:
    """The published name of a native tensor: the renames of its layout read backwards."""
    return rename(name, [_backwards(pattern, replacement) for pattern, replacement in renames])


def _backwards(pattern: str, replacement: str) -> tuple[str, str]:
    """Turn (pattern with groups, replacement with references) around."""
    groups = re.findall(r"\((.*?)\)", pattern)
    back = "^" + replacement.replace(".", r"\.")
    forth = pattern.removeprefix("^").replace(r"\.", ".")
    for number, group in enumerate(groups, 1):
        back = back.replace(f"\\{number}", f"({group})")
        forth = forth.replace(f"({group})", f"\\{number}", 1)
    return back, forth
