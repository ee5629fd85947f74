"""`trace`: the answer step by step in the terminal and as a picture, what broke it, and nothing of a hostile text obeyed."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import parallelbench as pb
from parallelbench import cli
from parallelbench.analysis.collisions import Collision
from parallelbench.cli.trace_display import show
from parallelbench.errors import UserError
from parallelbench.report import trace_gif
from parallelbench.report.trace_svg import MOST_BYTES, trace_svg
from parallelbench.report.trace_view import Step, TraceView
from parallelbench.runs.cell_folder import TRACES, CellFolder
from parallelbench.runs.disk import write_bytes

HOSTILE = "</text><script>alert(1)</script>\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}[red]&amp;'\"\x00\n"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trace") / "out"
    tasks = ["waiting_line/shuffle:lengths=[4],max_new_tokens=16", "waiting_line/copy:lengths=[3],max_new_tokens=16"]
    pb.run("exact", tasks, ["random:k=[1,4],temperature=1"], limit=6, out=folder, progress=False)
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.invoke(["trace", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_the_most_telling_answer_is_shown_with_the_writes_that_broke_it(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, err = call(capsys, out, "--svg", tmp_path / "broken.svg")
    assert (code, err) == (0, "")
    for words in ("waiting_line/shuffle@", "random:k=4", "forward 1 of 4", ": no right answer is possible any more", "nfe"):
        assert words in said
    assert "each alone could still become a right answer, and no right answer has both" in " ".join(said.split())
    drawn = (tmp_path / "broken.svg").read_text(encoding="utf-8")
    texts = " ".join("".join(one.itertext()) for one in ElementTree.fromstring(drawn))
    assert len(drawn.encode()) <= MOST_BYTES and "forward 4 of 4" in texts and "no right answer has both" in texts
    assert drawn.count('class="x on"') == 2 and "<script" not in drawn and "http" not in drawn.replace("http://www.w3.org", "")


def test_a_sample_is_named_by_its_index_or_its_id(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, err = call(capsys, out, "1", "-t", "waiting_line/copy*", "-d", "random:k=1*")
    assert (code, err) == (0, "") and "The answer is right." in said and "/0/1  " in said
    name = next(word for word in said.split() if word.endswith("/0/1"))
    assert call(capsys, out, name, "-t", "waiting_line/copy*", "-d", "random:k=1*")[1] == said
    code, _, err = call(capsys, out, "1")
    assert code == 0 and err == "note: one more cell has a sample 1; -t, -d and -m choose among them.\n"


@pytest.mark.parametrize("name", ["99", "-1", "1.0", "\N{SUPERSCRIPT TWO}", "9" * 5000, "other@1/0/1", "\x1b[31m"])
def test_a_sample_that_is_not_there_is_said_in_one_sentence(name: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, err = call(capsys, out, "--", name)
    assert (code, said) == (2, "") and "has no sample" in err and err.count("\n") == 1 and "\x1b" not in err


def test_a_folder_that_is_no_run_and_a_run_without_traces_are_said_in_one_sentence(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = call(capsys, tmp_path)
    assert code == 2 and "holds no run" in err and err.count("\n") == 1
    before = CellFolder.trace
    monkeypatch.setattr(CellFolder, "trace", lambda folder, record: replace(before(folder, record), history=()))
    code, _, err = call(capsys, out, "1")
    assert code == 2 and "has no steps to show" in err and err.count("\n") == 1
    monkeypatch.undo()
    copied = tmp_path / "copy"
    for path in (one for one in out.rglob("*") if one.is_file() and one.name != TRACES):
        (copied / path.relative_to(out)).parent.mkdir(parents=True, exist_ok=True)
        (copied / path.relative_to(out)).write_bytes(path.read_bytes())
    code, _, err = call(capsys, copied, "1")
    assert code == 2 and TRACES in err and err.count("\n") == 1


def hostile_view(steps: int = 2, width: int = 3) -> TraceView:
    """A view in which every text is hostile."""
    canvas = tuple([HOSTILE] * width)
    first = Step((*canvas[:-1], None), {0: 0.5, 1: None}, (2,))
    return TraceView(
        title=HOSTILE, question=HOSTILE * 9, answer=HOSTILE, expected=HOSTILE, right=False, start=(None,) * width, hidden=2,
        steps=(first, *[Step(canvas, {2: 1.0}, ())] * (steps - 1)), collision=Collision(1, (0, 2)), verdict=HOSTILE,
        numbers=[(HOSTILE, HOSTILE)],
    )  # fmt: skip


def test_hostile_text_stays_text_in_the_terminal_and_in_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    show(hostile_view(), HOSTILE)
    said = capsys.readouterr().out
    assert not {"\x1b", "\x00", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(said) and "\\x1b[31m" in said and "[red]" in said
    root = ElementTree.fromstring(trace_svg(hostile_view()))
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert tags == {"svg", "title", "desc", "style", "rect", "text", "g"}
    assert "<script>alert(1)</script>" in "".join(root.itertext())
    assert {name for one in root.iter() for name in one.attrib} <= {
        "viewBox", "width", "height", "role", "x", "y", "rx", "class", "style", "fill", "textLength",
        "lengthAdjust",
    }  # fmt: skip


def test_a_picture_that_would_be_too_large_is_refused() -> None:
    with pytest.raises(UserError, match="choose a sample with fewer"):
        trace_svg(hostile_view(width=1200))


def test_a_gif_has_a_picture_for_each_forward_and_shows_the_mark_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    view = hostile_view()
    made = trace_gif.trace_gif(view)
    with image.open(io.BytesIO(made)) as picture:
        frames = [picture.seek(place) or picture.convert("RGB").tobytes() for place in range(picture.n_frames)]
    assert len(frames) == len(view.steps) + 1 and len(set(frames)) == len(frames)
    assert made.startswith(b"GIF89a") and HOSTILE.encode() not in made
    monkeypatch.setattr(trace_gif, "MOST_BYTES", len(made) - 1)
    with pytest.raises(UserError, match="write an SVG"):
        trace_gif.trace_gif(view)


def test_a_gif_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UserError, match=r"parallelbench\[gif\]"):
        trace_gif.trace_gif(hostile_view())


@pytest.mark.parametrize("name", ["", ".", "/", ".."])
def test_a_file_without_a_name_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match=r"is a folder|cannot be written"):
        write_bytes(Path(name), b"")
