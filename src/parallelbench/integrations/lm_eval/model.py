"""A model of lm-evaluation-harness: our engine decodes its texts, and the masked model computes its likelihoods.

    lm_eval's name: parallelbench
    model_args: model=llada-1.5,decoder=threshold:gamma=0.9,block=32,batch_size=16,max_new_tokens=256

`model`, `decoder`, `cache`, `aux`, `batch_size`, `seed`, `device` are as on our command line. `draws` is the number of draws
of a likelihood. Further keys (`block`, `temperature`, `end_tokens`, `k`, ...) are options of the decoder.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import LikelihoodGenerator, Request
from parallelbench.decoding import Decoder, Engine, check_compatibility, load_decoder, make_prompt
from parallelbench.errors import UserError
from parallelbench.experiments.decoded import Decoded, from_generation, from_reply
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.integrations.lm_eval.docs import OURS, sample_of, task_of
from parallelbench.integrations.lm_eval.generation import GenerationOptions, read_options
from parallelbench.integrations.lm_eval.likelihood import Likelihood, LikelihoodDecoder
from parallelbench.models.continuation import continuation_ids
from parallelbench.schema import Prompt, Sample, Turn
from parallelbench.specs import parse, render

NAME = "parallelbench"
OTHERS = "lm_eval"
"""The name of the task of a sample that is the harness's and none of ours."""
IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """What the text of one document cost; None is unknown."""

    nfe: int | None
    tokens_per_step: float | None
    content_tokens_per_forward: float | None
    seconds: float


