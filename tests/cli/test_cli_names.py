"""What has a name can be listed and shown, and a misspelt name is told before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from parallelbench import cli

HEAVY = ("torch", "transformers", "pandas", "duckdb", "altair", "scipy")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "-m", "tny", "-t", "waiting_line/copy", "-d", "confidence"], "unknown model 'tny'; did you mean 'tiny'"),
        (["run", "-m", "tiny", "-t", "waiting_line/cpy", "-d", "confidence"], "unknown task 'waiting_line/cpy'; did you mean"),
        (["run", "-m", "tiny", "-t", "waiting_line/copy", "-d", "confidnce"], "unknown decoder 'confidnce'; did you mean"),
        (["run", "-m", "tiny", "-t", "waiting_line/copy", "-d", "klass:kk=2"], "'klass' has no key 'kk'"),
        (["run", "-m", "tiny", "-t", "waiting_line/copy", "-d", "threshold:gamma=2"], "'gamma' is 2"),
        (["run", "-m", "tiny", "-t", "waiting_line/copy:lengt=[3]", "-d", "confidence"], "has no key 'lengt'"),
        (["run", "-m", "tiny", "-t", "waiting_line/copy:lengths=[x]", "-d", "confidence"], "'lengths"),
        (["sweep", "quikstart"], "quickstart"),
        (["show", "decoder", "confidnce"], "did you mean 'confidence'"),
    ],
)
def test_a_misspelt_name_is_told_before_heavy_imports(words: list[str], said: str) -> None:  # fault 34
    command = [sys.executable, "-X", "importtime", "-m", "parallelbench", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 2 and said in done.stderr
    assert "parallelbench.errors" in imported and not imported & set(HEAVY)


def test_a_dry_run_needs_neither_torch_nor_pandas(tmp_path: Path) -> None:
    words = ["run", "-m", "tiny", "-t", "waiting_line/copy", "-d", "confidence:k=[1,2]", "--limit", "3", "--dry-run"]
    command = [sys.executable, "-X", "importtime", "-m", "parallelbench", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "2 cells, 6 samples" in done.stdout and "numpy" in imported and not imported & set(HEAVY)


def test_no_decoder_imports_torch_before_it_runs() -> None:
    code = (
        "import sys; from parallelbench.decoding import DECODERS; found = [entry.load() for _, entry in DECODERS.items()];"
        "print(len(found)); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 40


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "decoder", "threshold"], "gamma"),
        (["show", "model", "llada-1.5"], "llada"),
        (["show", "task", "waiting_line/copy"], "waiting line"),
        (["list"], "decoders"),
        (["list", "experiments"], "quickstart"),
    ],
)
def test_what_has_a_name_is_listed_and_shown(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(words) == 0 and said in capsys.readouterr().out  # fault 36


def test_the_experiments_are_in_the_package() -> None:  # fault 30
    named = files("parallelbench.experiments").joinpath("named")
    assert "quickstart.yaml" in {path.name for path in named.iterdir()}
    assert {"fig2.yaml", "table7.yaml"} <= {path.name for path in named.joinpath("paper").iterdir()}
