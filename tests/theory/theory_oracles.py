"""Slow and obvious versions of what the package computes cleverly: enumeration, Bayes by hand, plain simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import strategies as st

from parallelbench.theory import TableLaw, law

STRUCTURED = {
    "shuffle": law("shuffle", 4),
    "shuffle_must_differ": law("shuffle", 4, must_differ=True),
    "pair_must_differ": law("shuffle", 2, must_differ=True),
    "replace_random": law("replace_random", 4),
    "insert_random": law("insert_random", 3),
    "remove_random": law("remove_random", 5),
    "copy": law("copy", 3),
    "reverse": law("reverse", 4),
    "insert_index": law("insert_index", 3, index=1),
}


def written_out(structured):
    """The same law as a table."""
    return TableLaw(*structured.support(), alphabet=structured.alphabet)


@st.composite
def tables(draw, positions=(1, 4), symbols=3, strings=8):
    """Random laws: any strings, any probabilities."""
    n = draw(st.integers(*positions))
    rows = draw(st.lists(st.tuples(*[st.integers(0, symbols - 1)] * n), min_size=1, max_size=strings, unique=True))
    weights = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=len(rows), max_size=len(rows))))
    return TableLaw(rows, weights / weights.sum(), [str(symbol) for symbol in range(symbols)])


@st.composite
def partitions(draw, n, steps=None):
    """Random ordered partitions of n positions into a number of steps (None: any)."""
    order = draw(st.permutations(range(n)))
    count = draw(st.integers(1, n)) if steps is None else steps
    cuts = sorted(draw(st.sets(st.integers(1, n - 1), min_size=count - 1, max_size=count - 1))) if n > 1 else []
    return tuple(tuple(order[a:b]) for a, b in itertools.pairwise([0, *cuts, n]))


def all_partitions(n, steps):
    """Every ordered partition of 0..n-1 into that many nonempty sets."""
    for labels in itertools.product(range(steps), repeat=n):
        if len(set(labels)) == steps:
            yield tuple(tuple(i for i in range(n) if labels[i] == step) for step in range(steps))


def entropy(probabilities):
    """Entropy of a dictionary's values, in bits."""
    return -sum(p * math.log2(p) for p in probabilities if p > 0)


def restricted(table, positions, context=None):
    """The distribution of a set of positions given a context, by adding up strings: {symbols: probability}."""
    strings, weights = table.support()
    mass: dict[tuple[int, ...], float] = {}
    for string, weight in zip(strings.tolist(), weights.tolist(), strict=True):
        if context is None or all(c < 0 or c == s for c, s in zip(context, string, strict=True)):
            key = tuple(string[i] for i in positions)
            mass[key] = mass.get(key, 0.0) + weight
    whole = sum(mass.values())
    return {key: value / whole for key, value in mass.items()}


def expected_bound(table, partition):
    """L_T by its definition: conditional total correlations, averaged over what came before."""
    total, before = 0.0, ()
    for chosen in partition:
        for seen, weight in restricted(table, before).items():
            context = [-1] * table.positions
            for position, symbol in zip(before, seen, strict=True):
                context[position] = symbol
            joint = restricted(table, chosen, context)
            alone = sum(entropy(restricted(table, (i,), context).values()) for i in chosen)
            total += weight * (alone - entropy(joint.values()))
        before += tuple(chosen)
    return total


def decode(answers, setting, rng, count):
    """Simulate a decoder on exact marginals and return the share of right answers."""
    contexts = np.full((count, answers.positions), -1)
    rows = np.arange(count)[:, None]
    sizes = setting.schedule(answers.positions)
    step = 0
    while (contexts < 0).any():
        marginals = answers.marginals_batch(contexts)
        drawn = draw_symbols(marginals, setting.temperature, rng)
        confidence = np.take_along_axis(marginals, drawn[:, :, None], axis=2)[:, :, 0]
        unknown = contexts < 0
        score = _score(setting.decoder, marginals, confidence, rng)
        order = np.lexsort((rng.random(score.shape), -score.round(9), ~unknown), axis=1)
        ranked = np.where(unknown, confidence, -1.0)[rows, order]
        limit = _limit(setting, ranked, sizes[step] if sizes else 0)
        taken = (np.arange(answers.positions) < np.maximum(limit, 1)[:, None]) & unknown[rows, order]
        at = np.nonzero(taken)
        contexts[at[0], order[at]] = drawn[at[0], order[at]]
        step += 1
    return float((answers.log_probabilities(contexts) > -np.inf).mean())


def draw_symbols(marginals, temperature, rng):
    """Draw one symbol for each position, or take the best one, ties at random."""
    if temperature == 0:
        return (marginals.round(9) + 1e-10 * rng.random(marginals.shape)).argmax(axis=2)
    distribution = marginals.cumsum(axis=2)
    return (distribution < rng.random(distribution.shape[:2])[:, :, None] * distribution[:, :, -1:]).sum(axis=2)


def _score(decoder, marginals, confidence, rng):
    if decoder == "random":
        return rng.random(confidence.shape)
    if decoder == "left_to_right":
        return np.tile(-np.arange(confidence.shape[1], dtype=float), (len(confidence), 1))
    if decoder == "margin":
        best = np.sort(marginals, axis=2)
        return best[:, :, -1] - best[:, :, -2]
    if decoder == "entropy":
        return np.where(marginals > 0, marginals * np.log(np.maximum(marginals, 1e-300)), 0.0).sum(axis=2)
    return confidence


def _limit(setting, ranked, size):
    if setting.decoder == "threshold":
        return (ranked >= setting.gamma - 1e-12).sum(axis=1)
    if setting.decoder == "factor":
        j = np.arange(1, ranked.shape[1] + 1)
        return np.where(((j + 1) * (1 - ranked) < setting.f) & (ranked >= 0), j, 0).max(axis=1)
    return np.full(len(ranked), size)
