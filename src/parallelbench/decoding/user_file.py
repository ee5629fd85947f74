"""Write your own: a decoder from a user's file, named `./mine.py:MyDecoder:alpha=0.3`.

A file on the user's own command line is code that they chose to run: it is imported as it stands. In results its decoder is
called after the file, the class and a hash of the file's text, `mine.py/MyDecoder@1f2e3d4c5b6a`: a changed file is another
decoder, and its cells are other cells.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from parallelbench.decoding.decoder import Decoder
from parallelbench.errors import UserError, suggestion
from parallelbench.specs import parse_options

HASH_LENGTH = 12
MISTAKES = (
    SyntaxError, ImportError, NameError, TypeError, ValueError, AttributeError, OSError, ArithmeticError, AssertionError,
    LookupError, RuntimeError,
)  # fmt: skip
"""What goes wrong in a user's file, and is theirs to mend."""


def is_user_file(spec: str) -> bool:
    """True where a decoder's text names a Python file."""
    return spec.partition(":")[0].strip().endswith(".py")


def load_user_decoder(spec: str) -> tuple[type[Decoder], dict[str, Any]]:
    """Return the class and the options that `FILE.py:CLASS:key=value,...` names.

    Raises:
        UserError: there is no such file or class, the file cannot be imported, or the class is no complete decoder.
    """
    file, _, rest = spec.strip().partition(":")
    name, _, options = rest.partition(":")
    path = Path(file)
    if not path.is_file():
        raise UserError(f"there is no file {file}; name one that is, for example ./mine.py:MyDecoder:alpha=0.3.")
    found = hash_of(path)
    cls = _decoder(_import(path, found), name.strip(), file)
    cls.family, cls.title = f"{path.name}/{cls.__name__}@{found}", cls.__name__
    return cls, parse_options(options, spec) if options else {}


def hash_of(path: Path) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of what a file holds."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_LENGTH]


def _import(path: Path, found: str) -> ModuleType:
    """Import a file under a name of its own, once for each text."""
    name = f"parallelbench_user_{path.stem}_{found}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} cannot be imported; it must be a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # annotations of its classes are looked up there
    try:
        spec.loader.exec_module(module)
    except MISTAKES as error:
        del sys.modules[name]
        raise UserError(f"{path}, line {_line(error, path)}: {_one_line(error)}; mend the file.") from error
    return module


def _decoder(module: ModuleType, name: str, file: str) -> type[Decoder]:
    """The class of this name, or the file's only decoder where no name is given."""
    own = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Decoder) and value.__module__ == module.__name__
    }
    if not name and len(own) == 1:
        name = next(iter(own))
    if not name:
        raise UserError(f"{file} holds {len(own)} decoders; say which one: {file}:{next(iter(own), 'MyDecoder')}.")
    if name not in own:
        raise UserError(
            f"{file} has no decoder '{name}' (a class that is a RankingDecoder, StepDecoder or ProgramDecoder); "
            f"{suggestion(name, own)}"
        )
    if missing := sorted(own[name].__abstractmethods__):
        raise UserError(f"{name} in {file} lacks {', '.join(missing)}; write {'it' if len(missing) == 1 else 'them'}.")
    return own[name]


def _line(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path.absolute()]
    return next((line for line in reversed(lines) if line), 1)


def _one_line(error: Exception) -> str:
    text = str(error.msg if isinstance(error, SyntaxError) else error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}"
