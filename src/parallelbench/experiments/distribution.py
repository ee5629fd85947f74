"""Draws many answers to one question at a temperature above 0, and compares their distribution with that of the right answers.

Accuracy does not show whether a decoder is faithful: one that always writes the same right answer is always right. The right
answers of a task with a law are equally likely, so a faithful decoder with the exact model writes each equally often.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator
from parallelbench.decoding import Engine, make_prompt
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.schema import MASK_ITEM, BatchSize, Generation, Prompt, Sample
from parallelbench.theory import Law, law_of_sample
from parallelbench.theory.goodness import Goodness, expected_distinct, goodness_of_fit


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the answers of one decoder to one question are distributed.

    Attributes:
        model, task, decoder, seed: the cell.
        question: the identifier of the sample.
        answers: how many answers were drawn.
        valid: how many of them are right answers, exactly in the task's format.
        distinct: how many different right answers were drawn.
        distinct_of_law: the mean number among as many right answers drawn uniformly.
        right_answers: how many right answers the question has.
        goodness: the comparison with the law (`theory.goodness`); None where it has one answer or none was drawn.
        nfe: the mean number of forwards for one answer.
    """

    model: str
    task: str
    decoder: str
    seed: int
    question: str
    answers: int
    valid: int
    distinct: int
    distinct_of_law: float
    right_answers: int
    goodness: Goodness | None
    nfe: float


def check_distribution(cells: Sequence[PlannedCell]) -> None:
    """Refuse cells of which no distribution can be measured.

    Raises:
        UserError: a task has no law or no format, a decoder is at temperature 0, or a model decodes in its own way.
    """
    for planned in cells:
        name, decoder = planned.task.name, planned.decoder
        if decoder is None:
            raise UserError(f"{planned.cell.model} decodes in its own way; --distribution needs a denoiser and a decoder.")
        if decoder.temperature == 0:
            raise UserError(
                f"{decoder.spec} is at temperature 0, where all answers to a question are alike; add temperature=1 to it."
            )
        sample = _question(planned, None)
        if sample.law is None or sample.frame is None:
            raise UserError(
                f"{name} has no law of its right answers, so there is no distribution to compare with; choose a task of "
                "waiting_line, list_ops or puzzle."
            )


def measure(planned: PlannedCell, pool: ModelPool, count: int, batch_size: BatchSize = "auto") -> Distribution:
    """Draw `count` answers to the first question of a cell and compare them with the law of the right answers.

    Raises:
        UserError: as `check_distribution`.
    """
    check_distribution([planned])
    model = pool.get(planned.model)
    if isinstance(model, Generator) or planned.decoder is None:
        raise TypeError(f"{planned.cell.id} is no cell of a denoiser and a decoder")
    aux = None if planned.aux is None else pool.auxiliary(planned.aux)
    sample = _question(planned, model.info.shots)
    law = law_of_sample(str(sample.law), sample.facts)
    engine = Engine(model, batch_size, aux, planned.cell.cache)
    drawn = list(engine.generate(_prompts(planned, model, sample, count), planned.decoder, planned.cell.seed))
    strings = strings_of([one.text for one in sorted(drawn, key=_index)], sample, law)
    rng = np.random.default_rng(planned.cell.seed)
    return Distribution(
        model=planned.cell.model,
        task=planned.task.spec,
        decoder=planned.decoder.spec,
        seed=planned.cell.seed,
        question=sample.id,
        answers=count,
        valid=len(strings),
        distinct=len(np.unique(strings, axis=0)),
        distinct_of_law=expected_distinct(law, count),
        right_answers=law.support_size,
        goodness=goodness_of_fit(law, strings, count - len(strings), rng),
        nfe=sum(sum(one.ledger.nfe.values()) for one in drawn) / count,
    )


def strings_of(texts: Sequence[str], sample: Sample, law: Law) -> npt.NDArray[np.int64]:
    """Return the strings of the law [M, n] that answers in the sample's format stand for; other texts are left out."""
    items = "|".join(re.escape(item) for item in sorted(law.alphabet, key=len, reverse=True))
    form = re.compile(f"({items})".join(map(re.escape, str(sample.frame).split(MASK_ITEM))))
    symbol = {item: number for number, item in enumerate(law.alphabet)}
    found = [[symbol[item] for item in match.groups()] for text in texts if (match := form.fullmatch(text.strip()))]
    rows = np.array(found, dtype=np.int64).reshape(len(found), law.positions)
    return rows[np.isfinite(law.log_probabilities(rows))] if len(rows) else rows


def _question(planned: PlannedCell, shots: int | None) -> Sample:
    """The first sample of the cell."""
    return planned.task.sample(planned.cell.seed, planned.indices[0], shots)


def _prompts(planned: PlannedCell, model: Denoiser, sample: Sample, count: int) -> Iterator[Prompt]:
    """The same prompt `count` times; only the index differs, and with it what is random in decoding."""
    prompt = make_prompt(model, sample, planned.task.max_new_tokens, infill=planned.task.infill)
    for index in range(count):
        yield replace(prompt, sample=replace(sample, index=index))


def _index(done: Generation) -> int:
    return done.prompt.sample.index
