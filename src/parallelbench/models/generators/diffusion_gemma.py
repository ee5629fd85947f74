"""DiffusionGemma on this machine, through its own loop in transformers: blocks of noise, denoised until they no longer change.

A causal encoder stores what is finished (the prompt, then each block) as keys and values. A bidirectional decoder starts a
block from tokens drawn uniformly and reads it again and again, with its own last logits fed back. After each of these
denoising steps the tokens of least entropy are accepted as far as the entropy bound allows (Ben-Hamu et al. 2025,
arXiv 2505.24857) and all others drawn anew; the block is the decoder's last argmax.

Samples run one by one. The class draws a batch's tokens from one stream, so an answer would depend on its batch,
and rows that have finished would be computed on; alone, every forward that is counted was run for this sample.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSamplerConfig,
)

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.generator import Generator, GeneratorInfo, Reply, Request
from parallelbench.errors import UserError
from parallelbench.metrics.speed import content_tokens
from parallelbench.models.generators.autoregressive import Special
from parallelbench.rng import digest
from parallelbench.schema import Ledger, Sample


@dataclass(slots=True)
class Draft:
    """What one denoising forward made of its block: tokens before it, argmax tokens [block], their probabilities [block]."""

    before: int
    confidence: list[float]
    tokens: list[int] = field(default_factory=list)


class Trace(LogitsProcessor):  # type: ignore[misc]  # transformers is not typed here
    """Looks on at one `generate`: as a logits processor at every denoising forward, as a streamer at the draft after it.

    `confidence` is the model's own probability, before temperature.
    """

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        confidence = (scores.amax(-1) - scores.logsumexp(-1)).exp()[0]
        self.drafts.append(Draft(input_ids.shape[1], confidence.tolist()))
        return scores

    def put_draft(self, value: Tensor) -> None:
        """Take the block's argmax tokens, [1, block]."""
        self.drafts[-1].tokens = value[0].tolist()

    def put(self, value: Tensor) -> None:
        """The prompt and finished blocks; the drafts hold them."""

    def end(self) -> None:
        """Nothing is buffered."""

    def history(self, prompt_tokens: int, tokens: int) -> tuple[tuple[tuple[int, int, float, str], ...], ...]:
        """Per denoising step the answer's tokens that it wrote: a block's first draft commits, later ones edit."""
        steps = []
        for last, draft in itertools.pairwise([Draft(-1, []), *self.drafts]):
            fresh = last.before != draft.before
            places = range(draft.before - prompt_tokens, tokens)
            written = zip(places, draft.tokens, draft.confidence, draft.tokens if fresh else last.tokens, strict=False)
            action = "commit" if fresh else "edit"
            steps.append(tuple((i, token, p, action) for i, token, p, old in written if fresh or token != old))
        return tuple(steps)


