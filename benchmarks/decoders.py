"""What a decoder's rule costs, compared with the forwards that it requests.

    python benchmarks/decoders.py --samples 64

The engine owns the forwards, the packing and the signals over the vocabulary; what a decoder adds is the rule between two
forwards, in NumPy, for each sample in flight. A batch does not make that cheaper: the rule runs once per sample and forward,
while the forward of 64 rows is shared by all of them. So the share is largest where the model is smallest; the shipped one has
1.1 M parameters, and an 8B model takes some thousand times as long for a forward and the same time for the rule.

For every decoder: time inside its coroutine, over time inside the model's forwards, in the same run, at batch 64. Both are
disturbed alike by other work on the machine. Bar: 5 % for decoders of the tiers RankingDecoder and StepDecoder. A
ProgramDecoder may compute with whole distributions, so it has none. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, ClassVar

import torch
from pydantic import PrivateAttr

from parallelbench import load_model, load_task
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import DECODERS, Decoder, Engine, ProgramDecoder, load_decoder, make_prompt
from parallelbench.decoding.decoder import COMMON, Run
from parallelbench.decoding.load import check_compatibility
from parallelbench.decoding.state import State
from parallelbench.errors import UserError
from parallelbench.schema import Prompt
from recorder import Recorder

TASKS = ("waiting_line/shuffle", "waiting_line/copy", "waiting_line/sort")
SETTINGS = {"confidence": "confidence:k=4", "random": "random:k=4", "margin": "margin:k=4", "entropy": "entropy:k=4"}
BAR = 0.05


class Timed(ProgramDecoder):
    """Another decoder, with the time that its coroutine takes between two forwards."""

    family: ClassVar[str] = "timed"
    _inner: Decoder = PrivateAttr()
    _seconds: float = PrivateAttr(0.0)

    @classmethod
    def around(cls, inner: Decoder) -> Timed:
        """Time `inner`."""
        timed = cls(**{key: getattr(inner, key) for key in COMMON})
        timed._inner = inner
        return timed

    def run(self, state: State) -> Run:
        steps, signals = self._inner.run(state), None
        while True:
            start = time.perf_counter()
            try:
                request = next(steps) if signals is None else steps.send(signals)
            except StopIteration:
                return
            finally:
                self._seconds += time.perf_counter() - start
            signals = yield request


def tier(decoder: Decoder) -> str:
    """The tier of a decoder: RankingDecoder, StepDecoder or ProgramDecoder."""
    return next(
        base.__name__ for base in type(decoder).__mro__ if base.__name__ in ("RankingDecoder", "StepDecoder", "ProgramDecoder")
    )


def measure(model: Denoiser, decoder: Decoder, prompts: list[Prompt]) -> dict[str, Any]:
    """Decode the prompts once and return where the time went."""
    timed_model, timed = Recorder(model), Timed.around(decoder)
    for _ in Engine(timed_model, 64).generate(prompts, timed):
        pass
    share = timed._seconds / timed_model.inside
    return {"decoder": decoder.spec, "tier": tier(decoder), "forwards": len(timed_model.batches), "logic_over_forwards": share}


def main() -> None:
    """Measure every decoder of the registry that runs on the shipped model."""
    parser = argparse.ArgumentParser(description="What a decoder's own logic costs beside its forwards.")
    parser.add_argument("--samples", type=int, default=64, help="samples per task")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model("tiny")
    prompts = []
    for task in map(load_task, TASKS):
        samples = [task.sample(0, index, model.info.shots or 0) for index in range(options.samples)]
        prompts += [make_prompt(model, sample, task.max_new_tokens) for sample in samples]
    rows = []
    print(f"{'decoder':>60}{'tier':>9}{'forwards':>10}{'logic / forwards':>18}")
    for name in DECODERS.names():
        decoder = load_decoder(SETTINGS.get(name, name))
        try:
            check_compatibility(model.info, decoder, len(prompts[0].canvas))
        except UserError as error:
            print(f"{decoder.spec:>60}  {error}")
            continue
        row = measure(model, decoder, prompts)
        rows.append(row)
        print(f"{row['decoder']:>60}{row['tier']:>9}{row['forwards']:>10}{row['logic_over_forwards']:>18.3%}")
    above = [row["decoder"] for row in rows if row["tier"] != "ProgramDecoder" and row["logic_over_forwards"] > BAR]
    print(json.dumps({"benchmark": "decoders", "bar": BAR, "above": above, "threads": options.threads, "rows": rows}))


if __name__ == "__main__":
    main()
