"""Checks the contract of a decoder: `check_decoder` runs it through the engine and returns the properties that it violates.

It is run on the exact model, which returns the exact conditional probabilities of the right answers, so every wrong answer is
due to the decoder. A decoder that needs something that the exact model does not offer (attention maps) is run on the shipped
model, and only end, ledger and batch are checked. The six properties, in which a law is a distribution of right answers:

* end: no mask is left at the end, and the number of forwards stays below the engine's limit;
* one by one: with one token per step every answer is right, on every law, because each token of positive probability belongs
  to at least one right answer that agrees with the tokens already committed;
* bound: on Shuffle all open positions have the same distribution, so a step that fills s of m open positions, in any order,
  draws different items with the probability m! / ((m - s)! m^s) (paper, equation 4), and more steps never lower the product
  (Theorem 2). A decoder that draws at temperature 1 must not do so less often, however the sizes of its steps depend on what
  was drawn before, unless it declares that it mixes the model's distribution with something else (`fuses`);
* line: no decoder that draws each position independently, keeps what it commits and reads one row a forward is right on
  Shuffle within T forwards more often than the best choice after the draw (`theory.collision`). One that is draws several
  positions jointly, and declares it (`joint`), or has the answer from elsewhere;
* ledger: replaying the recorded writes reproduces the answer, and there is one entry for each forward;
* batch: tokens and ledger of a sample are the same when it is decoded with others, in another order and, which is tried with
  a third of the samples because it takes the longest, alone; not checked where a decode has no end.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.engine import Engine
from parallelbench.decoding.load import ALWAYS, AUX, check_compatibility
from parallelbench.decoding.prompts import make_prompt
from parallelbench.decoding.state import DecoderFault
from parallelbench.decoding.user_faults import UserDecoderFault
from parallelbench.doctor.shuffle import EPSILON, ITEMS, item_model, shuffle_share
from parallelbench.metrics import score
from parallelbench.models import load_model
from parallelbench.models.exact import Exact
from parallelbench.models.exact_tokens import TokenScheme
from parallelbench.schema import Generation, Prompt
from parallelbench.tasks import load_task
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.theory.laws import RANDOM

ITEM_TASKS = (
    *(f"list_ops/{name}:lengths=[4],max_new_tokens=12" for name in OPERATIONS),
    "puzzle/latin_square_n3:max_new_tokens=18",
    "puzzle/sudoku_n4_8:max_new_tokens=20",
)
TOKEN_TASKS = (
    *(f"list_ops/{name}:items=numbers,lengths=[3],max_new_tokens=29" for name in ("copy", *RANDOM)),
    *ITEM_TASKS[-2:],
)
SHORT_TASKS = (
    "waiting_line/shuffle:lengths=[3],max_new_tokens=24",
    "waiting_line/copy:lengths=[2],max_new_tokens=18",
    "list_ops/replace_random:lengths=[3],max_new_tokens=12",
)
BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class World:
    """A model and the tasks on which decoders are checked with it; together they cover every law."""

    name: str
    model: Denoiser
    tasks: tuple[str, ...]


def check_decoder(decoder: Decoder, careful: Decoder | None = None, places: Sequence[World] | None = None) -> list[str]:
    """Return the properties that a decoder violates, one sentence each; an empty list where it violates none.

    `careful` is the decoder set to commit one token per step; None: `one_by_one_setting`. `places` are the models and tasks to
    run it on; None: `worlds_for`.

    Raises:
        UserError: the decoder needs something that no world offers.
    """
    chosen = worlds_for(decoder) if places is None else places
    for world in chosen:
        check_compatibility(world.model.info, decoder.model_copy(update={"block": None}), 1, aux=True)
    slow = careful or one_by_one_setting(decoder)
    perfect = [world for world in chosen if "law" in world.model.info.requires]
    try:
        runs = [(world, _decode(decoder, world, BATCH_SIZE)) for world in chosen]
        endless = [broken for world, run in runs for broken in _ends(world, run)]
        booked = [broken for world, run in runs for broken in _booked(world, run)]
        answers = [*_right_one_by_one(slow, perfect), *(_bounded(decoder) if perfect else ())]
        batched = [broken for world, run in (() if endless else runs) for broken in _batched(decoder, world, run)]
        return [*endless, *booked, *answers, *batched]
    except DecoderFault as fault:
        return [f"contract: {fault}."]
    except UserDecoderFault as fault:
        return [f"contract: {fault}"]


def worlds_for(decoder: Decoder) -> tuple[World, ...]:
    """The exact model if it offers what the decoder needs; else the shipped one, with which answers are not checked."""
    served = all(decoder.needs <= world.model.info.offers | ALWAYS | AUX for world in worlds())
    return worlds() if served else (shipped(),)


def one_by_one_setting(decoder: Decoder) -> Decoder:
    """The decoder set to commit one token per step: blocks of one position, k = 1, and the parameters of `Decoder.careful`."""
    single = {key: value for key, value in (("k", 1), ("steps", None)) if {"k", key} <= type(decoder).model_fields.keys()}
    return decoder.model_copy(update={**decoder.careful, **single, "block": 1})


@cache
def worlds() -> tuple[World, ...]:
    """The exact model with one token per item, and with one token per character."""
    by_character = TokenScheme(_characters(), EPSILON)
    return (
        World("item by item", item_model(), ITEM_TASKS),
        World("under a tokenizer", Exact(by_character, EPSILON), TOKEN_TASKS),
    )


@cache
def shipped() -> World:
    """The shipped model, on tasks with short answers."""
    return World("the shipped model", load_model("tiny"), SHORT_TASKS)


def _ends(world: World, run: Sequence[Generation]) -> Iterator[str]:
    said = {"unfinished": "it returns while masks are left", "capped": "it uses more forwards than the engine allows"}
    flags = {flag for done in run for flag in done.ledger.flags}
    yield from (f"end: {said.get(flag, flag)} ({world.name})." for flag in sorted(flags))
    if any(world.model.info.mask_id in done.token_ids for done in run):
        yield f"end: an answer contains a mask ({world.name})."


def _right_one_by_one(careful: Decoder, perfect: Sequence[World]) -> Iterator[str]:
    for world in perfect:
        metrics = {(task := load_task(spec)).name: task.metrics[0] for spec in world.tasks}
        for decoder in {one.spec: one for one in (careful, careful.model_copy(update={"temperature": 1.0}))}.values():
            answers = [(done.prompt.sample, done.text) for done in _decode(decoder, world, BATCH_SIZE)]
            wrong = {sample.task for sample, text in answers if sum(score(sample, text, [metrics[sample.task]]).values()) < 1.0}
            if wrong:
                yield f"one by one: {decoder.spec} is wrong on {', '.join(sorted(wrong))} ({world.name})."


def _bounded(decoder: Decoder) -> Iterator[str]:
    share = shuffle_share(decoder)
    if share.shortfall and not decoder.fuses:
        yield (
            f"bound: at temperature 1, {share.kept} of its steps on shuffles of {ITEMS} items drew different items; steps of "
            f"these sizes do so {share.promised:.0f} times on average; does it write the tokens that were drawn?"
        )
    if share.excess is not None and not decoder.joint:
        yield (
            f"line: it is right on {share.within[share.excess - 1]} of {share.samples} shuffles of {ITEMS} items within "
            f"{share.excess} forwards, more than any choice from independent draws; set 'joint = True' if it draws several "
            f"positions jointly, or look for where it has the answer from."
        )


def _booked(world: World, run: Sequence[Generation]) -> Iterator[str]:
    for done in run:
        ledger, task = done.ledger, done.prompt.sample.task
        forwards = sum(ledger.nfe.values())
        if len(ledger.history) != forwards or ledger.rows < forwards or ledger.q_tokens < ledger.rows:
            yield f"ledger: the forwards of {task} do not add up ({world.name})."
            return
        if _replayed(done, world.model.info.mask_id) != done.token_ids:
            yield f"ledger: the writes do not give the answer to {task} ({world.name}); use state.write."
            return


def _batched(decoder: Decoder, world: World, run: Sequence[Generation]) -> Iterator[str]:
    together = _results(run)
    turned = _results(_decode(decoder, world, 5, slice(None, None, -1)))
    alone = _results(_decode(decoder, world, 1, slice(None, None, 3)))
    if turned != together or not alone.items() <= together.items():
        yield f"batch: an answer depends on its batch or on what ran before it ({world.name})."


def _results(run: Sequence[Generation]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Tokens and ledger of each sample."""
    return {done.prompt.sample.id: (done.token_ids, repr(done.ledger)) for done in run}