class DiffusionGemma(Generator):
    """DiffusionGemma, with the codec that makes its prompts.

    Args:
        model: a DiffusionGemmaForBlockDiffusion on its device, ready to run; its config's `canvas_length` is the block.
        codec: makes prompts and reads answers.
        special: its special ids.
        info: what it is; `settings` hold `entropy_bound`, `steps`, `t_min`, `t_max`, `stability`, `confidence`, `block`.
    """

    def __init__(self, model: PreTrainedModel, codec: Codec, special: Special, info: GeneratorInfo) -> None:
        self._model = model
        self._codec = codec
        self._special = special
        self._info = info

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    def prompt(self, sample: Sample) -> str:
        return self._codec.encode_chat(sample.turns)[1]

    def details(self) -> dict[str, Any]:
        return {"parameters": self._model.num_parameters()}

    def generate(self, requests: Iterable[Request], seed: int = 0, in_flight: int = 64) -> Iterator[Reply]:
        return (self._answer(request, seed) for request in requests)

    def _answer(self, request: Request, seed: int) -> Reply:
        prompt, text = self._codec.encode_chat(request.sample.turns)
        self._check(request, len(prompt))
        start = time.perf_counter()
        made, trace = self._run(prompt, request, seed)
        seconds = time.perf_counter() - start
        content = content_tokens(made, self._special.ends)
        tokens = made[: content + 1]
        ledger = self._ledger(len(prompt), trace, len(tokens))
        return Reply(
            sample=request.sample,
            prompt=text,
            text=self._codec.decode(tokens[:content]),
            seconds=seconds,
            prompt_tokens=len(prompt),
            tokens=len(tokens),
            content_tokens=content,
            steps=sum(ledger.nfe.values()),
            finish="stop" if content < len(tokens) else "length",
            token_ids=tuple(tokens),
            pieces=tuple(self._codec.decode([token]) for token in tokens),
            ledger=ledger,
        )

    def _run(self, prompt: Sequence[int], request: Request, seed: int) -> tuple[list[int], Trace]:
        """Run the class's loop on a random stream of this sample alone; what lies beyond `max_tokens` is cut off."""
        trace, device = Trace(), self._model.device
        ids = torch.tensor([list(prompt)], device=device)
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.inference_mode():
            torch.manual_seed(digest("diffusion_gemma", seed, request.sample.id) >> 1)
            made = self._model.generate(
                ids,
                generation_config=self._config(len(prompt), request.max_tokens),
                logits_processor=LogitsProcessorList([trace]),
                streamer=trace,
            )
        return made.sequences[0, len(prompt) :][: request.max_tokens].tolist(), trace

    def _config(self, prompt_tokens: int, max_tokens: int) -> Any:
        """Everything is said, so that nothing is left to defaults of the class that a record would not show."""
        settings = self._info.settings
        return DiffusionGemmaGenerationConfig(
            max_new_tokens=max_tokens,
            max_length=prompt_tokens + max_tokens,
            max_denoising_steps=settings["steps"],
            sampler_config=EntropyBoundSamplerConfig(settings["entropy_bound"]),
            t_min=settings["t_min"],
            t_max=settings["t_max"],
            stability_threshold=settings["stability"],
            confidence_threshold=settings["confidence"],
            cache_implementation="dynamic",
            pad_token_id=self._special.pad,
            eos_token_id=list(self._special.ends),
        )

    def _ledger(self, prompt_tokens: int, trace: Trace, tokens: int) -> Ledger:
        """The account of n denoising forwards in c blocks of b tokens after a prompt of p.

        Forwards: n `denoise`, c `kv_store` (the encoder's: the prompt, then every block but the last). Query tokens:
        e = p + (c - 1) b of the encoder, n b of the decoder. Keys attended: s = e (e + 1) / 2 + sum over denoising forwards of
        b (tokens before the block + b), as in a layer with full attention (a sliding window of fewer tokens sees fewer).
        Arithmetic: 2 P (e + n b) + 2 C n b + 4 A s + 2 H (2 n - c) b, with P active parameters of the layers, C of the
        self-conditioning, A the sum over layers of heads times their size, H of the head, which also embeds the last logits.
        """
        block, n = self._model.config.canvas_length, len(trace.drafts)
        blocks = len({draft.before for draft in trace.drafts})
        encoded = prompt_tokens + (blocks - 1) * block
        attended = encoded * (encoded + 1) // 2 + sum(block * (draft.before + block) for draft in trace.drafts)
        decoder, text = self._model.model.decoder, self._model.config.text_config
        routed = text.top_k_experts / text.num_experts
        active = sum(p.numel() * (routed if ".experts." in name else 1) for name, p in decoder.layers.named_parameters())
        conditioning = sum(p.numel() for p in decoder.self_conditioning.parameters())
        width = sum(layer.self_attn.o_proj.in_features for layer in decoder.layers)
        head = self._model.lm_head.weight.numel()
        flops = 2.0 * active * (encoded + n * block) + 2.0 * conditioning * n * block
        flops += 4.0 * width * attended + 2.0 * head * (2 * n - blocks) * block
        nfe = {"denoise": n, "kv_store": blocks}
        return Ledger(nfe, n + blocks, encoded + n * block, attended, flops, trace.history(prompt_tokens, tokens))

    def _check(self, request: Request, prompt_tokens: int) -> None:
        block, context = self._model.config.canvas_length, self._model.config.text_config.max_position_embeddings
        if prompt_tokens + -(-request.max_tokens // block) * block > context:
            raise UserError(
                f"{request.sample.id} takes {prompt_tokens} prompt and up to {request.max_tokens} answer tokens in blocks of "
                f"{block}, but {self._info.name} reads {context}; use shorter lists, fewer shots or a smaller max_tokens."
            )
