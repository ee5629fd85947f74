"""Autoregressive models in vLLM's offline engine: it batches by itself, and one token is one forward."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vllm import LLM, SamplingParams

from parallelbench.contracts.generator import Generator, GeneratorInfo, Reply, Request, shown_turns
from parallelbench.rng import digest
from parallelbench.schema import Sample


class VllmEngine(Generator):
    """A model in vLLM.

    Args:
        folder: its checkpoint.
        info: what it is; `settings` hold `temperature` and perhaps `top_p`.
        memory: share of the GPU's memory that vLLM may take.
    """

    def __init__(self, folder: Path, info: GeneratorInfo, memory: float) -> None:
        self._info = info
        self._engine: Any = LLM(
            model=str(folder), dtype=info.dtype, gpu_memory_utilization=memory, trust_remote_code=False, seed=0
        )

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    def prompt(self, sample: Sample) -> str:
        return shown_turns(sample)

    def generate(self, requests: Iterable[Request], seed: int = 0, in_flight: int = 64) -> Iterator[Reply]:
        waiting = iter(requests)
        while batch := list(itertools.islice(waiting, in_flight)):
            chats = [[{"role": turn.role, "content": turn.text} for turn in request.sample.turns] for request in batch]
            start = time.perf_counter()
            answers = self._engine.chat(chats, [self._parameters(request, seed) for request in batch], use_tqdm=False)
            share = (time.perf_counter() - start) / len(batch)
            yield from (self._reply(request, answer, share) for request, answer in zip(batch, answers, strict=True))

    def _parameters(self, request: Request, seed: int) -> Any:
        own_seed = digest("vllm", seed, request.sample.id) >> 33
        return SamplingParams(max_tokens=request.max_tokens, seed=own_seed, **self._info.settings)

    def _reply(self, request: Request, answer: Any, seconds: float) -> Reply:
        made = answer.outputs[0]
        tokens = len(made.token_ids)
        return Reply(
            sample=request.sample,
            prompt=answer.prompt or self.prompt(request.sample),
            text=made.text,
            seconds=seconds,
            prompt_tokens=len(answer.prompt_token_ids),
            tokens=tokens,
            content_tokens=tokens - (made.finish_reason == "stop"),  # the end token is counted among them
            steps=tokens,
            finish=str(made.finish_reason),
        )
