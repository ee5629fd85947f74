"""The posterior over a finite list of strings when each token may have been replaced by noise.

Model: a string s is drawn with probability p(s), then each of its tokens is replaced, with probability epsilon and
independently, by a token drawn uniformly from the V tokens of the vocabulary. For tokens y observed at the positions O:

$$P(s \\mid y_O) \\propto p(s) \\prod_{i \\in O} \\big[(1-\\epsilon)\\,\\mathbb 1(y_i = s_i) + \\epsilon/V\\big]
\\propto p(s)\\,\\rho^{\\,m(s)},\\qquad \\rho = 1 + (1-\\epsilon)V/\\epsilon$$

with m(s) the number of positions of O where s agrees with y. With noise every context has a posterior. In the limit
epsilon -> 0 it is the exact conditional where some string agrees with the whole context; otherwise it is p restricted to the
strings that agree at the most positions. epsilon = 0 computes this limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
import numpy.typing as npt

from parallelbench.errors import UserError
from parallelbench.theory.base import Floats

_CELLS = 1 << 22  # entries of one block of the posterior: 32 MiB


@final
class NoisyPosterior:
    """The posterior over the strings and its marginals, for a batch of contexts.

    Attributes:
        place, token: [P] each, the position and the token of every combination that occurs in any string, sorted; they are the
            columns of `mass`.
    """

    def __init__(self, strings: npt.ArrayLike, probabilities: npt.ArrayLike, vocabulary: int, epsilon: float) -> None:
        """Prepare strings [S, L] of token ids below `vocabulary`, with probabilities [S], for noise `epsilon`.

        Raises:
            UserError: epsilon is outside [0, 1], or a token is outside the vocabulary.
        """
        rows = np.asarray(strings, dtype=np.int64)
        if not 0.0 <= epsilon <= 1.0:
            raise UserError(f"epsilon is {epsilon}, but a probability of noise lies in [0, 1].")
        if rows.min() < 0 or rows.max() >= vocabulary:
            raise UserError(f"a string has a token outside 0..{vocabulary - 1}; give the size of the whole vocabulary.")
        self.vocabulary = vocabulary
        self.epsilon = epsilon
        self._length = rows.shape[1]
        codes = rows + np.arange(self._length) * vocabulary
        self._codes, columns = np.unique(codes, return_inverse=True)
        self.place, self.token = np.divmod(self._codes, vocabulary)
        self._has = np.zeros((len(rows), len(self._codes)))
        self._has[np.arange(len(rows))[:, None], columns.reshape(codes.shape)] = 1.0
        with np.errstate(divide="ignore"):
            self._log_prior = np.log(np.asarray(probabilities, dtype=np.float64))
            self._log_ratio = float(np.log1p(vocabulary * np.divide(1.0 - epsilon, epsilon)))

    def agreements(self, contexts: npt.ArrayLike) -> Floats:
        """Return the number of known positions at which each string agrees with each context: [B, S].

        `contexts` is [B, L], negative where a token is unknown.
        """
        rows = np.asarray(contexts, dtype=np.int64)
        known = (rows >= 0) & (rows < self.vocabulary)
        codes = np.where(known, rows + np.arange(self._length) * self.vocabulary, -1)
        column = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        row, at = np.nonzero(self._codes[column] == codes)
        observed = np.zeros((len(rows), len(self._codes)))
        observed[row, column[row, at]] = 1.0
        return np.asarray(observed @ self._has.T, dtype=np.float64)

    def weights(self, contexts: npt.ArrayLike) -> Floats:
        """Return P(string | context): [B, S], each row sums to 1.

        `contexts` is [B, L] with any tokens, negative where unknown.
        """
        agreements = self.agreements(contexts)
        if self.epsilon > 0:
            scores = self._log_prior + agreements * self._log_ratio
        else:
            possible = np.where(np.isneginf(self._log_prior), -1.0, agreements)
            scores = np.where(possible == possible.max(axis=1, keepdims=True), self._log_prior, -np.inf)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)

    def mass(self, contexts: npt.ArrayLike) -> Floats:
        """Return P(the token at this position before noise | context): [B, P], with the columns of `place` and `token`.

        The probability of the token after noise is (1 - epsilon) times this plus epsilon / V.
        """
        rows = np.asarray(contexts, dtype=np.int64)
        return np.concatenate([self.weights(rows[block]) @ self._has for block in self._blocks(len(rows))])

    def marginals(self, contexts: npt.ArrayLike) -> Floats:
        """Return P(the token at each position after noise | context): [B, L, V], positive everywhere where epsilon > 0."""
        mass = self.mass(contexts)
        seen = np.full((len(mass), self._length, self.vocabulary), self.epsilon / self.vocabulary)
        seen[:, self.place, self.token] += (1.0 - self.epsilon) * mass
        return seen

    def _blocks(self, count: int) -> Iterator[slice]:
        step = max(1, _CELLS // max(self._has.shape))
        return (slice(start, start + step) for start in range(0, max(count, 1), step))
