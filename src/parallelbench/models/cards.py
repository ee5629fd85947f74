"""Model cards: what is true of each published checkpoint beyond its layout. One loader reads this table.

Facts from the checkpoints' own tokenizer files and READMEs; ids are read from the tokenizer at load time and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from parallelbench.contracts.info import Attention, Capability
from parallelbench.models.layouts import LAYOUTS, Layout
from parallelbench.models.trained import LISTS_AND_PUZZLES, TEXTS, WIDER, Trained

CARD_FIELD = "parallelbench_card"
"""Where the config.json of our checkpoints names their model card."""


@dataclass(frozen=True, slots=True)
class Card:
    """One published checkpoint.

    Attributes:
        mask, ends, pad: the texts of the special tokens, or `#ID` where a token is known by its id alone.
        ids: the ids that these tokens have in the published tokenizer.
        template: the name of its chat template (`templates`).
        base: whether it was not trained on conversations, so that prompts are plain text unless a chat template is chosen.
        tokenizer: the repository of the tokenizer where the checkpoint comes without one.
        shift: 1 where the logits of position i are the model's output at position i - 1.
        block: the length of a block of a block-causal model in tokens, where its config.json does not say.
        align: what the length of a prompt is a multiple of, filled up with padding that the model reads, before the last token.
        shots: the number of demonstrations where neither task nor command line says how many; None leaves it to the task.
        offers: what it can do beyond its layout ("edit").
        trained: the tasks that it was trained for and no others, with their options; empty for a model of general use.
        training: what it was trained on, in words; empty for a model of general use.
        key: the name of the card that this one was made from, where a user's options changed it.
    """

    name: str
    hub_id: str
    architecture: str
    mask: str
    ends: tuple[str, ...]
    pad: str
    template: str
    licence: str
    summary: str
    ids: Mapping[str, int] = field(default_factory=dict)
    tokenizer: str = ""
    shift: int = 0
    attention: Attention = "full"
    block: int | None = None
    shots: int | None = None
    align: int = 1
    offers: frozenset[Capability] = frozenset()
    trained: tuple[Trained, ...] = ()
    training: str = ""
    base: bool = False
    key: str = ""

    def knows(self, task: str) -> bool:
        """Whether it was trained for one of our tasks, so far as we know."""
        return not self.trained or self.training_of(task) is not None

    def training_of(self, task: str) -> Trained | None:
        """What it was trained with on one of our tasks; None where it was not trained for the task."""
        return next((one for one in self.trained if one.holds(task)), None)

    @property
    def layout(self) -> Layout:
        """How its architecture is published."""
        return LAYOUTS[self.architecture]


def _llada(name: str, hub_id: str, summary: str) -> Card:
    return Card(
        name=name, hub_id=hub_id, architecture="llada", mask="<|mdm_mask|>", ends=("<|endoftext|>", "<|eot_id|>"),
        pad="<|endoftext|>", template="llada", licence="MIT", summary=summary,
        ids={"<|mdm_mask|>": 126336, "<|endoftext|>": 126081, "<|eot_id|>": 126348}, base=name.endswith("-base"),
    )  # fmt: skip


QWEN_IDS = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}


def _dream(name: str, hub_id: str, summary: str) -> Card:
    return Card(
        name=name, hub_id=hub_id, architecture="dream", mask="<|mask|>", ends=("<|endoftext|>", "<|im_end|>"),
        pad="<|endoftext|>", template="chatml_system", licence="Apache-2.0", summary=summary, shift=1,
        ids={**QWEN_IDS, "<|beginoftext|>": 151665, "<|mask|>": 151666}, base=name.endswith("-base"),
    )  # fmt: skip


def _diffucoder(name: str, hub_id: str, summary: str) -> Card:
    return Card(
        name=name, hub_id=hub_id, architecture="dream", mask="<|mask|>", pad="<|dlm_pad|>",
        ends=("<|endoftext|>", "<|im_end|>", "<|dlm_pad|>"), template="chatml_system", licence="apple-amlr (research only)",
        summary=summary, shift=1, ids={**QWEN_IDS, "<|mask|>": 151666, "<|dlm_pad|>": 151667},
    )  # fmt: skip


def _sdar(name: str, hub_id: str, summary: str, licence: str = "Apache-2.0", architecture: str = "sdar") -> Card:
    return Card(
        name=name, hub_id=hub_id, architecture=architecture, mask="<|MASK|>", ends=("<|endoftext|>", "<|im_end|>"),
        pad="<|endoftext|>", template="chatml", licence=licence, summary=summary, attention="block_causal", block=4,
        ids={**QWEN_IDS, "<|MASK|>": 151669},
    )  # fmt: skip


def _ling(name: str, hub_id: str, summary: str, edits: bool = False) -> Card:
    moe = name.startswith("llada-moe")
    return Card(
        name=name, hub_id=hub_id, architecture="llada_moe" if moe else "llada2", mask="#156895",
        ends=("#156892", "<|role_end|>"), pad="#156892", template="ling", licence="Apache-2.0", summary=summary,
        attention="full" if moe else "block_causal", block=None if moe else 32,
        offers=frozenset({"edit"}) if edits else frozenset(), base=name.endswith("-base"),
    )  # fmt: skip


def _sedd(name: str, hub_id: str, summary: str) -> Card:
    return Card(
        name=name, hub_id=hub_id, architecture="sedd", mask="", ends=("<|endoftext|>",), pad="<|endoftext|>", template="none",
        licence="MIT", summary=summary, ids={"<|endoftext|>": 50256}, tokenizer="openai-community/gpt2",
    )  # fmt: skip


def _small(name: str, summary: str, align: int, trained: tuple[Trained, ...], training: str) -> Card:
    return Card(
        name=name, hub_id="", architecture="llada", mask="<|mask|>", ends=("<|endoftext|>",), pad="<|pad|>", template="tiny",
        licence="Apache-2.0", summary=summary, shots=0, align=align, trained=trained, training=training,
    )  # fmt: skip


CARDS: dict[str, Card] = {
    card.name: card
    for card in (
        _small(
            "tiny", "ships with the package: 1.1 M parameters, list and puzzle tasks", 64, LISTS_AND_PUZZLES,
            "lists of 3 to 6 people or 6 to 16 letters, Latin squares and Sudokus of 4 x 4, without demonstrations, in the "
            "plain wording",
        ),
        _small(
            "tiny2", "ships with the package: 1.4 M parameters, tiny's tasks in other lengths, wordings and items", 32, WIDER,
            "lists of 2 to 12 people, letters, words or numbers, some of up to 20, Latin squares and Sudokus of 4 x 4, without "
            "demonstrations, in three wordings",
        ),
        _small(
            "tiny-text", "ships with the package: words to sentence, summaries, paraphrases", 32, TEXTS,
            "sentences with 1 to 7 given words, summaries of chats and paraphrases, without demonstrations",
        ),
        _llada("llada-8b-instruct", "GSAI-ML/LLaDA-8B-Instruct", "LLaDA 8B, instruction-tuned"),
        _llada("llada-8b-base", "GSAI-ML/LLaDA-8B-Base", "LLaDA 8B, base"),
        _llada("llada-1.5", "GSAI-ML/LLaDA-1.5", "LLaDA 1.5 8B, preference-optimised"),
        _diffucoder("diffucoder-7b-instruct", "apple/DiffuCoder-7B-Instruct", "DiffuCoder 7B, instruction-tuned"),
        _diffucoder("diffucoder-7b-cpgrpo", "apple/DiffuCoder-7B-cpGRPO", "DiffuCoder 7B, reinforced with coupled GRPO"),
        _dream("dream-v0-instruct", "Dream-org/Dream-v0-Instruct-7B", "Dream 7B, instruction-tuned"),
        _dream("dream-v0-base", "Dream-org/Dream-v0-Base-7B", "Dream 7B, base"),
        _dream("dream-coder-v0-instruct", "Dream-org/Dream-Coder-v0-Instruct-7B", "Dream-Coder 7B, instruction-tuned"),
        _sdar("sdar-1.7b-chat", "JetLM/SDAR-1.7B-Chat", "SDAR 1.7B, blocks of 4"),
        _sdar("sdar-4b-chat", "JetLM/SDAR-4B-Chat", "SDAR 4B, blocks of 4"),
        _sdar("sdar-8b-chat", "JetLM/SDAR-8B-Chat", "SDAR 8B, blocks of 4"),
        _sdar("sdar-30b-a3b-chat", "JetLM/SDAR-30B-A3B-Chat", "SDAR 30B, 3B active, blocks of 4", architecture="sdar_moe"),
        _sdar("trado-4b-instruct", "Gen-Verse/TraDo-4B-Instruct", "TraDo 4B, blocks of 4", licence="MIT"),
        _sdar("trado-8b-instruct", "Gen-Verse/TraDo-8B-Instruct", "TraDo 8B, blocks of 4", licence="MIT"),
        _ling("llada-moe-7b-a1b-instruct", "inclusionAI/LLaDA-MoE-7B-A1B-Instruct", "LLaDA-MoE 7B, 1.4B active"),
        _ling("llada-moe-7b-a1b-base", "inclusionAI/LLaDA-MoE-7B-A1B-Base", "LLaDA-MoE 7B, base"),
        _ling("llada2.0-mini", "inclusionAI/LLaDA2.0-mini", "LLaDA2.0 16B, 1.4B active, blocks of 32"),
        _ling("llada2.1-mini", "inclusionAI/LLaDA2.1-mini", "LLaDA2.1 16B, trained to edit, blocks of 32", edits=True),
        _sedd("sedd-small", "louaaron/sedd-small", "SEDD 90M, absorbing or uniform as its config says"),
        _sedd("sedd-medium", "louaaron/sedd-medium", "SEDD 320M, absorbing or uniform as its config says"),
    )
}  # fmt: skip