@register_model(NAME)
class ParallelBenchLM(LM):  # type: ignore[misc]  # the harness is not typed
    """Our models and decoders as a model of the harness."""

    def __init__(
        self,
        model: str = "tiny2",
        decoder: str = "confidence:k=1",
        batch_size: int | str = "auto",
        max_new_tokens: int = 256,
        cache: str = "none",
        aux: str | None = None,
        seed: int = 0,
        device: str | None = None,
        draws: int = 128,
        max_batch_size: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._pool = ModelPool(device)
        self._model = self._pool.get(model)
        self._batch_size: Any = batch_size if batch_size in ("auto", None) else int(batch_size)
        self._width, self._cache, self._seed, self._draws = int(max_new_tokens), cache, int(seed), int(draws)
        name, known = parse(str(decoder))
        self._decoder: Decoder | None = None
        self._decoder_name, self._decoder_options = name, {**known, **options}
        self._aux = None if aux is None else self._pool.auxiliary(aux)
        if isinstance(self._model, Denoiser):
            self._decoder = load_decoder(render(name, self._decoder_options))
            check_compatibility(self._model.info, self._decoder, self._width, aux=aux is not None, cache=cache)
        elif options:
            raise UserError(f"{self._model.info.name} decodes by itself and has no decoder; leave {min(options)} out.")
        self._chats: dict[str, tuple[Turn, ...]] = {}
        self.costs: dict[tuple[str | None, int | None], Cost] = {}
        self.errors: dict[tuple[str | None, int | None], list[float]] = {}

    @property
    def tokenizer_name(self) -> str:
        """What the harness names its caches after."""
        return f"{self._model.info.name}@{self._model.info.revision}".replace("/", "__")

    def chat_template(self, chat_template: bool | str = False) -> str:
        """The name of the model's template, for the harness's log."""
        return self._model.info.template if chat_template else ""

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Return a conversation as text; `generate_until` finds its turns by this text and encodes them as we do."""
        turns = tuple(Turn(one["role"], one["content"]) for one in chat_history)
        if isinstance(self._model, Denoiser):
            text = self._model.codec_for(_sample(turns, 0)).encode_chat(turns)[1]
        else:
            text = self._model.prompt(_sample(turns, 0))
        self._chats[text] = turns
        return text

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Answer each request: decode a canvas, and cut the text at the first stop text.

        Raises:
            UserError: a request's `generation_kwargs` cannot be followed, or its prompt is too long.
        """
        wanted = [read_options(request.task_name, request.args[1]) for request in requests]
        answers: dict[int, Decoded] = {}
        for decoded, number in self._decode(requests, wanted):
            answers[number] = decoded
            speed = decoded.speed
            cost = Cost(speed.nfe, speed.tokens_per_step, speed.content_tokens_per_forward, decoded.seconds)
            self.costs[requests[number].task_name, requests[number].doc_id] = cost
        texts = []
        for number, request in enumerate(requests):
            texts.append(wanted[number].cut(answers[number].text))
            self.cache_hook.add_partial("generate_until", request.args, texts[-1])
        return texts

    def _decode(self, requests: Sequence[Instance], wanted: Sequence[GenerationOptions]) -> Iterator[tuple[Decoded, int]]:
        # Two requests may have one sample (two tasks of one kind, repeats), so results are told apart by its copies.
        samples = [replace(self._sample_of(request, number)) for number, request in enumerate(requests)]
        numbers = {id(one): number for number, one in enumerate(samples)}
        widths = [self._width_of(*one) for one in zip(requests, wanted, strict=True)]
        if not isinstance(self._model, Denoiser):
            for request, one in zip(requests, wanted, strict=True):
                one.check_sampling(request.task_name, self._model.info)
            asked = itertools.starmap(Request, zip(samples, widths, strict=True))
            size = IN_FLIGHT if self._batch_size == "auto" else self._batch_size
            for reply in self._model.generate(asked, self._seed, size):
                yield from_reply(reply), numbers[id(reply.sample)]
            return
        prompts = [self._prompt(*one) for one in zip(requests, samples, widths, wanted, strict=True)]
        decoders = {one: self._decoder_for(one) for one in dict.fromkeys(wanted)}
        engine = Engine(self._model, self._batch_size, self._aux, self._cache)
        for decoder in dict.fromkeys(decoders.values()):
            of_decoder = [prompt for prompt, one in zip(prompts, wanted, strict=True) if decoders[one] == decoder]
            for made in engine.generate(of_decoder, decoder, self._seed):
                yield from_generation(made, self._model), numbers[id(made.prompt.sample)]

    def _decoder_for(self, wanted: GenerationOptions) -> Decoder:
        """The decoder, at the request's temperature where the user gave none."""
        assert self._decoder is not None
        if not wanted.sampling_temperature or "temperature" in self._decoder_options:
            return self._decoder
        sampling = {"temperature": wanted.sampling_temperature, **({} if wanted.top_p is None else {"top_p": wanted.top_p})}
        return load_decoder(render(self._decoder_name, {**self._decoder_options, **sampling}))

    def _sample_of(self, request: Instance, number: int) -> Sample:
        """The sample of a request: of our tasks the one that its document names, else one with the context as user's turn."""
        if OURS in request.doc:
            return sample_of(request.doc, self._model.info.shots)
        context = request.args[0]
        return _sample(self._chats.get(context, (Turn("user", context),)), number)

    def _width_of(self, request: Instance, wanted: GenerationOptions) -> int:
        if OURS in request.doc:
            return task_of(request.doc[OURS]["spec"]).max_new_tokens
        return wanted.length or self._width

    def _prompt(self, request: Instance, sample: Sample, width: int, wanted: GenerationOptions) -> Prompt:
        """The prompt of a request; a context without a chat template is plain text, as the harness wrote it."""
        assert isinstance(self._model, Denoiser)
        codec, info = self._model.codec_for(sample), self._model.info
        for stop in wanted.until:
            if len(codec.encode(stop)) > width:
                raise UserError(
                    f"the stop text {stop!r:.60} has more tokens than the canvas of {width}; set max_new_tokens, or drop it."
                )
        if OURS in request.doc:
            return make_prompt(self._model, sample, width, infill=task_of(request.doc[OURS]["spec"]).infill)
        if request.args[0] in self._chats:
            return make_prompt(self._model, sample, width)
        ids = codec.encode(request.args[0])
        if len(ids) + width > info.context_length:
            raise UserError(
                f"{info.name} reads {info.context_length} tokens, but {request.task_name} has a prompt of {len(ids)} and asks "
                f"for {width}; use fewer demonstrations or a smaller max_new_tokens."
            )
        return Prompt(sample, tuple(ids), (info.mask_id,) * width, request.args[0])

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return log p of each continuation, and whether greedy decoding would write it (False for masked diffusion models)."""
        found = []
        for number, request in enumerate(requests):
            one = self.likelihood(request.args[0], request.args[1], self._sample_of(request, number))
            self.errors.setdefault((request.task_name, request.doc_id), []).append(one.error)
            found.append((one.log_p, one.greedy))
            self.cache_hook.add_partial("loglikelihood", request.args, found[-1])
        return found

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Estimate log p of whole texts, each without a context."""
        return [self.likelihood("", request.args[0], _sample((), number)).log_p for number, request in enumerate(requests)]

    def likelihood(self, context: str, continuation: str, sample: Sample) -> Likelihood:
        """Return log p(continuation | context) in nats: exact for an autoregressive model, else estimated.

        Raises:
            UserError: the model gives no probabilities, or the texts are longer than its context.
        """
        known = sample.turns if context in self._chats or sample.task != OTHERS else ()
        if isinstance(self._model, LikelihoodGenerator):
            made = self._model.likelihood(known or context, continuation)
            return Likelihood(made.log_p, 0.0, made.greedy)
        if not isinstance(self._model, Denoiser):
            raise UserError(
                f"{self._model.info.name} gives texts and no probabilities of given texts; choose a task that generates, or a "
                "model that runs here."
            )
        info, codec = self._model.info, self._model.codec_for(sample)
        if known:
            before, target = codec.encode_chat(known)[0], codec.encode(continuation)
        else:
            before, target = continuation_ids(codec, context, continuation)
        if not target:
            return Likelihood(0.0, 0.0)
        if len(before) + len(target) > info.context_length:
            raise UserError(f"{info.name} reads {info.context_length} tokens, but {len(before) + len(target)} are needed.")
        decoder = LikelihoodDecoder.of(target, self._draws, (self._seed, context, continuation), "law" in info.requires)
        prompt = Prompt(sample, tuple(before), (info.mask_id,) * len(target), context)
        for _ in Engine(self._model, 1).generate([prompt], decoder, self._seed):
            pass
        return decoder.likelihood


def _sample(turns: tuple[Turn, ...], number: int) -> Sample:
    return Sample(OTHERS, 1, 0, number, turns, "", {})


def mean_costs(costs: Mapping[tuple[str | None, int | None], Cost], task: str) -> dict[str, float]:
    """The mean of each cost over the documents of a task, of those that are known."""
    found = {}
    for name in ("nfe", "tokens_per_step", "content_tokens_per_forward", "seconds"):
        values = [getattr(cost, name) for place, cost in costs.items() if place[0] == task]
        known = [float(value) for value in values if value is not None]
        if known:
            found[name] = sum(known) / len(known)
    return found
