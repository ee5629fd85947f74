"""The probability of a given text under an autoregressive model, by the chain rule."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace
from typing import Any

import pytest

from parallelbench.contracts.generator import Request
from parallelbench.errors import UserError
from parallelbench.models import load_any
from parallelbench.models.continuation import chain_rule, continuation_ids
from parallelbench.models.generators.autoregressive import Autoregressive
from parallelbench.schema import Turn
from parallelbench.tasks import load_task


@pytest.fixture(scope="module")
def model() -> Autoregressive:
    loaded = load_any("tiny-ar")
    assert isinstance(loaded, Autoregressive)
    return loaded


def test_a_likelihood_is_the_product_of_what_each_forward_gave(model: Autoregressive) -> None:
    sample, size = load_task("waiting_line/copy:lengths=[3]").sample(0, 0), model._special.vocabulary
    (reply,) = model.generate([Request(sample, 20)])
    assert reply.ledger is not None
    before, count = model._codec.encode_chat(sample.turns)[0], len(reply.token_ids)
    expected = sum(math.log(forward[0][2]) for forward in reply.ledger.history)
    found = chain_rule(model._model, before, reply.token_ids, size)
    assert found.greedy and found.log_p == pytest.approx(expected, abs=1e-3)
    other = [*reply.token_ids[:-1], (reply.token_ids[-1] + 1) % size]
    parts = [chain_rule(model._model, [*before, *other[:place]], other[place : place + 1], size) for place in range(count)]
    whole = chain_rule(model._model, before, other, size)
    assert whole.log_p == pytest.approx(sum(part.log_p for part in parts), abs=1e-3)
    assert not whole.greedy and [part.greedy for part in parts] == [True] * (count - 1) + [False]


class Merging(SimpleNamespace):
    """A tokenizer with the tokens "ab", and each character alone."""

    def encode(self, text: str) -> list[str]:
        return re.findall("ab|.", text)


def test_no_part_of_a_continuation_is_lost() -> None:
    codec: Any = Merging()
    assert continuation_ids(codec, "x ", "y") == (["x"], [" ", "y"])
    assert continuation_ids(codec, "a", "b") == (["a"], ["b"])
    assert continuation_ids(codec, "xa", "bc") == (["x", "a"], ["b", "c"])
    assert continuation_ids(codec, "", "ab") == ([], ["ab"])


def test_a_likelihood_without_a_context_follows_the_end_token_and_has_a_limit(model: Autoregressive) -> None:
    end = model._special.ends[0]
    alone = chain_rule(model._model, [end], model._codec.encode("apple"), model._special.vocabulary)
    assert model.likelihood("", "apple") == alone and model.likelihood("apple", "").log_p == 0
    with pytest.raises(UserError, match=r"reads \d+ tokens, but \d+ are needed"):
        model.likelihood([Turn("user", "apple " * 5000)], "pear")
