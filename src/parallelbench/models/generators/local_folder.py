"""The checkpoint folder of a generator on this machine, as far as it is known before its weights are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel

from parallelbench.errors import UserError, first_line, root_cause
from parallelbench.models.generators.template_codec import TemplateCodec
from parallelbench.models.headers import read_headers
from parallelbench.models.hub import fetch, split_revision
from parallelbench.models.json_files import read_json
from parallelbench.models.tokenizer_files import read_tokenizer

SMALL = ["*.json", "*.jinja"]
FAULTS = (
    ValueError, KeyError, OSError, RuntimeError, TypeError, AttributeError, ArithmeticError, ImportError, IndexError,
    AssertionError, SafetensorError, StrictDataclassError,
)  # fmt: skip
"""What transformers raises at a folder that it cannot read; there is no common base."""
MOST_LAYERS = 10_000
LAYERS = frozenset({"num_hidden_layers", "n_layer", "n_layers", "num_layers"})
"""What configurations call their number of layers; none has more than it has tensors."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A checkpoint by its folder, or by its name on the hub.

    `folder` holds its small files; `weights` returns the folder with the weights, which may have to be fetched.
    """

    name: str
    folder: Path
    hub_id: str = ""
    hub_revision: str | None = None

    def weights(self) -> Path:
        """The folder with the weights.

        Raises:
            UserError: they cannot be fetched.
        """
        return fetch(self.hub_id, ["*.safetensors", *SMALL], self.hub_revision) if self.hub_id else self.folder


def find_folder(name: str, path: Path | None, form: str) -> LocalFolder:
    """Find a checkpoint by `ORG/NAME[@REVISION]` or by its folder; `form` is the model's prefix, such as "ar".

    Raises:
        UserError: there is no such folder, the repository cannot be read, or it has no tokenizer.json.
    """
    if path is None and not name:
        raise UserError(f"a model of '{form}' has a name or a folder; write {form}:ORG/NAME or {form}:path=DIR.")
    if path is None:
        hub_id, hub_revision = split_revision(name)
        found = LocalFolder(name, fetch(hub_id, SMALL, hub_revision), hub_id, hub_revision)
    else:
        folder = path.expanduser()
        if not folder.is_dir():
            raise UserError(f"there is no checkpoint folder '{path}'; write {form}:path=DIR with one that holds config.json.")
        found = LocalFolder(name or folder.resolve().name, folder)
    if not (found.folder / "tokenizer.json").is_file():
        raise UserError(f"{found.folder} holds no tokenizer.json; convert its tokenizer with transformers and save it there.")
    return found


def template_codec(folder: Path, thoughts: bool | None = None) -> TemplateCodec:
    """The tokenizer of a checkpoint with the chat template that the checkpoint brings, without remote code.

    Raises:
        UserError: it cannot be read, or needs code of its own.
    """
    read_tokenizer(folder)  # says what is wrong with a tokenizer.json; transformers does not always
    tokenizer = or_sentence(
        lambda: AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True),
        lambda reason: (
            f"the tokenizer in {folder} cannot be read ({reason}); copy it again, or convert it to a plain "
            "tokenizer.json: remote code is not run."
        ),
    )
    return TemplateCodec(tokenizer, str(folder), thoughts)


def end_ids(folder: Path) -> list[int] | None:
    """The ids that end an answer: those of generation_config.json, or of config.json where there is none; None: not said.

    Raises:
        UserError: they are no token ids.
    """
    path = folder / "generation_config.json"
    path = path if path.is_file() else folder / "config.json"
    named: Any = read_json(path).get("eos_token_id")
    if named is None:
        return None
    ids = named if isinstance(named, list) else [named]
    if not ids or not all(type(one) is int and one >= 0 for one in ids):
        raise UserError(f"{path} has eos_token_id={named!r:.40}, which are no token ids; copy the checkpoint again.")
    return ids


def read_config(folder: Path) -> Any:
    """The configuration as a class of transformers.

    Raises:
        UserError: transformers has no class for it, or it cannot be.
    """
    path = folder / "config.json"
    kind = read_json(path).get("model_type", "unknown")
    _check_layers(folder, MOST_LAYERS)
    return or_sentence(
        lambda: AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True),
        lambda reason: (
            f"{path} ({kind!s:.40}) is of no model that transformers has classes for ({reason}); remote code is not "
            "run, so use another model."
        ),
    )


def _check_layers(folder: Path, most: int) -> None:
    """Refuse a config.json with more layers than can be, before anything of that size is built."""
    path = folder / "config.json"
    config = read_json(path)
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        for name, layers in part.items():
            if name in LAYERS and layers is not None and not (type(layers) is int and 0 <= layers <= most):
                raise UserError(f"{path} has {name}={layers!r:.40}, which must be from 0 to {most} here; copy both again.")


def load_weights(read: Callable[[], PreTrainedModel], folder: Path, sentence: Callable[[str], str]) -> PreTrainedModel:
    """Read weights after the sizes of the folder were checked; `sentence` says what is wrong, with a reason in it.

    Raises:
        UserError: the folder cannot be read.
    """
    _check_layers(folder, len(read_headers(folder)))
    return or_sentence(read, sentence)


def or_sentence(read: Callable[[], T], sentence: Callable[[str], str]) -> T:
    """Return what `read` returns.

    Raises:
        UserError: transformers cannot read it; the message is `sentence` of the reason.
    """
    try:
        return read()
    except FAULTS as error:
        said = first_line(error)
        raise UserError(sentence(f"{said} {root_cause(error)}" if said.endswith(":") else said)) from error
