"""Autoregressive models in vLLM's offline engine: it batches by itself, and one token is one forward.

vLLM receives token ids: the prompt comes from the same codec as that of every local model.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vllm import LLM, SamplingParams

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.generator import Generator, GeneratorInfo, Reply, Request
from parallelbench.rng import digest
from parallelbench.schema import Sample


class VllmEngine(Generator):
    """A model in vLLM.

    Args:
        folder: its checkpoint.
        codec: makes prompts and reads answers.
        info: what it is; `settings` hold `temperature` and perhaps `top_p`.
        memory: fraction of the GPU's memory that vLLM may take.
    """

    def __init__(self, folder: Path, codec: Codec, info: GeneratorInfo, memory: float) -> None:
        self._codec = codec
        self._info = info
        self._engine: Any = LLM(
            model=str(folder), dtype=info.dtype, gpu_memory_utilization=memory, trust_remote_code=False, seed=0
        )

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    def prompt(self, sample: Sample) -> str:
        return self._codec.encode_chat(sample.turns)[1]

    def generate(self, requests: Iterable[Request], seed: int = 0, in_flight: int = 64) -> Iterator[Reply]:
        waiting = iter(requests)
        while batch := list(itertools.islice(waiting, in_flight)):
            prompts = [self._codec.encode_chat(request.sample.turns) for request in batch]
            parameters = [self._parameters(request, seed) for request in batch]
            start = time.perf_counter()
            outputs = self._engine.generate([{"prompt_token_ids": ids} for ids, _ in prompts], parameters, use_tqdm=False)
            seconds = (time.perf_counter() - start) / len(batch)
            for request, (ids, text), output in zip(batch, prompts, outputs, strict=True):
                yield self._reply(request, text, len(ids), output.outputs[0], seconds)

    def _parameters(self, request: Request, seed: int) -> Any:
        settings = {key: value for key, value in self._info.settings.items() if key in ("temperature", "top_p")}
        return SamplingParams(
            max_tokens=request.max_tokens, seed=digest("vllm", seed, request.sample.id) >> 33, detokenize=False, **settings
        )

    def _reply(self, request: Request, prompt: str, prompt_tokens: int, made: Any, seconds: float) -> Reply:
        tokens = [int(token) for token in made.token_ids]
        content = len(tokens) - (made.finish_reason == "stop")  # the end token is counted among them
        return Reply(
            sample=request.sample,
            prompt=prompt,
            text=self._codec.decode(tokens[:content]),
            seconds=seconds,
            prompt_tokens=prompt_tokens,
            tokens=len(tokens),
            content_tokens=content,
            steps=len(tokens),
            finish=str(made.finish_reason),
            token_ids=tuple(tokens),
            pieces=tuple(self._codec.decode([token]) for token in tokens),
        )
