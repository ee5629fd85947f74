"""Write docs/decoders.md and the package's table of default values from the registry: `python docs/decoders.py`."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from parallelbench.decoding import DECODERS, Decoder
from parallelbench.decoding.decoder import COMMON
from parallelbench.decoding.published import MEANING
from parallelbench.parameters import choices_of, default_of, range_of
from parallelbench.runs import short_settings

PAGE = Path(__file__).with_suffix(".md")
DEFAULTS = Path(__file__).parents[1] / "src" / "parallelbench" / "runs" / short_settings.DEFAULTS
INTRODUCTION = """\
# Decoders

A decoder says which masks are filled, when, and what is taken back. It is named `name:key=value,...`, on the command line
(`-d 'confidence:k=[1,2,4]'`) and in Python (`load_decoder("threshold:gamma=0.9")`); a list value makes one decoder for each
value. `parallelbench list decoders` prints the names, and this page is made from the same table (`make docs`).

Each rule was compared with its authors' code, and says below what came out; where it differs by choice, `compat=authors` does
what the code does. A cost counts forwards one after another (`nfe`); rows count each canvas of a forward. Every decoder
that ranks positions and has `steps` also has `transfer=dream`, Dream's rule for the number of commits of a step.

**Precision.** Tokens and positions are compared in float64 where a model's logits are float64, and in float32 where they are
anything else (bfloat16 logits are widened first). Published code differs: the loops of LLaDA and Fast-dLLM widen logits of any
precision to float64, so that tokens whose best logit leads all others by more than about 17 still differ there and tie here,
where the lowest position goes first (2 of 96 sequences at sharp logits); DAPD takes its softmax in the precision of weights,
bfloat16, in which far smaller leads tie. The exact model is compared in float32, because positions that are equal under the law
differ by rounding in float64.
"""
NEEDS = {
    "edit": """\
Every model runs it. One that was not trained to correct visible tokens (all but LLaDA2.1) is named in a warning.""",
    "aux": """\
Every model, beside an auxiliary one with the same tokenizer (`--aux`). The exact model serves as its own, left to right.""",
    "shadow": """\
A second mask must fit at the place of each token: LLaDA, LLaDA-MoE, SDAR, TraDo, LLaDA2 and the shipped model; the exact
  model by definition. Not Dream and DiffuCoder, which read position i off the output at i - 1, nor SEDD.""",
    "attention": """\
The attention maps must be readable: all transformers that the package loads natively, the shipped one among them. The
  exact model has none, and SEDD models do not show theirs.""",
}
COMPARISON = """\
## Against the authors' code

The same prompts were decoded by the authors' public code and by this package on the same small checkpoint, and the tokens and
forwards compared; `python -m pytest tests/decoding/test_decoder_published.py` repeats the comparison where the recorded decodes
are available, and a part of it everywhere. The column of `parallelbench list decoders` says:
"""
MEASURED = Path(__file__).with_name("distribution.json")
LEVEL = 0.001
DISTRIBUTION = """\
## The distribution of answers

The right answers of the list tasks and of Latin squares are equally likely. Each decoder, at its default setting (with k=1
where it has k) and temperature 1, drew {answers} answers to one question of each law with the exact model. A cell is the
total variation distance to the law, wrong answers included ({answers} draws of the law itself have about {floor}), and the
percentage of right answers where it is below 99.5. It is **bold** where the right answers among them are not equally likely:
the chi-square test finds a difference at the simultaneous level .001 over all tests of this table. `python
benchmarks/distribution.py --answers {answers} --write docs/distribution.json` measures it.

- *samples the law*: every answer is right, and no difference was found.
- *right answers alike*: several positions are drawn in one forward, so some answers are wrong; the right ones are equally
  likely.
- *biased*: it prefers some right answers. Where every answer is right, each token is drawn from the right distribution, but
  the position that is committed first is chosen by the probability of what was drawn there, and the others are drawn again in
  the next forward: probable draws are kept and improbable ones get another chance. Choosing by something that the draw does
  not change (a random or fixed order, `margin`, `entropy`) has no such effect. Where answers are wrong, several positions
  were drawn independently, and the answers that such draws hit more often are more frequent among the right ones.
