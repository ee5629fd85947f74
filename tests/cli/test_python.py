"""The package as it is used from Python; test_examples.py uses it in a notebook."""  # fault 35

from __future__ import annotations

import pydoc
from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pytest

import parallelbench as pb


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> pb.Results:
    out = tmp_path_factory.mktemp("python") / "out"
    return pb.run("fake", ["waiting_line/copy", "list_ops/copy"], "confidence:k=[4,8]", limit=3, seed=[0, 1], out=out)


def test_the_package_shows_what_it_has() -> None:
    assert {"run", "load_model", "load_task", "Task", "Results", "Decoder"} <= set(dir(pb))
    assert all(getattr(pb, name) is not None for name in pb.__all__)
    text = pydoc.render_doc(pb)
    assert "run(" in text and "load_task(" in text
    with pytest.raises(AttributeError, match="has no attribute 'runn'"):
        pb.runn  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(TypeError, match="limt"):
        pb.run("fake", "waiting_line/copy", limt=3)  # type: ignore[call-arg]


def test_results_show_themselves(results: pb.Results) -> None:
    assert repr(results).startswith("Results of 8 cells, 24 samples") and "confidence:k=8" in repr(results)
    assert "<table" in results._repr_html_() and "list_ops/copy" in results._repr_html_()
    assert {row.seed for row in results.rows} == {0, 1}  # fault 25
    assert [(row.decoder, row.tasks) for row in results.by_decoder] == [("confidence:k=4", 2), ("confidence:k=8", 2)]


def test_samples_have_texts_and_a_history(results: pb.Results) -> None:
    samples = list(results.samples)
    assert len(samples) == 24
    first = results.sample(0)
    assert first == samples[0] and first.answer in first.text and "assistant" in first.prompt
    assert len(first.history) == first.nfe and first.history[0][0][3] == "commit"
    assert "<pre>" in first._repr_html_()
    with pytest.raises(pb.UserError, match="no sample 99"):
        results.sample(99)


def test_results_draw_and_report(results: pb.Results) -> None:
    assert results.plot().to_dict()["$schema"]
    assert results.plot(by_task=True).to_dict()["$schema"]
    page = results.report()
    assert page == Path(results.out) / "report.html" and page.stat().st_size > 100_000


def test_another_model_than_the_named_one_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    pb.run("tiny", "words_to_sentence/easy", "all_at_once", limit=1)
    assert "note: tiny-text" in capsys.readouterr().err
