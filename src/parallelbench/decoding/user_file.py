"""Loads a decoder from a user's file, named `./mine.py:MyDecoder:alpha=0.3`.

A file on the user's command line is code that they chose to run: it is imported as it is, with its folder on the path of
imports, as Python does for a script. In results its decoder is named by the file, the class and a hash of the file and of what
it imports from its folder, `mine.py/MyDecoder@1f2e3d4c5b6a`: a changed file is another decoder, and its cells are other cells.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.user_faults import blaming, guard, time_limit
from parallelbench.decoding.user_sources import hash_of, sources_of
from parallelbench.errors import UserError, suggestion
from parallelbench.specs import parse_options, quote, split_head


def is_user_file(spec: str) -> bool:
    """True where a decoder's text names a Python file."""
    return split_head(spec)[0].endswith(".py")


def load_user_decoder(spec: str) -> tuple[type[Decoder], dict[str, Any]]:
    """Return the class and the options that `FILE.py:CLASS:key=value,...` names.

    Raises:
        UserError: there is no such file or class, the file cannot be imported, or the class is no complete decoder.
    """
    file, rest = split_head(spec)
    name, options = split_head(rest)
    path = Path(file)
    if not path.exists():
        raise UserError(f"there is no file {file}; name one that is, for example ./mine.py:MyDecoder:alpha=0.3.")
    found = hash_of(path)
    cls = _decoder(_import(path, found), name, file)
    cls.family, cls.title = f"{path.name}/{cls.__name__}@{found}", cls.__name__
    cls.source = f"{quote(str(path.absolute()))}:{cls.__name__}"
    guard(cls, path)
    return cls, parse_options(options, spec, grids=True) if options else {}


def _import(path: Path, found: str) -> ModuleType:
    """Import a file under a name that holds its hash, once for each content."""
    name = f"parallelbench_user_{path.stem}_{found}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} cannot be imported; it must be a Python file.")
    _forget({file.absolute() for file in sources_of(path)[1:]})
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # annotations of its classes are looked up there
    folder = str(path.absolute().parent)
    sys.path.insert(0, folder)
    try:
        with blaming(path, ""), time_limit():
            spec.loader.exec_module(module)
    except UserError:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(folder)
    if folder not in sys.path:
        sys.path.append(folder)  # for imports inside functions
    return module


def _forget(files: set[Path]) -> None:
    """Drop modules of an earlier content of the folder, so that what is imported is what was hashed."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).absolute() in files:
            del sys.modules[name]


def _decoder(module: ModuleType, name: str, file: str) -> type[Decoder]:
    """The class of this name, or the file's only decoder where no name is given."""
    defined = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Decoder) and value.__module__ == module.__name__
    }
    if not name and len(defined) == 1:
        name = next(iter(defined))
    if not name:
        raise UserError(f"{file} holds {len(defined)} decoders; say which one: {file}:{next(iter(defined), 'MyDecoder')}.")
    if name not in defined:
        raise UserError(
            f"{file} has no decoder '{name}' (a class that is a RankingDecoder, StepDecoder or ProgramDecoder); "
            f"{suggestion(name, defined)}"
        )
    if missing := sorted(defined[name].__abstractmethods__):
        raise UserError(f"{name} in {file} lacks {', '.join(missing)}; write {'it' if len(missing) == 1 else 'them'}.")
    return defined[name]
