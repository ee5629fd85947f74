"""Decoding code written for other libraries, as decoders: subclass one of these in a file of your own (`user_file`).

* `ReferenceScorer`: ParallelBench's own plug-in, a function (p, x0, p(x0)) -> score;
* `SchedulerLoop`: the scheduler of a diffusers pipeline, `step(logits, timestep, sample, mask_token_id=...)`;
* `InPlaceDecoder`: dInfer's `decode(logits, start, end, x)`, which writes into x.

Each requests the raw logits, so it is slower than a decoder that works on signals; what it writes goes through the engine like
any other decoder's writes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, RankingDecoder, Run
from parallelbench.decoding.decoders.step_count import Transfer
from parallelbench.decoding.signals import Extra, ForwardRequest, Signals
from parallelbench.decoding.state import PROMPT, State
from parallelbench.decoding.vocabulary import log_probs

LOGITS: frozenset[Extra] = frozenset({"logits"})


class ReferenceScorer(Transfer, RankingDecoder, ABC):
    """A confidence function of the reference implementation: the k positions with the highest scores are committed a step."""

    extras: ClassVar[frozenset[Extra]] = LOGITS

    @abstractmethod
    def scorer(self, p: Tensor, x0: Tensor, x0_p: Tensor) -> Tensor:
        """Return a score [1, N] for distributions [1, N, V], candidates [1, N] and their probabilities [1, N]."""

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        p = log_probs(signals.logits, state.info).exp()[None]
        x0 = torch.from_numpy(signals.token)[None].to(p.device)
        scores: npt.ArrayLike = self.scorer(p, x0, p.gather(2, x0[..., None])[..., 0])[0].float().cpu().numpy()
        return scores


class Scheduler(Protocol):
    """The interface that `SchedulerLoop` expects of a scheduler."""

    timesteps: Iterable[Any]

    def step(self, logits: Tensor, timestep: Any, sample: Tensor, *, mask_token_id: int) -> Any:
        """Return the next sample [1, B] from logits [1, B, V]: a tensor, the first of a tuple, or the field `prev_sample`."""


class SchedulerLoop(ProgramDecoder, ABC):
    """The loop of a diffusers pipeline: one forward for each timestep, block by block."""

    @abstractmethod
    def scheduler(self, state: State) -> Scheduler:
        """Return a new scheduler, with its timesteps set, for the block `state.window`."""

    def run(self, state: State) -> Run:
        while state.masked.any():
            start, end = state.window
            scheduler = self.scheduler(state)
            for timestep in scheduler.timesteps:
                signals = yield ForwardRequest(positions=np.arange(start, end), extras=LOGITS)
                logits = log_probs(signals.logits, state.info)[None]
                sample = torch.from_numpy(state.canvas[start:end].copy())[None].to(logits.device)
                out = scheduler.step(logits, timestep, sample, mask_token_id=state.info.mask_id)
                after: Tensor = out[0] if isinstance(out, tuple) else getattr(out, "prev_sample", out)
                _write(state, start, after[0].cpu().numpy(), signals)
            if state.masked[start:end].any():
                return  # the engine fills the other masks and flags the sample "unfinished"


class InPlaceDecoder(ProgramDecoder, ABC):
    """A decoder of dInfer: it changes one block of x, with one forward for each call."""

    @abstractmethod
    def decode(self, logits: Tensor, start: int, end: int, x: Tensor) -> None:
        """Write tokens into x[:, start:end], given the block's logits [1, end - start, V]; x [1, L] is prompt and canvas."""

    def run(self, state: State) -> Run:
        prompt = torch.tensor(state.prompt, dtype=torch.int64)
        while state.masked.any():
            start, end = state.window
            signals = yield ForwardRequest(positions=np.arange(start, end), extras=LOGITS)
            logits = log_probs(signals.logits, state.info)[None]
            x = torch.cat([prompt, torch.from_numpy(state.canvas)])[None].to(logits.device)
            self.decode(logits, len(prompt) + start, len(prompt) + end, x)
            _write(state, start, x[0, len(prompt) + start : len(prompt) + end].cpu().numpy(), signals)


def _write(state: State, start: int, after: Ints, signals: Signals) -> None:
    """Write the tokens that changed, with the model's confidence where the token is its candidate."""
    block = slice(start, start + len(after))
    changed = np.flatnonzero((after != state.canvas[block]) & (state.status[block] != PROMPT))
    sure = np.where(after == signals.token, signals.confidence, np.nan)
    state.write(start + changed, after[changed], sure[changed])
