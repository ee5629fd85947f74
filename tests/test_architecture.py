"""DESIGN 2 as a test: which way imports run, where torch may not be, and how long files and functions are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "parallelbench"
MODULES = sorted(PACKAGE.rglob("*.py"))

NOUNS = {"schema", "errors", "registry", "rng", "specs", "files", "yaml_border", "clean", "user_cache", "worker"}
BELOW_MODELS = NOUNS | {"bounded_http", "sandbox", "sampling", "tasks", "metrics", "theory", "contracts"}
LAYERS: dict[str, set[str]] = {
    "schema": set(),
    "errors": set(),
    "rng": set(),
    "sampling": set(),
    "registry": {"errors"},
    "specs": {"errors", "yaml_border"},
    "yaml_border": set(),
    "files": {"errors", "specs", "yaml_border"},
    "clean": set(),
    "user_cache": set(),
    "worker": set(),
    "sandbox": {"errors"},
    "protocols": {"errors"},
    "parameters": set(),
    "bounded_http": {"errors"},
    "tasks": NOUNS | {"metrics"},  # a demonstration is judged by the metric of the question
    "metrics": NOUNS | {"bounded_http", "sandbox"},
    "theory": NOUNS,
    "contracts": NOUNS,
    "runs": NOUNS,
    "paper": NOUNS,  # the published numbers
    "analysis": NOUNS | {"runs", "metrics", "theory", "paper"},  # ceilings are drawn beside what was measured
    "report": NOUNS | {"protocols", "runs", "analysis", "paper"},
    "view": NOUNS | {"runs", "analysis", "report"},
    "exports": NOUNS | {"runs", "analysis"},
    "tracking": NOUNS | {"runs", "analysis", "report"},  # the report of a run is sent as a file
    "leaderboard": NOUNS | {"runs", "analysis", "report", "paper"},
    "claims": NOUNS | {"runs", "analysis", "theory", "paper"},
    "models": BELOW_MODELS,
    "decoding": BELOW_MODELS,
    "doctor": BELOW_MODELS | {"models", "decoding"},
    "training": BELOW_MODELS | {"runs", "models", "decoding"},  # its folder is written as a run's is: locked and whole
    "experiments": BELOW_MODELS | {"protocols", "runs", "models", "decoding", "paper"},  # published speeds size an experiment
    "integrations": BELOW_MODELS | {"runs", "models", "decoding", "experiments"},
    "results": {"errors", "runs", "analysis", "report"},  # what a run returns is on the reading side
    "api": BELOW_MODELS | {"runs", "models", "decoding", "experiments", "results", "tracking"},
}
TORCHLESS = (
    "tasks",
    "metrics",
    "theory",
    "runs",
    "paper",
    "analysis",
    "report",
    "view",
    "exports",
    "tracking",
    "leaderboard",
    "claims",
)


def unit_of(name: str) -> str:
    """The part of the design that a module `parallelbench.x.y` belongs to."""
    parts = name.split(".")[1:]
    return parts[0] if parts else ""


def name_of(path: Path) -> str:
    return ".".join(["parallelbench", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Every import of a file, at any depth: line and dotted name."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            for alias in node.names:
                deeper = PACKAGE.parent.joinpath(*f"{node.module}.{alias.name}".split("."))
                found = deeper.with_suffix(".py").exists() or deeper.is_dir()
                yield node.lineno, f"{node.module}.{alias.name}" if found else str(node.module)


def edges() -> Iterator[tuple[Path, int, str, str]]:
    """Every import of one part of the package by another: file, line, importer, imported."""
    for path in MODULES:
        here = unit_of(name_of(path))
        for line, name in imports(path):
            if name.split(".")[0] == "parallelbench" and (there := unit_of(name)) != here:
                yield path, line, here, there


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {here} imports {there or 'the package root'}"
        for path, line, here, there in edges()
        if here not in ("cli", "__main__", "") and there not in LAYERS[here]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_part_has_its_place() -> None:
    parts = {unit_of(name_of(path)) for path in MODULES} - {"", "__main__", "cli"}
    assert parts <= set(LAYERS), f"give {sorted(parts - set(LAYERS))} a place in LAYERS"


def test_no_two_parts_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for _, _, here, there in edges():
        graph.setdefault(here, set()).add(there)
    graph.pop("", None)
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("part", TORCHLESS)
def test_the_parts_without_a_model_never_import_torch(part: str) -> None:
    for path in sorted((PACKAGE / part).rglob("*.py")):
        for line, name in imports(path):
            assert name.split(".")[0] not in ("torch", "transformers"), f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_nor_does_anything_that_they_import() -> None:
    names = [name_of(path) for part in (*TORCHLESS, "contracts") for path in sorted((PACKAGE / part).rglob("*.py"))]
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_only_the_command_line_imports_the_command_line() -> None:
    for path, line, here, there in edges():
        assert there != "cli" or here == "__main__", f"{path.relative_to(ROOT)}:{line}: {here} imports cli"


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_files_are_short(folder: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sorted((ROOT / folder).rglob("*.py"))}
    assert lengths and not [
        f"{path.relative_to(ROOT)}: {length}" for path, length in lengths.items() if length > (260 if folder == "src" else 300)
    ]


def test_functions_fit_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.end_lineno or 0) - node.lineno + 1 > 70
    ]
    assert not long, "\n".join(long)
