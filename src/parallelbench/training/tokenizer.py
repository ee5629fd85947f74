"""The shipped model's tokenizer: whole words where our tasks use them, bytes for everything else, so any text round-trips."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from parallelbench.rng import stream
from parallelbench.tasks import load_task
from parallelbench.tasks.lists import names

PAD, MASK, END, USER, ASSISTANT = "<|pad|>", "<|mask|>", "<|endoftext|>", "<|user|>", "<|assistant|>"
SPECIALS = (PAD, MASK, END, USER, ASSISTANT)

# A word with the space before it; a digit; a run of punctuation such as `", "`; one character of white space.
WORDS = r" ?\p{L}+|\p{N}| ?[^\p{L}\p{N}\s]+(?: [^\p{L}\p{N}\s]+)*|\s"


def build_tokenizer(tasks: Iterable[str], samples_per_task: int = 200) -> Tokenizer:
    """Make the tokenizer from the prompts and answers of these tasks and from all names.

    It is byte-level BPE without merges: a piece that is in the vocabulary is one token, any other is spelt in bytes.
    """
    split = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = sorted(word for word in _corpus_words(split, tasks, samples_per_task) if len(word) > 1)
    vocabulary = {token: i for i, token in enumerate([*SPECIALS, *alphabet, *words])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    return tokenizer


def _corpus_words(split: pre_tokenizers.PreTokenizer, tasks: Iterable[str], samples_per_task: int) -> set[str]:
    first, last = names()
    texts = [*first, *(f" {name}" for name in [*first, *last])]
    for name in tasks:
        task = load_task(name)
        seed = stream("tokenizer", name).randrange(1 << 30)
        for index in range(samples_per_task):
            sample = task.sample(seed, index, shots=0)
            texts += [sample.turns[-1].text, sample.answer]
    return {word for text in texts for word, _ in split.pre_tokenize_str(text)}
