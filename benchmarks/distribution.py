"""Which decoders sample the law of the right answers: each of the registry on five laws, with the exact model at temperature 1.

The right answers of a question are equally likely, and the exact model has their true marginals. Every decoder has its default
setting (with k=1 where it has k, steps or a schedule) and draws `--answers` answers to one question of each law. It samples the
law where no chi-square test finds a difference at the simultaneous level .001 over all tests of the table.

    python benchmarks/distribution.py --write docs/distribution.json

Ends with one JSON line, or writes it; docs/decoders.md shows it as a table.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from parallelbench.decoding import DECODERS, Decoder, load_decoder
from parallelbench.errors import UserError
from parallelbench.experiments.distribution import Distribution, measure
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep

MODEL = "exact"
TASKS = {
    "shuffle": "list_ops/shuffle:lengths=[4],infill=true",
    "replace": "list_ops/replace_random:lengths=[5],infill=true",
    "insert": "list_ops/insert_random:lengths=[4],infill=true",
    "remove": "list_ops/remove_random:lengths=[5],infill=true",
    "latin": "puzzle/latin_square_n3:infill=true",
}
LEVEL = 0.001


def setting(name: str) -> str:
    """The default setting of a decoder at temperature 1, one position a step where it has k."""
    slow = "k=1," if "k" in type(load_decoder(name)).model_fields else ""
    return f"{name}:{slow}temperature=1"


def measured(name: str, answers: int, pool: ModelPool) -> dict[str, Any] | None:
    """The distributions of one decoder by law; None where the exact model does not offer what it needs."""
    decoder: Decoder = load_decoder(setting(name))
    aux = MODEL if "aux" in decoder.needs else None
    try:
        cells = [plan(Sweep(models=(MODEL,), tasks=(task,), decoders=(setting(name),), limit=1, aux=aux), pool)[0]
                 for task in TASKS.values()]  # fmt: skip
    except UserError:
        return None
    return {law: _facts(measure(cell, pool, answers)) for law, cell in zip(TASKS, cells, strict=True)}


def _facts(found: Distribution) -> dict[str, Any]:
    fit = None if found.goodness is None else asdict(found.goodness)
    facts = {"right": found.valid / found.answers, "distinct": found.distinct, "nfe": round(found.nfe, 2)}
    if fit is None:
        return facts
    variation = {"variation": round(fit["total_variation"], 4), "of_law": round(fit["total_variation_of_law"], 4)}
    return facts | variation | {"p": float(f"{fit['p']:.2g}")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--decoders", nargs="*", default=DECODERS.names())
    parser.add_argument("--write", type=Path, help="update this file with the decoders that were measured")
    args = parser.parse_args()
    pool, found = ModelPool(), {}
    print(f"{'decoder':14}" + "".join(f"{law:>24}" for law in TASKS))
    for name in args.decoders:
        found[name] = measured(name, args.answers, pool)
        cells = found[name].values() if found[name] else []
        texts = [f"{one['right']:.3f} {one.get('variation', 0):.3f} {one.get('p', 1):.2g}" for one in cells]
        print(f"{name:14}" + "".join(f"{text:>24}" for text in texts), flush=True)
    result = {"benchmark": "distribution", "answers": args.answers, "decoders": found}
    if args.write is None:
        print(json.dumps(result))
        return
    if args.write.exists():
        result["decoders"] = {**json.loads(args.write.read_text(encoding="utf-8"))["decoders"], **found}
    args.write.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
