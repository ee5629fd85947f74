"""The examples and notebooks run as they are, each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from children import Child, strict
from children import script as run_script

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs_and_prints_its_table(script: Path, tmp_path: Path) -> None:
    done = Child(strict, run_script, script, cwd=tmp_path).wait()
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 3 and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir()), "an example leaves nothing where it was started"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_a_kernel(notebook: Path, tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    book = nbformat.read(notebook, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "notebooks are committed without outputs"
    nbclient.NotebookClient(book, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in book.cells for output in cell.get("outputs", ())]
    assert any(output.get("data", {}).get("text/html") for output in shown)


def test_the_page_of_examples_names_each() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in [*SCRIPTS, *NOTEBOOKS]} == set(_linked(page))


def _linked(page: str) -> list[str]:
    return [part.partition(")")[0] for part in page.split("](")[1:]]