def _decode(decoder: Decoder, world: World, batch_size: int, which: slice = slice(None)) -> list[Generation]:
    """Decode the prompts of a world, or those that `which` selects, in its order."""
    prompts = _prompts(world, decoder.block or 1)[which]
    return list(Engine(world.model, batch_size, world.model).generate(prompts, decoder))


@cache
def _prompts(world: World, block: int) -> Sequence[Prompt]:
    """The prompt of one sample of each task, on a canvas of a multiple of `block` positions."""
    tasks = [load_task(spec) for spec in world.tasks]
    return [make_prompt(world.model, task.sample(0, 0, 0), -(-task.max_new_tokens // block) * block) for task in tasks]


def _replayed(done: Generation, mask_id: int) -> tuple[int, ...] | None:
    """The canvas after all writes of the ledger; None where the recorded action or the position of a write is impossible."""
    canvas = list(done.prompt.canvas)
    for position, token, _, action in (write for step in done.ledger.history for write in step):
        meant = "remask" if token == mask_id else "commit" if canvas[position] == mask_id else "edit"
        if action != meant or done.prompt.canvas[position] != mask_id:
            return None
        canvas[position] = token
    return tuple(canvas)


def _characters() -> Tokenizer:
    """A tokenizer with one token for each printable character."""
    tokenizer = Tokenizer(models.WordLevel({character: i for i, character in enumerate(string.printable)}, unk_token=" "))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer
