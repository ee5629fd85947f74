"""What each decoder does with a small law written by hand; a change of behaviour shows here.

`python tests/decoding/test_decoding_golden.py` writes the traces anew; read the difference before you keep it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import MASK, VOCABULARY, Fake, generate, orders, prompt

from parallelbench.decoding import DECODERS
from parallelbench.schema import Prompt

FILE = Path(__file__).with_name("golden_traces.json")
SPECS = (
    "one_by_one", "one_by_one:block=3", "all_at_once", "all_at_once:block=4", "random:k=2", "random:k=2,temperature=1.0",
    "confidence:k=2", "confidence:steps=4,block=6", "confidence:k=3,ties=random", "margin:k=2", "entropy:k=2",
    "entropy:k=2,temperature=1.0,top_p=0.7", "left_to_right:k=5", "threshold:gamma=0.5", "threshold:gamma=0.35,block=4",
    "factor:f=1.0", "factor:f=1.6,block=6",
)  # fmt: skip
CANVAS = [MASK, MASK, 6, *[MASK] * 8, 4]


def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
    """Token t at position i has the logit ((3 i + 5 t + 7 left + 2 right) mod 11) (1 + (7 i mod 12) / 12) / 2.

    Neighbours that are masks count 0. No two positions have the same sharpness, so that nothing hangs on rounding.
    """
    left, right = (
        int(canvas[at]) if 0 <= at < len(canvas) and canvas[at] != MASK else 0 for at in (position - 1, position + 1)
    )
    return ((3 * position + 5 * np.arange(VOCABULARY) + 7 * left + 2 * right) % 11) / 2 * (1 + 7 * position % 12 / 12)


def trace(spec: str) -> dict[str, object]:
    (done,) = generate(Fake(law), [prompt(CANVAS)], spec, seed=7)
    return {"tokens": list(done.token_ids), "order": orders(done)}


@pytest.mark.parametrize("spec", SPECS)
def test_the_trace_is_as_it_was(spec: str) -> None:
    assert trace(spec) == json.loads(FILE.read_text(encoding="utf-8"))[spec]


def test_every_decoder_has_a_trace() -> None:
    assert {spec.partition(":")[0] for spec in SPECS} == set(DECODERS.names())


if __name__ == "__main__":
    lines = ",\n".join(f'  "{spec}": {json.dumps(trace(spec))}' for spec in SPECS)
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
