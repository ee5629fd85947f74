"""Lists and puzzles need none of the libraries of the text metrics; a text task without them says so before it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from children import Child, Done, command
from parallelbench.metrics.extra import CHECKER


def without(*commands: str) -> None:
    """Run commands, one after the other, where these modules cannot be imported."""
    assert not set(CHECKER) & set(sys.modules), "they are not there yet"
    sys.modules.update(dict.fromkeys(CHECKER))  # type: ignore[arg-type]
    for words in commands:
        try:
            command(*words.split())
        except SystemExit as left:
            if left.code:
                raise


def typed(*commands: str, folder: Path) -> Done:
    return Child(without, *commands, cwd=folder).wait(280)


def test_lists_run_and_are_reported_without_the_extra(tmp_path: Path) -> None:
    run = "run -m exact -t waiting_line/copy -d confidence:k=4 --limit 2 -o out"
    both = typed(run, "report out", folder=tmp_path)
    assert both.returncode == 0, both.stderr
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_text_task_without_the_extra_is_refused_in_one_sentence(tmp_path: Path) -> None:
    ran = typed("run -m tiny-text -t words_to_sentence/easy -d confidence:k=4 --limit 2 -o out", folder=tmp_path)
    assert ran.returncode == 2, ran.stderr
    assert "metric 'grammar' needs an optional package: pip install 'parallelbench[text]'." in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out" / "cells").exists()


def test_importing_the_package_and_a_list_metric_imports_none_of_them() -> None:
    code = f"""
import sys, parallelbench
from parallelbench.metrics import resolve
resolve("list_exact_strict"), resolve("bleu"), resolve("inclusion")
print(sorted(set({CHECKER!r}) & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240).stdout.strip() == "[]"
