"""What a task of the harness says of its texts is checked before anything is decoded."""

from __future__ import annotations

from typing import Any

import pytest

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.errors import UserError
from parallelbench.integrations.lm_eval.generation import read_options


@pytest.mark.parametrize("until", [None, "", [], [""], ()])
def test_no_stop_text_cuts_nothing(until: Any) -> None:
    assert read_options("t", {"until": until}).cut("a\nb") == "a\nb"


def test_the_first_stop_text_in_the_answer_ends_it() -> None:
    assert read_options("t", {"until": ["Z", "\n\n", "b"]}).cut("ab\n\nZ") == "a"
    assert read_options("t", {"until": "\n"}).cut("\nab") == ""


@pytest.mark.parametrize(
    ("given", "temperature"),
    [
        ({}, 0.0),
        ({"do_sample": False, "temperature": 0.7}, 0.0),
        ({"do_sample": True}, 1.0),
        ({"do_sample": True, "temperature": 0.2}, 0.2),
        ({"do_sample": True, "temperature": 0}, 0.0),
        ({"temperature": 0.7}, 0.7),
    ],
)
def test_sampling_is_read_as_in_the_harness(given: dict[str, Any], temperature: float) -> None:
    assert read_options("t", given).sampling_temperature == temperature


@pytest.mark.parametrize(
    "given",
    [
        {"max_gen_toks": 0}, {"max_gen_toks": -3}, {"max_gen_toks": True}, {"max_gen_toks": "many"},
        {"max_new_tokens": 1.5}, {"until": 5},
        {"until": [3]}, {"until": {"a": 1}}, {"temperature": -1}, {"temperature": float("nan")}, {"top_p": 0},
        {"do_sample": "perhaps"},
        {"num_beams": 4}, {"repetition_penalty": 1.2}, {"num_return_sequences": 2}, {"min_new_tokens": 8},
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_one_sentence(given: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(given))) as caught:
        read_options("local_gsm8k", given)
    assert "\n" not in str(caught.value) and "local_gsm8k" in str(caught.value)


def test_what_changes_no_text_is_passed_over() -> None:
    wanted = read_options("t", {"num_beams": 1, "repetition_penalty": 1.0, "use_cache": True, "max_gen_toks": "8"})
    assert wanted.length == 8


def test_a_model_with_its_own_temperature_samples_at_no_other() -> None:
    wanted, model = read_options("t", {"temperature": 0.7}), GeneratorInfo("served", "1", settings={"temperature": 0.0})
    with pytest.raises(UserError, match=r"add temperature=0\.7 to the model's options"):
        wanted.check_sampling("t", model)
    wanted.check_sampling("t", GeneratorInfo("served", "1", settings={"temperature": 0.7}))
    wanted.check_sampling("t", GeneratorInfo("unknown", "1"))
    read_options("t", {}).check_sampling("t", GeneratorInfo("served", "1", settings={"temperature": 0.7}))
