"""The published chat templates as Jinja, written from what they do: an independent rendering to compare ours with.

Facts: LLaDA's template trims each turn's content and begins with the begin token before the first turn. Qwen2.5's (Dream,
DiffuCoder) adds a default system turn unless the first turn is one. Qwen3's (SDAR, TraDo) adds none, and of an answer before
the last question it shows what follows `</think>`. Ling 2's (LLaDA-MoE, LLaDA2) begins with a system turn that ends in
"detailed thinking off".
"""

from __future__ import annotations

from collections.abc import Sequence

import jinja2

from parallelbench.schema import Turn

LLADA = (
    "{%- for turn in turns -%}"
    "{{ '<|startoftext|>' if loop.first else '' }}"
    "{{ '<|start_header_id|>' ~ turn.role ~ '<|end_header_id|>\\n\\n' ~ (turn.text | trim) ~ '<|eot_id|>' }}"
    "{%- endfor -%}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
)

QWEN2 = (
    "{%- if not turns or turns[0].role != 'system' -%}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}"
    "{%- endif -%}"
    "{%- for turn in turns -%}"
    "{{ '<|im_start|>' ~ turn.role ~ '\\n' ~ turn.text ~ '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{{ '<|im_start|>assistant\\n' }}"
)

THOUGHTS = (
    "{%- macro shown(turn) -%}"
    "{%- if turn.role == 'assistant' and '</think>' in turn.text -%}"
    "{{ turn.text.split('</think>')[-1].lstrip('\\n') }}"
    "{%- else -%}{{ turn.text }}{%- endif -%}"
    "{%- endmacro -%}"
)

QWEN3 = THOUGHTS + (
    "{%- for turn in turns -%}"
    "{{ '<|im_start|>' ~ turn.role ~ '\\n' }}{{ shown(turn) }}{{ '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{{ '<|im_start|>assistant\\n' }}"
)

LING = THOUGHTS + (
    "{{ '<role>SYSTEM</role>' }}"
    "{%- if turns and turns[0].role == 'system' -%}{{ turns[0].text ~ '\\n' }}{%- endif -%}"
    "{{ 'detailed thinking off<|role_end|>' }}"
    "{%- for turn in (turns[1:] if turns and turns[0].role == 'system' else turns) -%}"
    "{{ '<role>' ~ {'user': 'HUMAN', 'assistant': 'ASSISTANT', 'system': 'SYSTEM'}[turn.role] ~ '</role>' }}"
    "{{ shown(turn) }}{{ '<|role_end|>' }}"
    "{%- endfor -%}"
    "{{ '<role>ASSISTANT</role>' }}"
)

TINY = "{%- for turn in turns -%}{{ '<|user|>' ~ turn.text }}{%- endfor -%}{{ '<|assistant|>' }}"
NONE = "{{ turns | map(attribute='text') | join('\\n\\n') ~ '\\n\\n' }}"

PUBLISHED = {"llada": LLADA, "chatml": QWEN3, "chatml_system": QWEN2, "ling": LING, "tiny": TINY, "none": NONE}


ENVIRONMENT = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
COMPILED = {name: ENVIRONMENT.from_string(text) for name, text in PUBLISHED.items()}


def render(template: str, turns: Sequence[Turn]) -> str:
    """A conversation as the published template writes it."""
    return COMPILED[template].render(turns=list(turns))
