"""What is to be run, as a value: the same for the command line, a YAML file and Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from parallelbench.errors import UnknownName, UserError
from parallelbench.files import exists, read_yaml
from parallelbench.specs import Options, build

MAX_SEED = 2**63 - 1
NAMED = Path(__file__).parent / "named"
SUFFIXES = (".yaml", ".yml")


def _several(value: Any) -> Any:
    return [value] if isinstance(value, (str, int)) else value


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0, le=MAX_SEED)], ...], BeforeValidator(_several), Field(min_length=1)]


class Sweep(Options):
    """Every model on every task with every decoder and seed. `seed: 3` may be written for `seeds: [3]`."""

    name: str = Field("", description="a title for the report")
    description: str = Field("", description="what the run is for")
    covers: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(
        (), description="other names of this experiment, in the folder of its file"
    )
    models: Names = Field(description="models, for example tiny")
    tasks: Names = Field(description="tasks; a * stands for any part of a name")
    decoders: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(
        (), description="decoders; a list value makes a grid (generators have their own)"
    )
    suite: Literal["ours", "official", "hf", "standard"] = Field(
        "ours",
        description="ours: made by this package; official: the reference's data; hf: public texts; standard: GSM8K etc.",
    )
    data_dir: Path | None = Field(None, description="folder of the official data, or of copies of public data")
    cache: Names = Field(("none",), description="which keys and values are kept between forwards")
    aux: str | None = Field(None, description="an auxiliary model with the same vocabulary, for decoders that need one")
    seeds: Seeds = Field((0,), description="seeds; each draws other samples")
    limit: int | None = Field(None, ge=1, description="samples per task (none: all)")
    shots: int | None = Field(None, ge=0, le=8, description="demonstrations before the question")
    wording: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="wordings of the tasks that have several: plain, polite, task_first, or all"
    )
    system: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(
        (), description="system prompts, each run by itself; an empty one is none"
    )
    allow_short_canvas: bool = Field(False, description="run also where right answers are longer than the canvas")
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="samples in flight at once; auto: as many as turn out to be fastest"
    )
    device: str | None = Field(None, description="where the model runs, for example cuda:0")

    @model_validator(mode="after")
    def _data_is_read(self) -> Self:
        if self.data_dir is not None and self.suite == "ours":
            raise ValueError(
                "data_dir is read by the suites official, hf and standard; add --suite with one of them, or leave it out"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_seed(cls, options: Any) -> Any:
        if not isinstance(options, Mapping) or "seed" not in options:
            return options
        if "seeds" in options:
            raise ValueError("seed and seeds mean the same; write one of them")
        return {**{key: value for key, value in options.items() if key != "seed"}, "seeds": options["seed"]}


def experiment_names() -> list[str]:
    """Return the names of the experiments that the package holds; those of the paper begin with `paper:`."""
    return sorted(_name_of(path) for path in NAMED.rglob("*.yaml"))


def load_sweep(path: str | Path) -> Sweep:
    """Read a sweep from a YAML file, or from the package where `path` is the name of one of its experiments.

    Raises:
        UserError: there is neither such a file nor such a name, the file cannot be read or is no table of keys, or a key is
            unknown or out of range.
    """
    file = _experiment(Path(path).expanduser())
    options = read_yaml(file, "name a YAML file, with values in quotes that hold ': ' or start with '[' or '*'")
    if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
        raise UserError(f"{file} is no table of keys; write lines such as 'models: [tiny]'.")
    return build(Sweep, f"sweep '{file}'", options)


def _experiment(path: Path) -> Path:
    """The file itself where there is one; else the file of the package: `quickstart`, or `experiments/quickstart.yaml`."""
    if exists(path):
        return path
    names = experiment_names()
    bare = path.parent in (Path(), Path("experiments"))
    if bare and path.stem in names and path.suffix in ("", *SUFFIXES):
        return _file_of(path.stem)
    if bare and path.suffix not in SUFFIXES:
        covered = {name[: name.rfind(":") + 1] + other: name for name in names for other in load_sweep(_file_of(name)).covers}
        if str(path) in covered:
            return _file_of(covered[str(path)])
        raise UnknownName("experiment", str(path)[:200], [*names, *covered])
    return path


def _name_of(file: Path) -> str:
    """`paper:fig3` of paper/fig3.yaml."""
    return ":".join(file.relative_to(NAMED).with_suffix("").parts)


def _file_of(name: str) -> Path:
    return NAMED.joinpath(*name.split(":")).with_suffix(".yaml")
