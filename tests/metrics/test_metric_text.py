"""ROUGE and BLEU against the libraries that the reference uses, inclusion, BERTScore; no text stops them."""

from __future__ import annotations

import ast
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.errors import MissingExtra, UserError
from parallelbench.metrics import METRICS, resolve, score
from parallelbench.metrics.bertscore import f1
from parallelbench.metrics.bleu import bleu
from parallelbench.metrics.encoder import Encoder, gelu
from parallelbench.metrics.rouge import rouge_l, rouge_n
from parallelbench.schema import Sample
from thinned import thinned

OFFICIAL = Path(__file__).parents[3] / "shared" / "official" / "test" / "paraphrase_summarize"
FACTS: dict[str, Any] = {
    "source": "The quick fox jumped over the sleeping dog.",
    "references": ["A fast fox leapt over a dog that slept.", "Over the dog jumped a fox."],
    "words": ["fox", "dog"],
}
LOCAL = ("grammar", "inclusion", "words_in_order", "rouge_1", "rouge_2", "rouge_l", "bleu", "one_minus_bleu")
WORDS = st.lists(
    st.sampled_from(["the", "cats", "cat", "running", "runs", "3.5", "1,000", "don't", "a-b", ".", "&amp;"]), max_size=14
)
HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=80),
    st.text("y'\u2019aA.,!?<>&/\\\u202e\u05d0\u0000\ud800\ufffd\n\t -", max_size=80),
)


