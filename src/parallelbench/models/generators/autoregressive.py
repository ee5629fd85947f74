"""Autoregressive models on this machine, through transformers' `generate`: one token a forward, batched, with a cache.

The whole account is known here, so a record reads like a decoder's: `decode` forwards, a history of one commit a forward,
confidences, arithmetic. A row's answer follows from its prompt alone up to the rounding of batched matrix products.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, PreTrainedModel

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.generator import GeneratorInfo, LikelihoodGenerator, Reply, Request, TextLikelihood
from parallelbench.errors import UserError
from parallelbench.metrics.speed import content_tokens
from parallelbench.models.continuation import chain_rule, continuation_ids
from parallelbench.rng import Draws
from parallelbench.sampling import draw, tempered
from parallelbench.schema import Ledger, Sample, Turn


@dataclass(frozen=True, slots=True)
class Special:
    """Ids that end an answer, the id that fills rows up, and how many ids the tokenizer has."""

    ends: tuple[int, ...]
    pad: int
    vocabulary: int


class Draw(LogitsProcessor):  # type: ignore[misc]  # transformers is not typed here
    """Chooses each row's next token, and leaves `generate` no other: the most probable, or one drawn from the nucleus.

    Draws are counter-based on (seed, sample, step), so a sample's do not depend on its batch. `confidence` collects the
    model's own probability of each choice, before temperature and top-p.
    """

    def __init__(self, temperature: float, top_p: float, vocabulary: int, draws: Sequence[Draws]) -> None:
        self.temperature, self.top_p, self.vocabulary, self.draws = temperature, top_p, vocabulary, draws
        self.confidence: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        logits = scores.float().clone()
        logits[:, self.vocabulary :] = -torch.inf
        chosen = logits.argmax(-1) if self.temperature == 0 else self._drawn(logits)
        self.confidence.append(torch.softmax(logits, -1).gather(1, chosen[:, None])[:, 0])
        return torch.full_like(logits, -torch.inf).scatter_(1, chosen[:, None], 0.0)

    def _drawn(self, logits: Tensor) -> Tensor:
        """Draw from the nucleus, with the same numbers in any batch."""
        step = len(self.confidence)
        uniform = torch.tensor([float(one.uniform(step, [0])[0]) for one in self.draws], dtype=torch.float64)
        return draw(tempered(logits, self.temperature, self.top_p), uniform.to(logits.device))


class Autoregressive(LikelihoodGenerator):
    """A causal language model of transformers, with the codec that makes its prompts.

    Args:
        model: on its device, ready to run.
        codec: makes prompts and reads answers.
        special: its special ids.
        info: what it is; `settings` may hold `temperature` and `top_p`.
        context: tokens that prompt and answer may have together.
    """

    def __init__(self, model: PreTrainedModel, codec: Codec, special: Special, info: GeneratorInfo, context: int) -> None:
        model.generation_config = GenerationConfig()  # the penalties and beams that a checkpoint sets would change the decoding
        self._model = model
        self._codec = codec
        self._special = special
        self._info = info
        self._context = context
        self._inner = model.num_parameters(exclude_embeddings=True) - _idle(model)

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    def prompt(self, sample: Sample) -> str:
        return self._codec.encode_chat(sample.turns)[1]

    def generate(self, requests: Iterable[Request], seed: int = 0, in_flight: int = 64) -> Iterator[Reply]:
        waiting = iter(requests)
        while batch := list(itertools.islice(waiting, in_flight)):
            yield from self._batch(batch, seed)

    def likelihood(self, context: str | Sequence[Turn], continuation: str) -> TextLikelihood:
        """By the chain rule, in one forward. A text without a context follows the end token, as in lm-evaluation-harness."""
        if isinstance(context, str):
            before, target = continuation_ids(self._codec, context, continuation)
        else:
            before, target = self._codec.encode_chat(context)[0], self._codec.encode(continuation)
        if len(before) + len(target) > self._context:
            raise UserError(f"{self._info.name} reads {self._context} tokens, but {len(before) + len(target)} are needed.")
        if not target:
            return TextLikelihood(0.0, True)
        return chain_rule(self._model, before or self._special.ends[:1], target, self._special.vocabulary)

    def _batch(self, requests: Sequence[Request], seed: int) -> Iterator[Reply]:
        """Answer one batch; rows are filled up on the left, and what a row makes after its end is cut off."""
        encoded = [self._codec.encode_chat(request.sample.turns) for request in requests]
        for request, (ids, _) in zip(requests, encoded, strict=True):
            self._check(request, len(ids))
        start = time.perf_counter()
        made, draw = self._run([ids for ids, _ in encoded], requests, seed)
        seconds = (time.perf_counter() - start) / len(requests)
        confidence = torch.stack(draw.confidence, 1).cpu()
        for row, (request, (ids, text)) in enumerate(zip(requests, encoded, strict=True)):
            yield self._reply(
                request, text, len(ids), made[row, : request.max_tokens].tolist(), confidence[row].tolist(), seconds
            )

    def _run(self, prompts: Sequence[list[int]], requests: Sequence[Request], seed: int) -> tuple[Tensor, Draw]:
        width = max(map(len, prompts))
        ids = torch.tensor([[self._special.pad] * (width - len(prompt)) + prompt for prompt in prompts])
        attend = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        settings = self._info.settings
        draws = [Draws("autoregressive", seed, request.sample.id) for request in requests]
        draw = Draw(settings.get("temperature", 0.0), settings.get("top_p", 1.0), self._special.vocabulary, draws)
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=max(request.max_tokens for request in requests),
            pad_token_id=self._special.pad,
            eos_token_id=list(self._special.ends),
        )
        device = self._model.device
        with torch.inference_mode():
            rows = self._model.generate(
                input_ids=ids.to(device),
                attention_mask=attend.to(device),
                generation_config=config,
                logits_processor=LogitsProcessorList([draw]),
            )
        return rows[:, width:].cpu(), draw

    def _reply(
        self, request: Request, prompt: str, prompt_tokens: int, made: list[int], confidence: list[float], seconds: float
    ) -> Reply:
        content = content_tokens(made, self._special.ends)
        tokens = made[: content + 1]
        return Reply(
            sample=request.sample,
            prompt=prompt,
            text=self._codec.decode(tokens[:content]),
            seconds=seconds,
            prompt_tokens=prompt_tokens,
            tokens=len(tokens),
            content_tokens=content,
            steps=len(tokens),
            finish="stop" if content < len(tokens) else "length",
            token_ids=tuple(tokens),
            pieces=tuple(self._codec.decode([token]) for token in tokens),
            ledger=self._ledger(prompt_tokens, tokens, confidence),
        )

    def _ledger(self, prompt_tokens: int, tokens: Sequence[int], confidence: Sequence[float]) -> Ledger:
        """The account of n tokens after a prompt of p: q = p + n - 1 query tokens, each attending to all before it and itself.

        Keys attended: q (q + 1) / 2. Arithmetic: 2 P q + 4 d L q (q + 1) / 2 + 2 H n, as for a denoiser, with P parameters
        that a token passes through without the output head, d the hidden size, L layers, H parameters of the head.
        """
        config, n = self._model.config, len(tokens)
        query = prompt_tokens + n - 1
        attended = query * (query + 1) // 2
        head = config.vocab_size * config.hidden_size
        inner = self._inner - (0 if config.tie_word_embeddings else head)
        flops = 2.0 * inner * query + 4.0 * config.hidden_size * config.num_hidden_layers * attended + 2.0 * head * n
        history = tuple(((place, token, confidence[place], "commit"),) for place, token in enumerate(tokens))
        return Ledger({"decode": n}, n, query, attended, flops, history)

    def _check(self, request: Request, prompt_tokens: int) -> None:
        if prompt_tokens + request.max_tokens > self._context:
            raise UserError(
                f"{request.sample.id} takes {prompt_tokens} prompt and up to {request.max_tokens} answer tokens, but "
                f"{self._info.name} reads {self._context}; use shorter lists, fewer shots or a smaller max_tokens."
            )

    def details(self) -> dict[str, Any]:
        return {"parameters": self._model.num_parameters()}


def _idle(model: PreTrainedModel) -> int:
    """Parameters of the experts that a token does not pass through."""
    config = model.config
    experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
    if not experts or not hasattr(config, "num_experts_per_tok"):
        return 0
    routed = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
    return int(routed * (1 - config.num_experts_per_tok / experts))
