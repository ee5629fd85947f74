"""A package of one's own: installed, it is listed and run like ours."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from children import Child, command

HERE = Path(__file__).parent / "plugin_package"
DOCS = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip leaves it: the module, and what the package declares about itself."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copy(HERE / "mirror.py", folder)
    declared = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    declared.mkdir()
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (declared / "METADATA").write_text(about, encoding="utf-8")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
        for group, points in project["entry-points"].items()
    ]
    (declared / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    return folder


def installed(site: Path, *words: str) -> None:
    """Run a command where the package is installed."""
    sys.path.insert(0, str(site))
    command(*words)


def parallelbench(site: Path, *words: str) -> str:
    done = Child(installed, site, *words).wait()
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_package_brings_is_listed(site: Path) -> None:
    for kind, name in (("models", "mirror"), ("decoders", "every_other"), ("tasks", "backwards"), ("metrics", "same_text")):
        line = parallelbench(site, "list", kind).splitlines()[-1]
        assert line.split() == [name, "from", "package", "parallelbench-mirror"]


def test_it_runs(site: Path, tmp_path: Path) -> None:
    words = [
        "run",
        "--json",
        "-m",
        "mirror",
        "-t",
        "backwards",
        "-d",
        "every_other:k=[1,4]",
        "--limit",
        "3",
        "-o",
        str(tmp_path / "out"),
    ]
    found = json.loads(parallelbench(site, *words).splitlines()[-1])
    assert (found["cells"], found["samples"]) == (2, 6)
    assert [(one["accuracy"], one["nfe"]) for one in found["results"]] == [(1.0, 32.0), (1.0, 8.0)]
    assert {(one["model"], one["task"]) for one in found["results"]} == {("mirror", "backwards")}


def test_the_documentation_shows_this_package() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert (HERE / "mirror.py").read_text(encoding="utf-8") in text
    assert (HERE / "pyproject.toml").read_text(encoding="utf-8").split("\n\n", 2)[2].split("\n\n[tool")[0] in text
