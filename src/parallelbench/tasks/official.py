"""Reads the data of the paper's authors (the reference) from a folder: samples, prompts and answers (section 5, Appendix D).

A folder holds `<category>/task_config.yaml`, with a prompt template and the reference's metric for every task, and
`<category>/<task>.jsonl`, with one sample per line. Index tasks count from 0, and the key of Sort follows the whole name.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import model_validator

from parallelbench.errors import UnknownName, UserError
from parallelbench.files import read_text, read_yaml
from parallelbench.specs import build, parse
from parallelbench.tasks.base import Question, Task
from parallelbench.tasks.fixed import check_options, spec_of
from parallelbench.tasks.official_rows import FAMILIES, Family, Row, read_row

CONFIG = "task_config.yaml"
RESTORE = "restore it from the original data"
OPTIONS = ("infill", "max_new_tokens", "shots", "system")


@dataclass(frozen=True, slots=True)
class Source:
    """What the files of one task hold, and a hash of it; `shots` demonstrations come with every row."""

    name: str
    family: Family
    shots: int
    rows: tuple[Row, ...]
    digest: str


class OfficialTask(Task):
    """A task of the reference. Its samples are fixed: the seed decides only the order in which a limit takes them."""

    suite: ClassVar[str] = "official"
    source: Source

    @model_validator(mode="after")
    def _possible(self) -> OfficialTask:
        given = self.source.shots
        if (self.shots or 0) > given:
            raise ValueError(f"its samples come with {given} demonstration(s); choose shots={given} or fewer")
        if self.infill and any(row.question.frame is None for row in self.source.rows):
            raise ValueError("its answers have no frame; leave infill out")
        return self

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def metrics(self) -> tuple[str, ...]:
        return self.source.family.metrics

    @property
    def law(self) -> str | None:
        return self.source.family.law

    @property
    def fingerprint(self) -> str:
        return self.source.digest

    @property
    def spec(self) -> str:
        defaults = {"infill": False, "max_new_tokens": self.source.family.max_new_tokens, "shots": None, "system": ""}
        return spec_of(self, defaults)

    def stratum(self, index: int) -> int:
        """The number of items of its list, where it has one."""
        return len(self.source.rows[index].question.facts.get("items", ()))

    def question(self, rng: random.Random, index: int) -> Question:
        return self.source.rows[index].question

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        return self.source.rows[index].demonstrations[number]

    def reveals_answer(self, demonstration: Question, question: Question) -> bool:
        """Always False: the demonstrations are those of the reference data and are never replaced."""
        return False

    def shots_shown(self, card: int | None) -> int:
        """The demonstrations belong to the data: all of them are shown unless the option says fewer."""
        return self.source.shots if self.shots is None else self.shots


def official_tasks(data_dir: str | Path) -> list[str]:
    """Return the ids of the tasks that this folder holds, each with a configuration and a file of samples.

    Raises:
        UserError: the folder cannot be read or holds none.
    """
    root = _root(Path(data_dir))
    return [name for folder in _categories(root) for name in _config(folder / CONFIG) if (root / f"{name}.jsonl").is_file()]


def load_official(spec: str, data_dir: str | Path, **options: Any) -> OfficialTask:
    """Read one task, written `name:key=value,...`, from the reference's data folder.

    Raises:
        UserError: a folder or file cannot be read, a line is damaged, or the name or an option is unknown.
    """
    name, given = parse(spec)
    options = {**options, **given}
    check_options(f"official task '{name}'", options, OPTIONS, ", its samples are fixed")
    root = _root(Path(data_dir))
    path = root / f"{name}.jsonl"
    config = next((c[name] for c in (_config(folder / CONFIG) for folder in _categories(root)) if name in c), None)
    if config is None:
        raise UnknownName("official task", name, official_tasks(data_dir))
    template, family = _template(name, config, path.parent / CONFIG)
    shots = config.get("icl_example_count", 0)
    text = read_text(path, RESTORE)
    lines = [(f"{path} line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    rows = tuple(read_row(line, family, template, shots, where) for where, line in lines)
    if not rows:
        raise UserError(f"{path} holds no samples; {RESTORE}.")
    source = Source(name, family, shots, rows, hashlib.sha256(f"{template}\n{text}".encode()).hexdigest())
    preset = {"source": source, "samples": len(rows), "max_new_tokens": family.max_new_tokens}
    return build(OfficialTask, f"official task '{name}'", preset | options)


def _template(name: str, config: Any, path: Path) -> tuple[str, Family]:
    if not isinstance(config, Mapping) or not isinstance(config.get("prompt"), str) or config.get("metric") not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UserError(f"{path} gives '{name}' no prompt with one of the metrics {known}; {RESTORE}.")
    # One published template is in single quotes, where YAML keeps \n as two characters; the reference asks with line ends.
    return config["prompt"].replace("\\n", "\n").replace("\\t", "\t"), FAMILIES[config["metric"]]


def _root(data_dir: Path) -> Path:
    """The folder of the categories: the one given, or its `test`."""
    try:
        for folder in (data_dir, data_dir / "test"):
            if folder.is_dir() and _categories(folder):
                return folder
    except OSError as error:
        raise UserError(f"{data_dir} cannot be read ({error.strerror}); check the folder and its permissions.") from error
    raise UserError(f"{data_dir} is no folder of the official data; give the one that holds waiting_line/{CONFIG}.")


def _categories(root: Path) -> list[Path]:
    return sorted(folder for folder in root.iterdir() if (folder / CONFIG).is_file())


def _config(path: Path) -> Mapping[str, Any]:
    config = read_yaml(path, RESTORE)
    if not isinstance(config, Mapping):
        raise UserError(f"{path} holds no table of tasks; {RESTORE}.")
    return config
