"""What each decoder does with the model that ships, at its defaults; a change of behaviour, or of the weights, shows here.

`python tests/decoding/test_decoding_golden_shipped.py` writes the traces anew; read the difference before you keep it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import DECODERS, Engine, check_compatibility, load_decoder, make_prompt
from parallelbench.models import load_model
from parallelbench.tasks import load_task

FILE = Path(__file__).with_name("golden_shipped.json")
TASKS = ("waiting_line/shuffle", "waiting_line/insert_random")


@cache
def model() -> Denoiser:
    return load_model("tiny")


def trace(name: str) -> list[dict[str, object]]:
    """Texts and positions by forward, of a sample of each task; the shipped model is its own auxiliary.

    Within a forward positions are compared as a set: the order of two confidences that differ in the last bit of float32
    depends on the processor.
    """
    decoder = load_decoder(name)
    tasks = [load_task(task) for task in TASKS]
    prompts = [make_prompt(model(), task.sample(0, 0, 0), task.max_new_tokens) for task in tasks]
    check_compatibility(model().info, decoder, len(prompts[0].canvas), aux=True)
    done = sorted(Engine(model(), aux=model()).generate(prompts, decoder), key=lambda one: TASKS.index(one.prompt.sample.task))
    return [{"text": one.text, "order": [[position for position, *_ in step] for step in one.ledger.history]} for one in done]


def without_order(traces: list[Any]) -> list[Any]:
    return [{**trace, "order": [sorted(step) for step in trace["order"]]} for trace in traces]


@pytest.mark.parametrize("name", DECODERS.names())
def test_the_trace_on_the_shipped_model_is_as_it_was(name: str) -> None:
    assert without_order(trace(name)) == without_order(json.loads(FILE.read_text(encoding="utf-8"))[name])


if __name__ == "__main__":
    lines = ",\n".join(f'  "{name}": {json.dumps(trace(name))}' for name in DECODERS.names())
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
