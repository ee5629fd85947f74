"""What `parallelbench doctor` checks of a model: its logits do not depend on how a forward is made up, and it decodes.

Checks compare logits of the same rows asked in different ways, in units of their spread; a model in float32 may differ by 1e-4,
one of lower precision by a tenth. Checks of decoding compare tokens.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch, Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.engine import Engine
from parallelbench.decoding.load import load_decoder
from parallelbench.decoding.prompts import make_prompt
from parallelbench.doctor.weights import doubts
from parallelbench.models.cards import CARDS
from parallelbench.models.facts import facts_of
from parallelbench.models.familiar import unfamiliar
from parallelbench.schema import Generation, Prompt
from parallelbench.tasks import load_task

TASKS = (
    "waiting_line/copy:lengths=[3]",
    "waiting_line/shuffle:lengths=[3]",
    "waiting_line/reverse:lengths=[4]",
    "list_ops/copy",
)
TEXTS = (
    "words_to_sentence/easy",
    "words_to_sentence/hard",
    "words_to_sentence/medium:words=2",
    "words_to_sentence/easy:words=1",
)
"""The prompts of a model that was trained for texts and not for lists."""
CANVAS = 16
LEVEL = 0.5
"""The noise level of each forward for a model that is conditioned on one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One property: does it hold, and what was seen."""

    name: str
    passed: bool
    seen: str


@dataclass(frozen=True, slots=True)
class ModelReport:
    """Facts about a model, what was checked, its speed, two samples, and doubts.

    Doubts are sentences about what makes its weights look random, and about prompts that it was not trained for.
    """

    info: ModelInfo
    facts: dict[str, str]
    checks: tuple[Check, ...]
    samples: tuple[Generation, ...]
    doubts: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """True where every check passed."""
        return all(check.passed for check in self.checks)


def check_model(model: Denoiser) -> ModelReport:
    """Look at a loaded model from all sides; takes some forwards of a few short rows.

    Raises:
        UserError: the model cannot read such short prompts.
    """
    card = CARDS.get(model.info.card)
    tasks = TEXTS if card is not None and not card.knows(TASKS[0].partition(":")[0]) else TASKS
    prompts = [_prompt(model, spec, index) for index, spec in enumerate(tasks)]
    decoder = load_decoder("analytic:steps=8" if "score" in model.info.requires else "confidence:k=2")
    start = time.perf_counter()
    samples = _decode(model, prompts, decoder)
    seconds = time.perf_counter() - start
    checks = (
        *_logits_agree(model, prompts),
        _sees(model, prompts[0]),
        _reads_its_template(model, prompts[0]),
        *_decodes(model, prompts, samples, decoder),
        *_caches(model, prompts),
    )
    codec = model.codec_for(prompts[0].sample)
    facts = facts_of(model.info, codec) | _memory(model.info) | _speed(prompts, samples, seconds, decoder)
    logits = _forward(model, prompts, _rows(model, prompts), max(len(row) for row in _rows(model, prompts)), step=4)
    found = (*_unfamiliar(model.info, tasks), *doubts(model.info, logits, samples))
    return ModelReport(model.info, facts, checks, tuple(samples[:2]), found)


def _unfamiliar(info: ModelInfo, specs: Sequence[str]) -> list[str]:
    """For each of the prompts how it differs from what the model was trained for, each sentence once."""
    tasks = [load_task(spec, shots=info.shots or 0) for spec in specs]
    return list(dict.fromkeys(note for task in tasks if (note := unfamiliar(info, task)) is not None))


def _prompt(model: Denoiser, spec: str, index: int) -> Prompt:
    sample = load_task(spec).sample(0, index, shots=model.info.shots or 0)
    return make_prompt(model, sample, CANVAS)


def _decode(
    model: Denoiser, prompts: Sequence[Prompt], decoder: Decoder, batch_size: int = 8, cache: str = "none"
) -> list[Generation]:
    made = {one.prompt.sample.id: one for one in Engine(model, batch_size, cache=cache).generate(prompts, decoder)}
    return [made[prompt.sample.id] for prompt in prompts]


def _rows(model: Denoiser, prompts: Sequence[Prompt]) -> list[Ints]:
    """Whole rows; a model without a mask reads its padding in its place."""
    rows = [np.array([*prompt.ids, *prompt.canvas]) for prompt in prompts]
    unread = "score" in model.info.requires
    return [np.where(row == model.info.mask_id, model.info.pad_id, row) if unread else row for row in rows]


def _forward(model: Denoiser, prompts: Sequence[Prompt], rows: Sequence[Ints], width: int, step: int = 1) -> list[Tensor]:
    """Logits of every `step`-th position of the canvases, rows padded to `width`."""
    ids = np.full((len(rows), width), model.info.pad_id, dtype=np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
    columns = [len(prompt.ids) + np.arange(0, CANVAS, step) for prompt in prompts]
    counts = [len(one) for one in columns]
    noise = np.full(len(rows), LEVEL) if "score" in model.info.offers else None
    lengths = np.array([len(row) for row in rows])
    asked = np.repeat(np.arange(len(rows)), counts)
    batch = ForwardBatch(ids, lengths, asked, np.concatenate(columns), list(prompts), noise=noise)
    with torch.inference_mode():
        return list(torch.split(model.forward(batch).logits.double().cpu(), counts))


def _logits_agree(model: Denoiser, prompts: Sequence[Prompt]) -> Iterator[Check]:
    rows = _rows(model, prompts)
    width = -(-max(map(len, rows)) // 16) * 16 + 16
    together = _forward(model, prompts, rows, width)
    alone = [_forward(model, [prompt], [row], width)[0] for prompt, row in zip(prompts, rows, strict=True)]
    bare = [_forward(model, [prompt], [row], len(row))[0] for prompt, row in zip(prompts, rows, strict=True)]
    yield _close("batch: a row alone and among others", alone, together, model.info)
    yield _close("padding: a row as it is and filled up", bare, alone, model.info)
    fewer = _forward(model, prompts, rows, width, step=4)
    yield _close("window: some positions and all", fewer, [logits[::4] for logits in together], model.info)


def _close(name: str, one: Sequence[Tensor], other: Sequence[Tensor], info: ModelInfo) -> Check:
    """The largest difference, in standard deviations of the finite logits."""
    a, b = torch.cat(list(one)), torch.cat(list(other))
    finite = torch.isfinite(a) & torch.isfinite(b)
    same = bool((torch.isfinite(a) == torch.isfinite(b)).all())
    spread = max(float(a[finite].std()), 1e-12)
    difference = float((a[finite] - b[finite]).abs().max()) / spread
    bound = 1e-4 if info.dtype in ("float32", "float64") else 0.1
    return Check(name, same and difference <= bound, f"differs by {difference:.1e} (at most {bound:g})")


def _sees(model: Denoiser, prompt: Prompt) -> Check:
    """A changed token at the end of the canvas reaches what its attention says that it reaches."""
    (row,) = _rows(model, [prompt])
    other = row.copy()
    other[-1] = prompt.ids[0] if prompt.ids else model.info.end_ids[0]
    before, after = (_forward(model, [prompt], [ids], len(row))[0] for ids in (row, other))
    moved = (before.nan_to_num(neginf=0) - after.nan_to_num(neginf=0)).abs().amax(1) > 0
    block, last = model.info.block or 1, len(row) - 1
    first = {"full": 0, "block_causal": last // block * block, "causal": last}[model.info.attention] - len(prompt.ids)
    blind = int(moved[: max(0, first + model.info.shift)].sum())
    name = f"attention: {model.info.attention.replace('_', '-')}"
    if "law" in model.info.requires:
        return Check(name, True, "computed, not attended")
    own = moved[max(0, first + model.info.shift) : len(row) - len(prompt.ids)]  # its block, of which every place sees it
    reached = {
        "full": bool(moved[: CANVAS // 2].any()), "block_causal": bool(own.all()), "causal": True,
    }[model.info.attention]  # fmt: skip
    return Check(name, blind == 0 and reached, f"the last token reaches {int(moved.sum())} of {CANVAS} positions")


def _reads_its_template(model: Denoiser, prompt: Prompt) -> Check:
    name = "template: the prompt's tokens read back as its text"
    if not prompt.ids:
        return Check(name, True, "it reads no prompt")
    back = model.codec_for(prompt.sample).decode([token for token in prompt.ids if token != model.info.pad_id])
    return Check(name, back == prompt.text, f"{len(prompt.ids)} tokens, template {model.info.template}")


def _decodes(model: Denoiser, prompts: Sequence[Prompt], made: Sequence[Generation], decoder: Decoder) -> Iterator[Check]:
    masks = sum(one.token_ids.count(model.info.mask_id) for one in made)
    flags = sorted({flag for one in made for flag in one.ledger.flags})
    yield Check("decoding: ends without a mask", masks == 0 and not flags, ", ".join(flags) or f"{masks} masks left")
    single = _decode(model, prompts, decoder, batch_size=1)
    differing = sum(a.token_ids != b.token_ids for a, b in zip(made, single, strict=True))
    exact = model.info.dtype in ("float32", "float64")
    name = "decoding: the same tokens in a batch of one"
    yield Check(name, differing == 0 or not exact, f"{differing} of {len(made)} samples differ")


def _caches(model: Denoiser, prompts: Sequence[Prompt]) -> Iterator[Check]:
    """A cache changes nothing where it is exact: block always, prefix and dual in the forward that refreshes them."""
    if "cache" not in model.info.offers:
        return
    causal = model.info.attention == "block_causal"
    kinds: tuple[str, ...] = ("block",) if causal else ("prefix", "dual")
    steady = load_decoder("all_at_once" if causal else "all_at_once:block=8")
    for kind in kinds:
        plain, kept = (_decode(model, prompts, steady, cache=cache) for cache in ("none", kind))
        differing = sum(a.token_ids != b.token_ids for a, b in zip(plain, kept, strict=True))
        close = _close_tokens(model, prompts, kind, causal)
        seen = f"{differing} of {len(plain)} samples differ; {close}"
        yield Check(f"cache {kind}: exact after a refresh", differing == 0, seen)


def _close_tokens(model: Denoiser, prompts: Sequence[Prompt], kind: str, causal: bool) -> str:
    """How much of an answer of one token a step a cache leaves as it is."""
    decoder = load_decoder("confidence:k=1" if causal else "confidence:k=1,block=8")
    plain, kept = (_decode(model, prompts, decoder, cache=cache) for cache in ("none", kind))
    before, after = (np.array([token for one in made for token in one.token_ids]) for made in (plain, kept))
    fed = sum(one.ledger.q_tokens for one in kept) / sum(one.ledger.q_tokens for one in plain)
    return f"one by one {(before == after).mean():.0%} of tokens stay, {fed:.0%} of tokens fed"


def _memory(info: ModelInfo) -> dict[str, str]:
    """The most that was in use so far: of the device, or of this process (not known on Windows)."""
    used = torch.cuda.max_memory_allocated(info.device) if info.device.startswith("cuda") else _peak_of_process()
    return {
        "runs on": f"{info.device}, {info.dtype}",
        "memory": "unknown" if used is None else f"{used / 2**30:.2f} GiB at most",
    }


def _peak_of_process() -> int | None:
    """The largest resident size of this process in bytes; getrusage says bytes on macOS and KiB on Linux."""
    if sys.platform == "win32":
        return None
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def _speed(prompts: Sequence[Prompt], made: Sequence[Generation], seconds: float, decoder: Decoder) -> dict[str, str]:
    forwards = max(sum(one.ledger.nfe.values()) for one in made)
    rate = len(prompts) * CANVAS / seconds
    return {"speed": f"{rate:.0f} answer tokens a second ({decoder.spec}, {len(made)} rows, {forwards} forwards)"}
