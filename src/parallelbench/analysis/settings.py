"""The samples of one model under the settings of one decoder, as matrices, and their bootstrap over samples.

All analyses that choose among the settings of a decoder sample by sample (`analysis.oracle`), or that give an interval to a
number of a whole curve (`analysis.task_map`, `analysis.curve_numbers`), read their numbers from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from parallelbench.analysis.frame import sample_keys
from parallelbench.analysis.groups import Integers, numbered

Floats = npt.NDArray[np.float64]
VALUES = ("accuracy", "tokens_per_step", "content_tokens_per_forward", "nfe")
"""What is read of each sample under each setting."""
MATRIX_COLUMNS = ["suite", "task", "sample_id", "index", "seed", "decoder", *VALUES]
"""The columns of a frame of samples that `matrices` reads."""
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class TaskMatrix:
    """One task: what its n samples came to under the m settings.

    Attributes:
        suite, task: the task.
        values: for each of `VALUES` a matrix [n, m]; NaN where a number is unknown.
        sample: the number of the sample of each row, [n], from 0. Several draws of one sample (seeds of a suite from data
            files) are several rows with one number, and the bootstrap draws them together.
    """

    suite: str
    task: str
    values: dict[str, Floats]
    sample: Integers

    @property
    def weight(self) -> Floats:
        """The weight of each row in a mean in which every sample counts once, [n]; the sum is 1."""
        counts = np.bincount(self.sample)
        return 1.0 / (counts[self.sample] * counts.size)

    def weights(self, generator: np.random.Generator, draws: int) -> Floats:
        """Return the weights of the rows in resamples of the samples with replacement, [draws, n]; each row sums to 1."""
        counts = np.bincount(self.sample)
        times = generator.multinomial(counts.size, np.full(counts.size, 1.0 / counts.size), size=draws)
        weighted: Floats = times[:, self.sample] * self.weight
        return weighted


def matrices(frame: pd.DataFrame, decoders: list[str]) -> list[TaskMatrix]:
    """Return one matrix per task of a frame of samples of one model, over the samples that all `decoders` have decoded.

    Args:
        frame: one row per sample (`frame.samples`) of one model.
        decoders: the settings, in the order of the columns. A task without a sample that all of them decoded is left out.
    """
    inside = frame[frame["decoder"].isin(decoders) & frame["accuracy"].notna()]
    column = pd.Index(decoders).get_indexer(pd.Index(inside["decoder"]))
    task_names = inside[["suite", "task"]].drop_duplicates().itertuples(index=False, name=None)
    tasks = numbered(inside["suite"], inside["task"])
    samples = numbered(tasks, sample_keys(inside))
    draws = numbered(samples, inside["seed"])
    numbers = np.full((len(VALUES), int(draws.max(initial=-1)) + 1, len(decoders)), np.nan)
    numbers[:, draws, column] = inside[list(VALUES)].to_numpy(dtype=np.float64).T
    task_of, sample_of = (np.zeros(numbers.shape[1], dtype=np.int64) for _ in range(2))
    task_of[draws], sample_of[draws] = tasks, samples
    complete = ~np.isnan(numbers[0]).any(axis=1)
    found = []
    for number, (suite, task) in enumerate(task_names):
        kept = complete & (task_of == number)
        if kept.any():
            values = {name: matrix[kept] for name, matrix in zip(VALUES, numbers, strict=True)}
            found.append(TaskMatrix(str(suite), str(task), values, np.unique(sample_of[kept], return_inverse=True)[1]))
    return found


def interval_of(draws: Floats) -> tuple[float, float]:
    """Return the 95 % percentile interval of bootstrap draws, [draws]; NaN where a draw is unknown."""
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)
