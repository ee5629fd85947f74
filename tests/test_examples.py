"""The examples and notebooks run as they are, each in a process of its own. `make examples` runs them, as `.ci/run` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from children import Child, strict
from children import script as run_script

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
SHOWN = """
import parallelbench as pb
results = pb.run("exact", "list_ops/copy", ["confidence:k=[1,4]"], limit=3)
results
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs_and_prints_its_table(script: Path, tmp_path: Path) -> None:
    done = Child(strict, run_script, script, cwd=tmp_path).wait()
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 3 and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir()), "an example leaves nothing where it was started"


@pytest.mark.slow
def test_the_notebooks_run_in_a_kernel_with_a_bar_and_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one kernel, because its imports take seconds; in between it forgets every name."""  # fault 35
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.chdir(tmp_path)
    books = [nbformat.read(path, as_version=4) for path in NOTEBOOKS]
    assert len(books) >= 2 and not any(cell.get("outputs") for book in books for cell in book.cells), "without outputs"
    shown = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOWN)])
    cells = [cell for book in [*books, shown] for cell in [nbformat.v4.new_code_cell("%reset -f"), *book.cells]]
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number}"
    whole = nbformat.v4.new_notebook(cells=cells, metadata=books[0].metadata)
    nbclient.NotebookClient(whole, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for book in books:
        outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
        assert any(output.get("data", {}).get("text/html") for output in outputs)
    check_bar_and_table(cells[-1]["outputs"])
    assert not list(tmp_path.iterdir())


def check_bar_and_table(outputs: list[Any]) -> None:
    streams = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "6/6" in streams and "list_ops/copy" in streams
    (table,) = [output.data for output in outputs if output.output_type == "execute_result"]
    assert "<table" in table["text/html"] and "confidence:k=4" in table["text/plain"]


def test_the_page_of_examples_names_each() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in [*SCRIPTS, *NOTEBOOKS]} == set(_linked(page))


def _linked(page: str) -> list[str]:
    return [part.partition(")")[0] for part in page.split("](")[1:]]
