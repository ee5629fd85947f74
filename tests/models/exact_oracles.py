"""Right answers by their definition, and the posterior over them by hand: the slow and obvious version of the exact model."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from parallelbench.contracts.forward import ForwardBatch
from parallelbench.decoding import Engine, make_prompt
from parallelbench.metrics import score
from parallelbench.tasks.lists import write


def right_answers(sample):
    """Every right answer of a list sample, as text."""
    operation = sample.task.partition("/")[2]
    items, word = sample.facts["items"], sample.facts.get("word")
    places = range(len(items) + (operation == "insert_random"))
    match operation:
        case "shuffle":
            return [
                write(order) for order in itertools.permutations(items) if list(order) != items or sample.facts.get("may_stay")
            ]
        case "replace_random":
            return [write([*items[:at], word, *items[at + 1 :]]) for at in places]
        case "insert_random":
            return [write([*items[:at], word, *items[at:]]) for at in places]
        case "remove_random":
            return [write([*items[:at], *items[at + 1 :]]) for at in places]
        case _:
            return [sample.answer]


def tokenised(model, sample, length):
    """The right answers as rows of tokens, ended and cut to a canvas."""
    end = model.info.end_ids[0]
    rows = [model.codec_for(sample).encode(text) for text in right_answers(sample)]
    return np.array([(row + [end] * length)[:length] for row in rows])


def posterior(strings, canvas, mask, vocabulary, epsilon, limit):
    """P(token at each position | canvas) by Bayes' rule [W, V]: noise epsilon, or for its limit the nearest strings alone."""
    known = canvas != mask
    agree = ((strings == canvas) & known).sum(axis=1)
    if limit:
        weights = (agree == agree.max()).astype(float)
    else:
        weights = (1 - epsilon + epsilon / vocabulary) ** agree * (epsilon / vocabulary) ** (known.sum() - agree)
    weights /= weights.sum()
    seen = np.full((len(canvas), vocabulary), epsilon / vocabulary)
    for string, weight in zip(strings, weights, strict=True):
        seen[np.arange(len(canvas)), string] += (1 - epsilon) * weight
    return seen


def forward(model, prompts, canvases):
    """The model's probabilities at every position of each canvas: [R, W, V]."""
    rows, width = canvases.shape
    batch = ForwardBatch(
        canvases, np.full(rows, width), np.repeat(np.arange(rows), width), np.tile(np.arange(width), rows), prompts
    )  # fmt: skip
    return model.forward(batch).logits.exp().numpy().reshape(rows, width, -1)


def run(model, task, decoder, count, seed=0, batch_size=256):
    """Decode samples of a task; returns [(sample, right, generation)] in the order of the samples."""
    prompts = (make_prompt(model, task.sample(seed, index, 0), task.max_new_tokens, task.infill) for index in range(count))
    found = [
        (done.prompt.sample, score(done.prompt.sample, done.text, task.metrics[:1])[task.metrics[0]], done)
        for done in Engine(model, batch_size).generate(prompts, decoder, seed)
    ]
    return sorted(found, key=lambda one: one[0].index)


def repeated(model, task, decoder, count):
    """The number of right answers to one sample, decoded again and again."""
    first = make_prompt(model, task.sample(0, 0, 0), task.max_new_tokens, task.infill)
    prompts = (replace(first, sample=replace(first.sample, index=index)) for index in range(count))
    metric = task.metrics[0]
    return sum(score(done.prompt.sample, done.text, [metric])[metric] for done in Engine(model, 512).generate(prompts, decoder))
