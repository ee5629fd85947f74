"""Golden cases: what each rule takes for right, leniently and strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parallelbench.errors import UnknownName
from parallelbench.metrics import METRICS, parse_list, resolve, score
from parallelbench.schema import Sample

GROUPS = [
    group for file in sorted((Path(__file__).parent / "cases").glob("*.json")) for group in json.loads(file.read_text("utf-8"))
]
CASES = [(group, case) for group in GROUPS for case in group["cases"]]


def of_questions(metric: str) -> bool:
    """Whether a metric compares answers to questions: awkward_answers.py and tests/sandbox have their cases."""
    return metric.startswith(("answer_", "pass_1"))


def sample(facts: dict[str, Any]) -> Sample:
    return Sample("test", 1, 0, 0, (), "", facts)


@pytest.mark.parametrize(("group", "case"), CASES, ids=[f"{g['metric']}-{i}" for i, (g, _) in enumerate(CASES)])
def test_case(group: dict[str, Any], case: dict[str, Any]) -> None:
    names = (group["metric"], group["metric"] + "_strict")
    facts = {key: value for key, value in group.items() if key not in ("metric", "cases")}
    assert score(sample(facts), case["text"], names) == {names[0]: case["lenient"], names[1]: case["strict"]}


def test_every_metric_has_cases_of_both_kinds() -> None:
    both = {name for name in METRICS.names() if f"{name}_strict" in METRICS.names()}
    assert {group["metric"] for group in GROUPS} >= {name for name in both if not of_questions(name)}
    for group in GROUPS:
        for kind in ("lenient", "strict"):
            assert {case[kind] for case in group["cases"]} == {0, 1}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("a,b", ["a", "b"]),
        ("x ['a' ,  \"b\" ] y", ["a", "b"]),
        ('["a, "b]', ["a", "b"]),
        ('["", "a"]', ["", "a"]),
        ("[]", None),
        (" , ,", None),
        ("", None),
        ("]a[", None),
        ('["Joe Perez\'"]', ["Joe Perez'"]),  # fault 8
        ("['Joe Perez\"']", ['Joe Perez"']),
        ("[\"'Joe'\"]", ["'Joe'"]),
        ("[\"O'Brien\", 'D\u2019Arcy']", ["O'Brien", "D\u2019Arcy"]),
        ('["a", "b",]', ["a", "b"]),
        ('["a", "b", ]', ["a", "b"]),
        ('[ " a " ]', ["a"]),
        ('[""a""]', ["a"]),
        ('["a\', b"]', ["a", "b"]),
        ("[\u201ca\u201d, \u2018b\u2019]", ["a", "b"]),
        ('[\u201ca", b\u2019]', ["a", "b"]),
        ('["Ren\u00e9", "\u4e2d\u6587"]', ["Ren\u00e9", "\u4e2d\u6587"]),
        ('["a\\"b"]', ['a\\"b']),
        ('["\u202eab\u202c"]', ["\u202eab\u202c"]),
        ("['']", [""]),
        ('["]', [""]),
    ],
)
def test_parse_list(text: str, items: list[str] | None) -> None:
    assert parse_list(text) == items


def test_a_metric_knows_its_name_direction_and_summary() -> None:
    configured = {"grammar_languagetool": ":url=http://127.0.0.1:9", "combined_reference": ":url=http://127.0.0.1:9"}
    for name, entry in METRICS.items():
        metric = resolve(name + configured.get(name, ""))
        assert metric.name == name
        assert entry.summary and "\n" not in entry.summary


def test_an_unknown_metric_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown metric 'list_exakt'; did you mean 'list_exact'"):
        score(sample({}), "", ["list_exakt"])