- *not measured*: it needs attention maps, which the exact model has not.

At temperature 0 every decoder is greedy by nature: it writes one answer to a question, or with random ties (the exact model's
default) one of those that tie.

| decoder | shuffle of 4 | replace, 5 | insert, 4 | remove, 5 | Latin 3 x 3 | |
|---|---|---|---|---|---|---|"""
OWN = """\
## Write your own

A file with a class is enough; `RankingDecoder` ranks positions, `StepDecoder` has its own rule for each forward,
`ProgramDecoder` steers its forwards.

```python
# mine.py
from parallelbench.decoding import RankingDecoder
from parallelbench.decoding.quota import Threshold


class MyDecoder(RankingDecoder):
    \"\"\"Confident positions, earlier ones first.\"\"\"

    alpha: float = 0.01

    def score(self, signals, state):
        return signals.confidence - self.alpha * signals.positions

    def quota(self):
        return Threshold(0.9)
```

    parallelbench run -m tiny -t waiting_line/copy -d ./mine.py:MyDecoder:alpha=0.3
    parallelbench doctor decoder ./mine.py:MyDecoder

The file is imported as it stands, so name only code that you trust. Results call it `mine.py/MyDecoder@` and a hash of the
file: change the file, and it is another decoder with cells of its own. `doctor` runs it on the exact model and prints which
parts of the contract it breaks: masks left, wrong answers at one token a step, fewer right answers than its steps promise,
writes that the ledger does not know, answers that depend on the batch.

Code that exists already fits through `parallelbench.decoding.adapters`: `ReferenceScorer` takes a function
(p, x0, p(x0)) -> score, `SchedulerLoop` a scheduler with `step(logits, timestep, sample, mask_token_id=...)`,
`InPlaceDecoder` a `decode(logits, start, end, x)` that writes into x.
"""


def page() -> str:
    """The whole page."""
    classes: dict[str, type[Decoder]] = {name: entry.load() for name, entry in DECODERS.items()}
    parts = [INTRODUCTION, *_overview(classes), *_comparison(classes), *_borders(classes), *_models(classes), *_common()]
    parts += [*_distributions(classes), OWN]
    parts.append("## The rules\n")
    for module, names in groupby(classes, key=lambda name: classes[name].__module__):
        parts += _family({name: classes[name] for name in names}, inspect.getdoc(importlib.import_module(module)) or "")
    return "\n".join(parts).rstrip() + "\n"


def defaults() -> str:
    """The default values of each decoder that a short name leaves out, as JSON for the reading side."""
    classes: dict[str, type[Decoder]] = {name: entry.load() for name, entry in DECODERS.items()}
    known = {name: cls.omitted_defaults() for name, cls in classes.items()}
    lines = (f" {json.dumps(name)}: {json.dumps(values)}" for name, values in known.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _overview(classes: dict[str, type[Decoder]]) -> Iterator[str]:
    yield "## All of them\n\n| name | against the authors' code | rule | needs | takes back |\n|---|---|---|---|---|"
    for name, entry in DECODERS.items():
        cls = classes[name]
        needs = ", ".join(sorted(cls.needs)) or "-"
        state = cls.published.state
        yield f"| [`{name}`](#{name}) | {state} | {entry.summary} | {needs} | {'yes' if cls.revises else 'no'} |"
    yield ""


def _comparison(classes: dict[str, type[Decoder]]) -> Iterator[str]:
    """What each decoder was compared with, how it differs, and where its defaults come from."""
    yield COMPARISON
    yield from (f"- **{state}**: {meaning}." for state, meaning in MEANING.items())
    yield "\n| name | compared with | default differs from that code | source of the defaults |\n|---|---|---|---|"
    for name, cls in classes.items():
        found = cls.published
        code = f"`{found.code}`" if found.code else "no public code" if found.state == "text only" else "-"
        yield f"| `{name}` | {code} | {found.difference or '-'} | {found.defaults} |"
    yield ""


def _borders(classes: dict[str, type[Decoder]]) -> Iterator[str]:
    """What each decoder does where a block ends, where the canvas ends, and with what it remembers."""
    yield "## The end of a block and of the canvas\n\n| name | end of a block | end of the canvas |\n|---|---|---|"
    yield from (f"| `{name}` | {cls.borders.block} | {cls.borders.canvas} |" for name, cls in classes.items())
    yield "\nDecoders that remember something from forward to forward, and what a new block does with it:\n"
    yield "| name | state | at a new block |\n|---|---|---|"
    for name, cls in classes.items():
        if cls.borders.state:
            yield f"| `{name}` | {cls.borders.state} | {cls.borders.over_blocks} |"
    yield ""


def _models(classes: dict[str, type[Decoder]]) -> Iterator[str]:
    yield "## Which models can run them\n"
    yield "A decoder without needs runs on every model with a mask. A pair that cannot work is refused before anything runs.\n"
    for need in sorted(frozenset[str]().union(*(cls.needs for cls in classes.values()))):
        names = ", ".join(f"`{name}`" for name, cls in classes.items() if need in cls.needs)
        yield f"- **{need}** ({names}): {NEEDS[need]}"
    yield ""


def _distributions(classes: dict[str, type[Decoder]]) -> Iterator[str]:
    """What each decoder does to the distribution of answers, as `benchmarks/distribution.py` measured it."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = {name: measured["decoders"][name] for name in classes}
    level = LEVEL / sum(len(laws or {}) for laws in found.values())
    floor = ", ".join(f"{found['random'][law]['of_law']:.3f}" for law in found["random"])
    yield DISTRIBUTION.format(answers=measured["answers"], floor=floor)
    for name, laws in found.items():
        cells = " | ".join(_deviation(one, level) for one in laws.values()) if laws else "- | - | - | - | -"
        yield f"| `{name}` | {cells} | {_verdict(laws, level)} |"
    yield ""