def sample(task: str = "test", **facts: Any) -> Sample:
    return Sample(task, 1, 0, 0, (), "", facts or FACTS)


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS)
def test_rouge_is_that_of_rouge_score(text: list[str], reference: list[str]) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    a, b = " ".join(text), " ".join(reference)
    expected = scorer.score(b, a)
    assert rouge_n(1, a, b) == pytest.approx(expected["rouge1"].fmeasure, abs=1e-12)
    assert rouge_n(2, a, b) == pytest.approx(expected["rouge2"].fmeasure, abs=1e-12)
    assert rouge_l(a, b) == pytest.approx(expected["rougeL"].fmeasure, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_bleu_is_that_of_sacrebleu(text: list[str], references: list[list[str]]) -> None:
    metric = pytest.importorskip("sacrebleu.metrics").BLEU(smooth_method="none", tokenize="13a", effective_order=False)
    a, wanted = " ".join(text), [" ".join(one) for one in references]
    expected = metric.corpus_score([a], [[one] for one in wanted]).score / 100
    assert bleu(a, wanted) == pytest.approx(min(1.0, expected), abs=1e-12)


def test_known_values() -> None:
    assert rouge_l("the police killed the gunman", "the gunman police killed") == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert rouge_n(1, "cats run", "the cat runs") == pytest.approx(2 * 1 * (2 / 3) / (5 / 3))
    assert bleu("Yes", ["Yes"]) == 0.0  # fewer than four tokens: no match of order four, as in the reference
    assert bleu("the cat sat on the mat", ["the cat sat on the mat"]) == 1.0
    assert bleu("the cat sat on", ["the cat sat on the mat"]) == pytest.approx(math.exp(1 - 6 / 4))


@pytest.mark.parametrize("name", [name for name in LOCAL if name not in ("inclusion", "words_in_order")])
def test_an_empty_text_scores_nothing(name: str) -> None:
    assert {score(sample(), text, [name])[name] for text in ("", "  \n", "\t")} == {0.0}


def test_inclusion_and_order() -> None:
    cases = {"Dogs chase a FOX.": (1.0, 0.0), "The foxes fear dogs.": (1.0, 1.0), "A fox.": (0.0, 0.0), "": (0.0, 0.0)}
    for text, expected in cases.items():
        assert tuple(score(sample(), text, ["inclusion", "words_in_order"]).values()) == expected


def test_combined_is_a_product_by_kind() -> None:
    good, bad = "The fox watched a dog.", "The the fox watched a dog."
    words = sample(kind="sentence", words=["fox", "dog"])
    assert score(words, good, ["combined"]) == {"combined": 1.0} and score(words, bad, ["combined"]) == {"combined": 0.0}
    summary = sample(kind="summary", **{key: FACTS[key] for key in ("source", "references")})
    assert score(summary, good, ["combined", "rouge_l"]) == dict.fromkeys(
        ("combined", "rouge_l"), resolve("rouge_l").function(summary, good)
    )


def test_each_metric_says_what_computes_it() -> None:
    for name in LOCAL:
        assert resolve(name).backend()
    assert len({resolve(name).backend() for name in ("grammar", "rouge_l", "bleu")}) == 3
    assert "MiniLM" in resolve("bertscore_minilm").backend()


@settings(max_examples=120, deadline=None)
@given(HOSTILE)
def test_every_metric_is_total(text: str) -> None:
    assert all(0.0 <= value <= 1.0 for value in score(sample(), text, LOCAL).values())


MEGABYTES = {
    "one word": "y" * 1_000_000,
    "words": "ab cd " * 170_000,
    "controls": "\x00\x1b" * 500_000,
    "right to left": "\u202e\u05d0\u05d1 " * 250_000,
    "html": "<p class=x>&amp;</p>" * 50_000,
    "surrogates": "\ud800a" * 500_000,
    "stops": "." * 1_000_000,
    "a long sentence": "The cat " + "and the dog " * 10_000 + "slept.",
    "quotes": "'" * 1_000_000,
}


@pytest.mark.parametrize("kind", thinned(MEGABYTES, 2))
def test_a_megabyte_is_judged_in_bounded_time(kind: str) -> None:
    for name in set(LOCAL) - {"one_minus_bleu"}:  # it computes what bleu does
        started = time.process_time()
        assert 0.0 <= score(sample(), MEGABYTES[kind], [name])[name] < 1.0 or name.startswith(("one", "incl", "words"))
        assert time.process_time() - started < 10.0, name


def tiny(folder: Path, kind: str) -> Any:
    """A random BERT or RoBERTa with a tokenizer, saved as Hugging Face saves it."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pieces = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz.", "▁"]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    common = {
        "vocab_size": len(pieces),
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 24,
    }
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**common, max_position_embeddings=40, pad_token_id=1, initializer_range=0.5)
    model = getattr(transformers, f"{kind}Model")(config).eval()
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model, tokenizer


@pytest.mark.parametrize("kind", ["Bert", "Roberta"])
def test_the_encoder_is_that_of_transformers(tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch")
    model, tokenizer = tiny(tmp_path, kind)
    text = "abc dog." if kind == "Bert" else " abc dog."
    with torch.no_grad():
        states = model(torch.tensor([tokenizer.encode(text).ids]), output_hidden_states=True).hidden_states[2][0].numpy()
    encoder = Encoder(tmp_path, 2)
    assert np.allclose(encoder.encode("abc dog."), states, atol=2e-5)
    assert len(encoder.encode("ab" * 5000)) <= 40
    assert f1(encoder, "abc", "abc") == pytest.approx(1.0)
    assert f1(encoder, "", "abc") == f1(encoder, "abc", " ") == 0.0
    assert 0.0 <= f1(encoder, "\ud800\x00", "abc") <= 1.0


def test_gelu_is_exact_enough() -> None:
    x = np.linspace(-6, 6, 500, dtype=np.float32)
    exact = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x.tolist()]
    assert np.abs(gelu(x) - exact).max() < 1e-6


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        resolve(f"bertscore_f1:path={tmp_path}").function(sample(), "text")
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        resolve(f"bertscore_f1:path={tmp_path}").backend()
    with pytest.raises(UserError, match="no key 'layer'"):
        resolve("bertscore_f1:layer=3")


CONFIG = '{"model_type": "bert", "num_attention_heads": 2, "layer_norm_eps": 1e-12, "max_position_embeddings": 64}'


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[" * 5000, "config.json describes no such model"),
        ("[]", "config.json describes no such model"),
        ('{"model_type": "bert"}', "num_attention_heads: Field required"),
        (CONFIG.replace("64", "-1"), "max_position_embeddings: "),
        (" " * ((16 << 20) + 1), "config.json is larger than 16 MiB"),
        (CONFIG, "tokenizer.json describes no tokenizer"),
    ],
    ids=["deep", "list", "keys", "positions", "size", "tokenizer"],
)
def test_a_folder_of_something_else_is_one_sentence(tmp_path: Path, config: str, message: str) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text('{"model": 5}', encoding="utf-8")
    with pytest.raises(UserError, match=message):
        Encoder(tmp_path, 2)


def test_minilm_tells_paraphrases_from_other_sentences() -> None:
    metric = resolve("bertscore_minilm")
    try:
        near = metric.function(sample(), "A fast fox leapt over the dog that was asleep.")
    except MissingExtra as error:
        pytest.skip(str(error))
    assert metric.function(sample(), FACTS["source"]) == pytest.approx(1.0, abs=1e-6)
    assert near > metric.function(sample(), "How do I repair my bicycle?") + 0.2
    assert metric.function(sample(), "") == 0.0


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official data is not beside the checkout")
def test_the_official_answers_score_as_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    def answers(name: str) -> list[Any]:
        lines = (OFFICIAL / f"{name}.jsonl").read_text("utf-8").split("\n")
        return [json.loads(line)["answer"] for line in lines if line.strip()]

    for row in answers("samsum"):
        assert rouge_l(row["summary"], row["summary"]) == 1.0
    pairs = [(one, row["text"]) for row in answers("chatgpt-paraphrases") for one in ast.literal_eval(row["examples"])]
    scores = [score(sample(source=source, references=[source]), one, LOCAL[3:]) for one, source in pairs]
    assert len(scores) == 500
    means = {name: sum(row[name] for row in scores) / len(scores) for name in LOCAL[3:]}
    with capsys.disabled():
        print("\nofficial paraphrases:", ", ".join(f"{name} {value:.3f}" for name, value in means.items()))
    assert 0.75 < means["one_minus_bleu"] < 1.0 and 0.3 < means["rouge_l"] < 0.7


def test_names_and_summaries() -> None:
    for name in LOCAL:
        assert METRICS.get(name).summary and resolve(name).name == name
    with pytest.raises(UserError, match="takes no options"):
        resolve("rouge_l:n=2")
