"""Decoders run by the real engine on the exact model, beside their closed forms. `python tests/conformance/agreement.py`

Each cell decodes one question many times, an infill frame with one token an item; only the engine's draws differ. Seeds are
fixed, so a cell that agrees always agrees. With any one seed, one of sixty 99.9 % intervals misses with a chance of 6 %; seed 0
was taken as it came.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch

from parallelbench.analysis.stats import Interval, wilson
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.doctor.shuffle import Z999
from parallelbench.metrics import score
from parallelbench.models import load_model
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task
from parallelbench.theory import Setting, accuracy_of

MUST_DIFFER = "shuffle, must differ"
ROUNDING = 1e-12
GREEDY = "ties=random"  # the closed forms break ties between equal tokens at random
GRID = (
    *(("shuffle", n, f"confidence:k=2,{GREEDY}") for n in (4, 6, 7, 10)),
    *(("shuffle", n, "random:k=2,temperature=1") for n in (5, 8)),
    ("shuffle", 6, f"margin:k=3,{GREEDY}"),
    ("shuffle", 6, "entropy:k=2,temperature=1"),
    ("shuffle", 6, f"left_to_right:k=3,{GREEDY}"),
    ("shuffle", 8, "left_to_right:k=4,temperature=1"),
    ("shuffle", 6, "confidence:steps=4,temperature=1"),
    ("shuffle", 7, f"random:steps=2,{GREEDY}"),
    ("shuffle", 4, f"all_at_once:{GREEDY}"),
    ("shuffle", 3, "all_at_once:temperature=1"),
    ("shuffle", 5, "one_by_one:temperature=1"),
    *(("shuffle", 7, f"threshold:gamma={gamma},{GREEDY}") for gamma in (0.15, 0.3, 0.6)),
    ("shuffle", 6, f"factor:f=1.9,{GREEDY}"),
    ("shuffle", 5, "factor:f=2.7,temperature=1"),
    (MUST_DIFFER, 3, "all_at_once:temperature=1"),
    (MUST_DIFFER, 4, f"all_at_once:{GREEDY}"),
    *(("replace_random", n, f"confidence:k=2,{GREEDY}") for n in (5, 6)),
    ("replace_random", 6, f"random:k=3,{GREEDY}"),
    ("replace_random", 8, f"margin:k=2,{GREEDY}"),
    *(("replace_random", n, "random:k=2,temperature=1") for n in (4, 6, 10)),
    ("replace_random", 6, "margin:k=3,temperature=1"),
    ("replace_random", 7, "entropy:k=3,temperature=1"),
    ("replace_random", 8, "left_to_right:k=4,temperature=1"),
    *(("replace_random", n, "confidence:k=2,temperature=1") for n in (4, 6, 10)),
    ("replace_random", 8, "confidence:k=3,temperature=1"),
    *(("replace_random", n, "all_at_once:temperature=1") for n in (3, 6, 10)),
    ("replace_random", 2, f"all_at_once:{GREEDY}"),
    ("replace_random", 6, "one_by_one:temperature=1"),
    *(("replace_random", n, f"threshold:gamma=0.8,{GREEDY}") for n in (4, 8)),
    *(("replace_random", 6, f"threshold:gamma={gamma},temperature=1") for gamma in (0.1, 0.3, 0.7, 0.9)),
    ("replace_random", 6, "factor:f=1.3,temperature=1"),
    ("replace_random", 8, "factor:f=2.3,temperature=1"),
    *(("insert_random", n, "all_at_once:temperature=1") for n in (2, 4)),
    ("insert_random", 2, f"all_at_once:{GREEDY}"),
    ("insert_random", 4, "one_by_one:temperature=1"),
    *(("remove_random", n, "all_at_once:temperature=1") for n in (3, 6)),
    ("remove_random", 6, f"confidence:k=2,{GREEDY}"),
    ("latin_square", 3, "all_at_once:temperature=1"),
    ("latin_square", 3, "one_by_one:temperature=1"),
    ("copy", 6, "random:k=3,temperature=1"),
    ("sort", 6, "all_at_once:temperature=1"),
)


class Found(NamedTuple):
    """A cell's closed form, the share of right answers that was measured, and its 99.9 % interval."""

    expected: float
    measured: float
    interval: Interval

    @property
    def agrees(self) -> bool:
        return self.interval.low - ROUNDING <= self.expected <= self.interval.high + ROUNDING


def measure(task: str, n: int, spec: str, decodes: int) -> Found:
    """Decode a cell that many times."""
    decoder = load_decoder(spec)
    values = {key: getattr(decoder, key) for key in ("k", "steps", "gamma", "f") if hasattr(decoder, key)}
    setting = Setting(decoder.family, temperature=decoder.temperature, **values)
    law = task.partition(",")[0]
    expected = accuracy_of(law, n, setting, must_differ=task == MUST_DIFFER)
    assert expected is not None, f"{task}, n = {n}, {spec} has no closed form"
    _, metric = _question(task, n)
    done = Engine(_exact(), 512).generate(_prompts(task, n, decodes), decoder)
    right = sum(score(one.prompt.sample, one.text, [metric])[metric] for one in done)
    return Found(expected, right / decodes, wilson(right, decodes, Z999))


@cache
def _exact():
    return load_model("exact")


@cache
def _question(task: str, n: int) -> tuple[Prompt, str]:
    law = task.partition(",")[0]
    stays = ",may_stay=true" if task == "shuffle" else ""
    name = f"puzzle/latin_square_n{n}" if law == "latin_square" else f"list_ops/{law}:lengths=[{n}]{stays}"
    asked = load_task(name)
    return make_prompt(_exact(), asked.sample(0, 0, 0), asked.max_new_tokens, infill=True), asked.metrics[0]


def _prompts(task: str, n: int, decodes: int) -> Iterator[Prompt]:
    prompt, _ = _question(task, n)
    return (replace(prompt, sample=replace(prompt.sample, index=index)) for index in range(decodes))


def table(decodes: int) -> int:
    """Print the whole grid as a Markdown table, a line as soon as it is measured; returns how many cells do not agree."""
    print("| task | n | decoder | closed form | measured | 99.9 % interval |\n|---|---|---|---|---|---|")
    outside = 0
    for task, n, spec in GRID:
        found = measure(task, n, spec, decodes)
        outside += not found.agrees
        low, high = found.interval
        values = f"{found.expected:.5f} | {found.measured:.5f} | {low:.5f} to {high:.5f}{'' if found.agrees else ' **no**'}"
        print(f"| {task} | {n} | `{spec}` | {values} |", flush=True)
    print(f"\n{len(GRID)} cells, {decodes:,} decodes each, {outside} outside their interval")
    return outside


def main() -> None:
    parser = argparse.ArgumentParser(description="Closed forms beside decodes of the exact model, as a Markdown table.")
    parser.add_argument("--decodes", type=int, default=20_000, help="decodes of each cell")
    torch.set_num_threads(1)
    table(parser.parse_args().decodes)


if __name__ == "__main__":
    main()
