"""lm-evaluation-harness both ways: its tasks on our engine, our tasks in it, likelihoods, and what cannot work."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lm_eval")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # importing the harness takes seconds, and warns

from lm_eval.tasks import TaskManager  # noqa: E402

from parallelbench import api  # noqa: E402
from parallelbench.cli import invoke  # noqa: E402
from parallelbench.errors import UserError  # noqa: E402
from parallelbench.integrations.lm_eval.docs import documents  # noqa: E402
from parallelbench.integrations.lm_eval.evaluate import TASKS, evaluate  # noqa: E402
from parallelbench.integrations.lm_eval.model import ParallelBenchLM  # noqa: E402
from parallelbench.tasks import load_task  # noqa: E402

GSM8K = """
task: local_gsm8k
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{data}"}}}}
output_type: generate_until
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true, regexes_to_ignore: [",", "(?s).*#### "]}}
generation_kwargs: {{until: ["Question:"], do_sample: false, max_gen_toks: 24}}
filter_list:
  - name: strict-match
    filter: [{{function: regex, regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"}}, {{function: take_first}}]
num_fewshot: 0
metadata: {{version: 1.0}}
"""
OURS = sorted(path.stem for path in TASKS.glob("parallelbench_*.yaml"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the harness tells of the machine, for which it runs pip and other programs."""
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)


class Only(TaskManager):
    """The tasks of the folders alone; those of the harness are thousands of files."""

    def __init__(self, *, include_path: list[str], **_: Any) -> None:
        super().__init__(include_path=include_path, include_defaults=False)


def file_of(tmp_path: Path) -> Path:
    rows = [{"question": f"{n} + {n}?", "answer": f"#### {2 * n}"} for n in range(3)]
    data = tmp_path / "gsm8k.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "local_gsm8k.yaml").write_text(GSM8K.format(data=data), encoding="utf-8")
    return tmp_path


def test_a_task_of_the_harness_runs_on_our_engine_and_batches_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = file_of(tmp_path)
    texts = []
    for size in (1, 16):
        model = ParallelBenchLM("tiny", "threshold", batch_size=size, block=8)
        results = evaluate(model, ["local_gsm8k"], folder, apply_chat_template=True)
        values = results["results"]["local_gsm8k"]
        assert values["exact_match,strict-match"] == 0 and values["nfe,none"] >= 3 and "seconds,none" in values
        samples = sorted(results["samples"]["local_gsm8k"], key=lambda one: one["doc_id"])
        assert all(one["parallelbench"]["nfe"] >= 1 for one in samples)
        texts.append([one["resps"] for one in samples])
    assert texts[0] == texts[1]


def assert_same_scores(names: list[str], limit: int) -> None:
    results = evaluate(ParallelBenchLM("tiny2", "confidence:k=4"), names, limit=limit)
    for name in names:
        spec = (TASKS / f"{name}.yaml").read_text(encoding="utf-8").rpartition("spec: ")[2].strip()
        task = load_task(spec)
        frame = api.run("tiny2" if task.law else "tiny-text", spec, "confidence:k=4", limit=limit, progress=False).frame
        if not task.law:
            continue  # run takes another shipped model for texts, so its texts are others
        values = results["results"][name]
        assert values[f"{task.metrics[0]},none"] == pytest.approx(frame["accuracy"].mean()), name
        assert values["nfe,none"] == pytest.approx(frame["nfe"].mean()), name


def test_our_tasks_score_there_what_they_score_here() -> None:
    assert len(OURS) == 17
    assert_same_scores(["parallelbench_waiting_line_shuffle", "parallelbench_puzzle_sudoku_n4_12"], 3)


def test_all_our_tasks_score_there_what_they_score_here() -> None:
    assert_same_scores([name for name in OURS if "waiting_line" in name or "puzzle" in name], 6)


def test_texts_score_there_what_they_score_here() -> None:
    texts = [name for name in OURS if "waiting_line" not in name and "puzzle" not in name]
    assert len(texts) == 5  # with the twelve of the test above, all 17
    for name in texts:
        spec = (TASKS / f"{name}.yaml").read_text(encoding="utf-8").rpartition("spec: ")[2].strip()
        values = evaluate(ParallelBenchLM("tiny-text", "confidence:k=4"), [name], limit=4)["results"][name]
        frame = api.run("tiny-text", spec, "confidence:k=4", limit=4, progress=False).frame
        assert values[f"{load_task(spec).metrics[0]},none"] == pytest.approx(frame["accuracy"].mean()), name


def test_a_learned_model_gives_likelihoods_with_an_error() -> None:
    model = ParallelBenchLM("tiny", draws=8)
    one = SimpleNamespace(args=("Copy: ", "a b"), doc={}, task_name="t", doc_id=0)
    again: Any = [model.loglikelihood([one])[0] for _ in range(2)]
    assert again[0] == again[1] and again[0][0] < 0 and again[0][1] is False
    assert model.errors["t", 0][0] > 0
    assert model.loglikelihood_rolling([SimpleNamespace(args=("a b",), doc={}, task_name="t", doc_id=0)])[0] < 0


@pytest.mark.parametrize("model", ["tiny", "tiny-ar"])
def test_requests_with_one_sample_are_all_answered(model: str) -> None:
    doc = next(iter(documents("waiting_line/copy", 1)["test"]))
    twice: Any = [SimpleNamespace(args=(doc["text"], {}), doc=doc, task_name=name, doc_id=0) for name in ("a", "b")]
    texts = ParallelBenchLM(model).generate_until(twice)
    assert len(texts) == 2 and texts[0] == texts[1]


def test_a_task_that_samples_gets_samples_unless_the_decoder_has_a_temperature() -> None:
    """Requests of two kinds in one call are decoded each at its own temperature and returned in order."""

    def texts(model: ParallelBenchLM, *kinds: dict[str, Any]) -> list[str]:
        requests: Any = [
            SimpleNamespace(args=("Line: Ann Lee", {"max_gen_toks": 16, **kind}), doc={}, task_name="t", doc_id=number)
            for number, kind in enumerate(kinds)
        ]
        return model.generate_until(requests)

    drawn, greedy = {"do_sample": True, "temperature": 1.5}, {"do_sample": False}
    model = ParallelBenchLM("tiny", "confidence:k=8")
    mixed = texts(model, greedy, drawn, greedy, drawn)
    assert mixed[0] == mixed[2] == texts(model, greedy)[0]
    assert mixed[1] != mixed[0] and mixed[1] != mixed[3]
    given = ParallelBenchLM("tiny", "confidence:k=8,temperature=1.5")
    assert texts(given, greedy, drawn) == texts(model, drawn, drawn)


def test_what_cannot_work_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    request = SimpleNamespace(args=("a", {"until": ["stop " * 40], "max_gen_toks": 8}), doc={}, task_name="t", doc_id=0)
    with pytest.raises(UserError, match="more tokens than the canvas of 8"):
        ParallelBenchLM("tiny").generate_until([request])
    with pytest.raises(UserError, match="gives texts and no probabilities"):
        served = ParallelBenchLM("tiny-ar")
        served._model = SimpleNamespace(info=SimpleNamespace(name="served"))
        served.likelihood("a", "b", load_task("waiting_line/copy").sample(0, 0))
    with pytest.raises(UserError, match="has no decoder; leave block out"):
        ParallelBenchLM("tiny-ar", block=8)
    for words, message in (
        (["-m", "tiyn", "-t", "gsm8k"], "did you mean 'tiny'"),
        (["-m", "tiny", "-t", "gsm8k", "-d", "treshold"], "did you mean 'threshold'"),
    ):
        assert invoke(["lm-eval", *words]) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setattr("parallelbench.integrations.lm_eval.evaluate.TaskManager", Only)
    assert invoke(["lm-eval", "-m", "tiny", "-t", "parallelbench_waiting_line_cpoy"]) == 2
    assert "did you mean 'parallelbench_waiting_line_copy'" in capsys.readouterr().err
    assert invoke(["path", "lm-eval-tasks"]) == 0 and capsys.readouterr().out.strip() == str(TASKS)
    assert invoke(["path", "nowhere"]) == 2
