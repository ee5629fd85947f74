"""How the cost of exact theory grows with n: best schedules and conditional marginals. `python benchmarks/theory.py [--quick]`

What bounds it, on one core:

* Best schedule over all partitions. n positions have 2^n sets, and a step goes from a set to one of its supersets: 3^n pairs,
  each with up to n numbers of steps. One addition and one comparison for each: one more position costs three times as much.
  The entropies of all sets cost 2^n passes over the law's strings.
* Best schedule by sizes (exchangeable laws). T steps over n + 1 sizes; the best next size never falls, so halving answers a row
  in n log n comparisons instead of n^2: n^2 log n for all T together, against n^3.
* Conditional marginals. The answer for one context is n x n numbers, and writing it once is the floor. Shuffle must write all
  of them (a rank-one fill); a law of places writes 3 n of them into a zeroed block. The floor is measured here as the time of
  filling an array of the same shape; the ratio to it is what the laws themselves cost.
* Table laws pay strings x (position, token) pairs for each context, as two matrix products.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from parallelbench.theory import NoisyPosterior, best_policy, law, optimum
from parallelbench.theory.schedules import optimum_over_subsets

Row = dict[str, float | int | str]


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Best wall time of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def subset_schedules(sizes: list[int]) -> list[Row]:
    rows: list[Row] = []
    print("\nbest schedule over all partitions, insert_random")
    print(f"{'positions':>10}{'3^n pairs':>14}{'entropies s':>14}{'search s':>12}{'ns/pair':>10}")
    for positions in sizes:
        answers = law("insert_random", positions - 1)
        entropies = answers.subset_entropies()
        table, search = seconds(answers.subset_entropies, 1), seconds(lambda h=entropies: optimum_over_subsets(h), 1)
        pairs = 3**positions
        print(f"{positions:>10}{pairs:>14,}{table:>14.3f}{search:>12.3f}{search / pairs * 1e9:>10.1f}")
        rows.append({"positions": positions, "entropies_s": table, "search_s": search})
    return rows


def size_schedules(sizes: list[int]) -> list[Row]:
    rows: list[Row] = []
    print("\nbest schedule by sizes, shuffle, every number of steps")
    print(f"{'n':>10}{'seconds':>12}{'ns per n^2 log2 n':>20}")
    for n in sizes:
        spent = seconds(lambda n=n: optimum(law("shuffle", n)), 1)
        print(f"{n:>10}{spent:>12.3f}{spent / (n * n * np.log2(n)) * 1e9:>20.1f}")
        rows.append({"n": n, "seconds": spent})
    return rows


def marginals(cases: list[tuple[str, int, int]]) -> list[Row]:
    rows: list[Row] = []
    print("\nconditional marginals, half of the positions known")
    print(f"{'law':>16}{'n':>7}{'batch':>9}{'contexts/s':>14}{'times the floor':>18}")
    rng = np.random.default_rng(0)
    for name, n, batch in cases:
        answers = law(name, n)
        contexts = answers.sample(rng, batch)
        contexts[rng.random(contexts.shape) < 0.5] = -1
        shape = (batch, answers.positions, len(answers.alphabet))
        spent = seconds(lambda answers=answers, contexts=contexts: answers.marginals_batch(contexts))
        floor = seconds(lambda shape=shape: np.full(shape, 0.5))
        print(f"{name:>16}{n:>7}{batch:>9}{batch / spent:>14,.0f}{spent / floor:>18.1f}")
        rows.append({"law": name, "n": n, "batch": batch, "contexts_per_s": batch / spent, "over_floor": spent / floor})
    return rows


def noisy(lengths: list[int], batch: int) -> list[Row]:
    rows: list[Row] = []
    print(f"\nnoisy posterior over all shuffles that differ, {batch} contexts")
    print(f"{'n':>10}{'strings':>10}{'contexts/s':>14}")
    rng = np.random.default_rng(0)
    for n in lengths:
        answers = law("shuffle", n, must_differ=True)
        posterior = NoisyPosterior(*answers.support(), 5000, 1e-6)
        contexts = np.where(rng.random((batch, n)) < 0.5, rng.integers(0, n, (batch, n)), -1)
        spent = seconds(lambda posterior=posterior, contexts=contexts: posterior.mass(contexts))
        print(f"{n:>10}{answers.support_size:>10}{batch / spent:>14,.0f}")
        rows.append({"n": n, "strings": answers.support_size, "contexts_per_s": batch / spent})
    return rows


def policies(sizes: list[int]) -> list[Row]:
    rows: list[Row] = []
    print("\nbest policy for every number of forwards, replace_random")
    print(f"{'positions':>10}{'seconds':>12}")
    for n in sizes:
        spent = seconds(lambda n=n: best_policy(law("replace_random", n)), 1)
        print(f"{n:>10}{spent:>12.3f}")
        rows.append({"positions": n, "seconds": spent})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="How the cost of exact theory grows with n.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: under ten seconds")
    quick = parser.parse_args().quick
    result = {
        "benchmark": "theory",
        "subset_schedules": subset_schedules([6, 8, 10, 12] if quick else [6, 8, 10, 12, 14, 16]),
        "size_schedules": size_schedules([125, 250, 500, 1000] if quick else [250, 500, 1000, 2000, 4000]),
        "marginals": marginals(
            [(name, 10, 20_000) for name in ("shuffle", "replace_random", "insert_random", "remove_random", "copy")]
            + [("shuffle", 100, 200), ("shuffle", 1000, 2), ("insert_random", 1000, 2)]
            + ([] if quick else [("latin_square", 4, 5_000)])
        ),
        "noisy_posterior": noisy([4, 5, 6] if quick else [4, 5, 6, 7, 8], 500),
        "policies": policies([6, 8] if quick else [6, 7, 8, 9, 10]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