def _deviation(one: dict[str, Any], level: float) -> str:
    text = f"{one.get('variation', 1.0):.3f}" + ("" if one["right"] >= 0.995 else f" ({100 * one['right']:.0f} %)")
    return f"**{text}**" if one.get("p", 1.0) < level else text


def _verdict(laws: dict[str, Any] | None, level: float) -> str:
    if not laws:
        return "not measured"
    if any(one.get("p", 1.0) < level for one in laws.values()):
        return "biased"
    return "samples the law" if all(one["right"] >= 0.995 for one in laws.values()) else "right answers alike"


def _common() -> Iterator[str]:
    yield "## What combines with each of them\n\n| key | default | range | meaning |\n|---|---|---|---|"
    yield from (_row(key, Decoder.model_fields[key]) for key in COMMON)
    yield ""


def _family(classes: dict[str, type[Decoder]], text: str) -> Iterator[str]:
    """The text of one file, and a table of parameters for each of its decoders."""
    title, _, rest = text.partition("\n")
    yield "\n".join(f'<a id="{name}"></a>' for name in classes)
    yield "\n### " + ", ".join(f"`{name}`" for name in classes) + "\n"
    yield f"{title}\n{rest}\n"
    for name, cls in classes.items():
        own = {key: value for key, value in cls.model_fields.items() if key not in COMMON}
        if own:
            yield f"| `{name}` | default | range | meaning |\n|---|---|---|---|"
            yield from (_row(key, value) for key, value in own.items())
            yield ""


def _row(key: str, value: FieldInfo) -> str:
    default = default_of(value)
    choices = ", ".join(f"`{choice}`" for choice in choices_of(value))
    default = default if default == "-" else f"`{default}`"
    return f"| `{key}` | {default} | {choices or range_of(value)} | {value.description or ''} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    DEFAULTS.write_text(defaults(), encoding="utf-8")
