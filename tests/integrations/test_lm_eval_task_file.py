"""Files of questions in the harness: the same prompts and scores as in `run`; and multiple choice by likelihood."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lm_eval")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # importing the harness takes seconds, and warns

import yaml  # noqa: E402

from parallelbench import api  # noqa: E402
from parallelbench.integrations.lm_eval.docs import OURS  # noqa: E402
from parallelbench.integrations.lm_eval.evaluate import evaluate  # noqa: E402
from parallelbench.integrations.lm_eval.model import ParallelBenchLM  # noqa: E402
from parallelbench.integrations.lm_eval.task_file import write_task  # noqa: E402
from parallelbench.metrics import score  # noqa: E402
from parallelbench.tasks import load_task  # noqa: E402
from parallelbench.tasks.lists import write  # noqa: E402
from stored_records import records  # noqa: E402

WORDS = ("apple", "pear", "fig", "plum", "kiwi", "lime")
QUESTIONS = {
    "whole": "metric: text",
    "last": "read: last_line\nmetric: exact",
    "after": 'read: {after: "####"}\nmetric: text\nsystem: "{{braces}} and {% raw %} stay"',
    "several": "metric: exact",
    "number": 'read: {after: "####"}\nmetric: number',
    "choice": "read: choice\nmetric: choice\nprompt: |-\n  {question}\n  {choices}",
}
TEXTS = (
    "{}", " {}.\n", "no\n{}", "{}\nno", "#### {}", "####\n\n**{}**\nmore", "#### no #### {}", '"{}"', "", " \n", "####",
    "{} {}", "####{}", "$.{}", "{}\u200b", "The answer is {}", "\r\n{}\r\n",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


def file_of(folder: Path, kind: str) -> Path:
    """A file of questions with two demonstrations."""
    rows: list[dict[str, Any]] = []
    for number, word in enumerate(WORDS):
        answer: Any = [word, word.upper()] if kind == "several" else str(number) if kind == "number" else word
        row = {"question": f"Repeat {word} {number}.", "answer": answer}
        rows.append({**row, "choices": [word, "none", "all"]} if kind == "choice" else row)
    named = {"type": "questions", "questions": rows[2:], "demonstrations": rows[:2], "max_new_tokens": 16}
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump(named) + QUESTIONS[kind] + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", QUESTIONS)
def test_the_same_texts_score_the_same(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task(str(file_of(tmp_path, kind)), samples=4)
    written = write_task(load_task(str(file_of(tmp_path, kind))), tmp_path / "out")
    native = "!function" not in written.files[0].read_text(encoding="utf-8")
    assert native == (kind not in ("number", "choice"))
    order = task.order(0)
    for template in TEXTS:
        samples = [task.sample(0, index) for index in order]
        texts = [template.replace("{}", sample.facts["answers"][0]) for sample in samples]

        def told(self: Any, requests: list[Any], disable_tqdm: bool = False, texts: list[str] = texts) -> list[str]:
            return [texts[request.doc_id] for request in requests]

        monkeypatch.setattr(ParallelBenchLM, "generate_until", told)
        values = evaluate(ParallelBenchLM("tiny2"), [written.name], tmp_path / "out")["results"][written.name]
        ours = [score(sample, text, task.metrics) for sample, text in zip(samples, texts, strict=True)]
        for metric in task.metrics:
            theirs = values["exact_match,strict" if native else f"{metric},none"]
            if not native or metric.endswith("_strict"):
                assert theirs == pytest.approx(sum(one[metric] for one in ours) / len(ours)), (template, metric)


@pytest.mark.parametrize("kind", ["whole", "number"])
def test_a_run_and_the_harness_decode_the_same_texts(kind: str, tmp_path: Path) -> None:
    path = file_of(tmp_path, kind)
    written = write_task(load_task(str(path)), tmp_path / "out")
    results = evaluate(ParallelBenchLM("tiny2", "confidence:k=2"), [written.name], tmp_path / "out", apply_chat_template=True)
    frame = api.run("tiny2", str(path), "confidence:k=2", progress=False, out=tmp_path / "run").frame
    ((_, ours),) = records(tmp_path / "run").items()
    assert sorted(one["resps"][0][0] for one in results["samples"][written.name]) == sorted(one["text"] for one in ours)
    assert results["results"][written.name]["nfe,none"] == pytest.approx(frame["nfe"].mean())


def test_choices_are_ranked_by_likelihood(tmp_path: Path) -> None:
    written = write_task(load_task(str(file_of(tmp_path, "choice"))), tmp_path / "out", likelihood=True)
    model = ParallelBenchLM("tiny-ar")
    results = evaluate(model, [written.name], tmp_path / "out", apply_chat_template=True)
    values = results["results"][written.name]
    assert values["acc,none"] in (0, 0.25, 0.5, 0.75, 1) and values["loglikelihood_stderr,none"] == 0
    for one in results["samples"][written.name]:
        assert one["doc"]["choices"] == ["A", "B", "C"]
        assert all(float(log_p) < 0 for ((log_p, _),) in one["resps"])


LAWS = {  # five questions each; the law's probability of every choice
    "waiting_line/reverse:lengths=[3],shots=0": lambda items, word: [items[::-1], items, [*items[:2], word], [word] * 3],
    "waiting_line/shuffle:lengths=[3],shots=0": lambda items, word: [items[1:] + items[:1], items, items[:2] * 2, [word] * 3],
    "waiting_line/replace_random:lengths=[3],shots=0": lambda items, word: [[word, *items[1:]], items, [word] * 3, items[::-1]],
    "waiting_line/insert_random:lengths=[3],shots=0": lambda items, word: [[*items, word], items, [word] * 4, items[::-1]],
}
RIGHT = dict(zip(LAWS, (1, 5, 3, 4), strict=True))
"""The number of right answers, which are equally likely."""


def test_twenty_questions_of_multiple_choice_rank_as_the_exact_law_says(tmp_path: Path) -> None:
    rows = []
    for spec, choices in LAWS.items():
        for index in range(5):
            sample = load_task(spec).sample(0, index)
            texts = [
                write(one) for one in choices(list(sample.facts["items"]), sample.facts.get("word", sample.facts["items"][0]))
            ]
            place = index % 4  # the right one is not always the first
            texts[0], texts[place] = texts[place], texts[0]
            named = {"spec": spec, "seed": 0, "index": index}
            rows.append({"text": sample.turns[-1].text, "choices": texts, "gold": place, OURS: named})
    data = tmp_path / "choices.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    fields = {
        "task": "law_choices",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{text}}",
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "num_fewshot": 0,
    }
    (tmp_path / "law_choices.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
    results = evaluate(ParallelBenchLM("exact"), ["law_choices"], tmp_path)
    assert results["results"]["law_choices"]["acc,none"] == 1
    samples = results["samples"]["law_choices"]
    assert len(samples) == 20
    for one in samples:
        logs = [float(log_p) for ((log_p, _),) in one["resps"]]
        gold = one["doc"]["gold"]
        expected = -math.log(RIGHT[one["doc"][OURS]["spec"]])
        assert logs[gold] == pytest.approx(expected, abs=0.02)
        assert all(log_p < expected - 2 for place, log_p in enumerate(logs) if place != gold)


def test_an_autoregressive_model_ranks_its_own_answer_first() -> None:
    model = ParallelBenchLM("tiny-ar")
    sample = load_task("waiting_line/copy:lengths=[3]").sample(0, 0)
    doc = {OURS: {"spec": "waiting_line/copy:lengths=[3]", "seed": 0, "index": 0}}

    def request(*args: Any) -> Any:
        return SimpleNamespace(args=args, doc=doc, task_name="t", doc_id=0)

    (text,) = model.generate_until([request("", {})])
    other = write(list(sample.facts["items"])[::-1])
    (own, greedy), (wrong, _) = model.loglikelihood([request("", text), request("", other)])
    assert greedy and own > wrong and model.errors["t", 0] == [0.0, 0.0]
    assert model.loglikelihood_rolling([request("a b")])[0] < 0
