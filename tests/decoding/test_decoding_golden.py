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
    "rcr:k=2", "rcr:steps=4,schedule=cosine", "remdm:k=2,loops=2,block=6", "remdm:k=2,compat=port",
    "remdm:schedule=cap,eta=0.3,k=2", "remdm:schedule=rescale,eta=0.5,steps=4", "remdm:schedule=conf,k=2",
    "eb_sampler:gamma=2.0", "eb_sampler:gamma=2.0,order=margin", "klass:tau=0.3,eps=0.5,n=1", "credit:gamma=0.8", "dus",
    "dus:base=3,skip=0.4", "slowfast:high=0.65,low=0.5,explore=3", "local_leap:gamma=0.7,relaxed=0.5,radius=2",
    "hierarchical:gamma=0.6", "dream_origin:steps=5", "saber", "pc_sampler:k=2", "random_steps", "random_steps:k=2",
    "end_of_text:base=left_to_right:k=3", "prophet:high=5.0,middle=0.8,low=0.8", "sched:high=2.0,low=1.0",
    "prophet:high=5.0,middle=0.8,low=0.8,block=4",
    "confidence:steps=6,transfer=dream", "p2:k=2,compat=authors", "klass:tau=0.3,eps=0.5,n=1,block=4,compat=authors",
    "slowfast:high=0.65,low=0.5,explore=3,compat=authors",
    "freedave:drafts=3", "freedave:drafts=4,gamma=0.4", "ssd:drafts=3", "ssd:drafts=2,width=1,block=4,temperature=1.0",
    "lopa:gamma=0.5,branches=2", "punt:epsilon=0.3", "core:k=2,every=1", "core:k=2,every=1,compat=authors",
    "t2m:gamma=0.3,at=0.3", "t2m:gamma=0.3,detect=change,at=0.1,post=2", "joint_edit:gamma=0.3,edit=0.3,post=3",
    "p2:k=2,eta=2.0",
    "wino:gamma=0.3,back=0.4", "dapd:high=0.6", "dapd:variant=direct,high=0.9,sure=0.6", "dawn:low=0.3,sink=0.2,edge=0.1",
    "clad:gamma=0.35", "apd:ahead=4", "apd:weight=0.4,temperature=1.0", "matching:gamma=0.5",
    "matching:gamma=0.6,floor=0.2,slack=0.4,temperature=1.0", "euler:steps=4",
    "analytic:steps=6,block=4",
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
