"""Thoughts apart from answers: what a model thinks before it answers is not its answer, whatever kind of model it is.

Models mark thoughts in their text, most as `<think>...</think>`. A thought that was closed is taken out. A thought that is
still open at the end, because the text was cut at `max_tokens`, leaves an empty answer, whatever list the thought holds. Where
the question asks for steps and names a marker of the answer (chain of thought), all that precedes the last marker is thought.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PAIRS = (
    (r"<(?:think|thinking|thought|reasoning)>", r"</(?:think|thinking|thought|reasoning)>"),  # DeepSeek, Qwen, SDAR, TraDo
    (r"<seed:think>", r"</seed:think>"),  # Seed-OSS
    (r"\[THINK\]", r"\[/THINK\]"),  # Magistral
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Command A
    (r"◁think▷", r"◁/think▷"),  # Kimi
)
"""How thoughts begin and end in published chat templates."""
_MARK = re.compile("|".join(f"(?P<b{place}>{begin})|(?P<e{place}>{end})" for place, (begin, end) in enumerate(PAIRS)))
_OPENED = re.compile(rf"(?:{'|'.join(begin for begin, _ in PAIRS)})\s*\Z")


class Split(NamedTuple):
    """The two parts of what a model wrote; `thought` is None where it did not think."""

    answer: str
    thought: str | None


def split_thought(text: str, prompt: str = "", marker: str = "") -> Split:
    """Separate the answer from the thoughts; a text without marks of thoughts is the answer as it is.

    Args:
        text: what the model wrote.
        prompt: what it continued. Some chat templates open the thought themselves, so the text has only its end.
        marker: what precedes the answer, where the question asked for steps first; without it in the text there is no answer.
    """
    if marker:
        answer_part, thought_part = split_thought(text, prompt)
        steps, _, rest = answer_part.rpartition(marker) if marker in answer_part else (answer_part, "", "")
        return Split(rest.strip(), "\n".join(part for part in (thought_part, steps.strip()) if part))
    inside = _OPENED.search(prompt[-64:]) is not None
    answer: list[str] = []
    thought: list[str] = []
    thinks, place = inside, 0
    for mark in _MARK.finditer(text):
        begins = str(mark.lastgroup).startswith("b")
        if begins and not inside:
            answer.append(text[place : mark.start()])
        elif begins:
            continue  # a thought in which the mark is quoted
        else:
            thought += [*(() if inside else answer), text[place : mark.start()]]
            answer = answer if inside else []  # the end of a thought that an unseen template began
        inside, thinks, place = begins, True, mark.end()
    if not thinks:
        return Split(text, None)
    (thought if inside else answer).append(text[place:])
    return Split("" if inside else "".join(answer).strip(), "".join(thought).strip())
