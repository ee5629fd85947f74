"""What is tracked: no run folder, no stray file; one version; records and guides that are complete."""

from __future__ import annotations

import inspect
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    ".ci", ".github", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE",
    "Makefile", "README.md", "SECURITY.md", "benchmarks", "constraints.txt", "docs", "examples", "experiments", "mkdocs.yml",
    "pyproject.toml", "src", "tests",
}  # fmt: skip
OF_A_RUN = {"records.jsonl", "traces.jsonl", "cell.json", "run.json", "DONE", ".lock", "summary.json"}


def tracked() -> list[str]:
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        pytest.skip("not a git checkout")
    return done.stdout.splitlines()


def test_no_tracked_file_is_a_run_or_a_stray() -> None:  # fault 46
    names = tracked()
    assert not [name for name in names if Path(name).name in OF_A_RUN]
    assert not {name.split("/")[0] for name in names} - TOP, "a new file at the top needs a line in TOP, or belongs elsewhere"
    assert not [name for name in names if name.endswith((".pt", ".partial", ".pyc", ".orig", ".rej", "~"))]


def test_big_files_are_weights_or_pictures() -> None:
    big = [name for name in tracked() if (ROOT / name).stat().st_size > 500_000]
    assert not [name for name in big if not name.endswith((".safetensors", ".png", ".gif", ".jsonl"))]


def test_the_version_is_said_once_and_alike() -> None:
    import parallelbench

    said = {
        re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1],  # type: ignore[index]
        re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)[1],  # type: ignore[index]
        parallelbench.__version__,
    }
    assert len(said) == 1


def test_decision_records_have_a_number_a_date_and_three_parts() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len(records) > 40 and len({path.name[:4] for path in records}) == len(records), "two records have one number"
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}. "), path.name
        assert re.search(r"^Date: \d{4}-\d{2}-\d{2}$", text, re.M), path.name
        assert re.findall(r"^## (\w+)", text, re.M) == ["Context", "Decision", "Consequence"], path.name


def test_the_guide_names_every_signal_and_every_field_of_state() -> None:
    from parallelbench.decoding import ForwardRequest, Signals, State

    guide = (ROOT / "docs" / "guides" / "write_a_decoder.md").read_text(encoding="utf-8")
    names = {field.name for cls in (ForwardRequest, Signals) for field in fields(cls)}
    names |= {
        name
        for name, value in vars(State).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    names |= set(re.findall(r"^        self\.([a-z]\w*)(?:: [^=]+)? =", inspect.getsource(State), re.M))
    assert not {name for name in names if not re.search(rf"`{name}\b", guide)}


def test_nothing_names_a_machine() -> None:
    suspicious = re.compile(r"/work/|/opt/pypi|/root/|\bhelper session|tool library", re.I)
    own = Path(__file__).relative_to(ROOT).as_posix()
    texts = [
        name
        for name in tracked()
        if name.endswith((".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".cff")) and name != own
    ]
    found = [name for name in texts if suspicious.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))]
    assert not found


def test_lists_in_shell_commands_are_quoted() -> None:  # fault 29: zsh takes an unquoted [1,2] for a pattern
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    lines = [(page.name, line) for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    commands = [(name, re.sub(r"'[^']*'|\"[^\"]*\"", "", line)) for name, line in lines if "parallelbench " in line]
    assert commands and not [(name, line) for name, line in commands if re.search(r"=\[[^\s]*,[^\s]*\]", line)]


def test_modules_of_one_system_are_imported_where_they_are_used() -> None:  # fault 43
    own = ("resource", "fcntl", "pwd", "termios", "winreg", "msvcrt")
    top = re.compile(rf"^(?:import|from) (?:{'|'.join(own)})\b", re.M)
    sources = sorted((ROOT / "src").rglob("*.py"))
    assert not [path.name for path in sources if top.search(path.read_text(encoding="utf-8"))]
    assert not [path.name for path in sources if "os.sched_getaffinity(" in path.read_text(encoding="utf-8")]
