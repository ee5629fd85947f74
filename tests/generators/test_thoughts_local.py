"""Thoughts of models on this machine, from weights to what is stored: an autoregressive model and a denoiser."""  # fault 14

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_model
import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from parallelbench.api import run
from parallelbench.runs.folder import read_run
from parallelbench.tasks import load_task
from thinned import thinned

TASK = "waiting_line/copy:lengths=[2],max_new_tokens=48"
WRONG = '["Nobody", "At All"]'


def stored(out: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each record with its trace."""
    (path,) = out.glob("cells/*/records.jsonl")
    data = path.with_name("traces.jsonl").read_bytes()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row, json.loads(data[row["trace"]["offset"] :][: row["trace"]["size"]])) for row in rows]


def chain(folder: Path, pieces: list[str]) -> Path:
    """A checkpoint of which each token predicts the piece behind it: it writes the pieces in order and then ends."""
    words = ["<end>", "[assistant]", *pieces]
    vocabulary = {word: number for number, word in enumerate([*words, "<unknown>"])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    shapes = "|".join(sorted((word.replace("[", r"\[").replace("]", r"\]") for word in words), key=len, reverse=True))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(f"{shapes}|."), "isolated")
    raw.decoder = decoders.Fuse()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<end>", unk_token="<unknown>")
    wrapped.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}[assistant]"
    wrapped.save_pretrained(folder)
    size = 32
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=size, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=4096, eos_token_id=0, pad_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.fill_(1.0 if "norm" in name else 0.0)
        network.model.embed_tokens.weight.copy_(torch.eye(len(vocabulary), size))
        for token, behind in zip(range(1, len(words)), [*range(2, len(words)), 0], strict=True):
            network.lm_head.weight[behind, token] = 10.0
    network.save_pretrained(folder, safe_serialization=True)
    return folder


def answer() -> str:
    """The right answer of the one sample that a limit of 1 takes."""
    task = load_task(TASK)
    return task.sample(0, task.order(0)[0]).answer


@pytest.mark.parametrize(
    ("pieces", "thought", "right"),
    thinned(
        [
            (["<think>", f"is it {WRONG}", "</think>", "{answer}"], f"is it {WRONG}", True),
            (["<think>", "it is {answer}"], "it is {answer}", False),
            (["<think>", "it is {answer}", "</think>", WRONG], "it is {answer}", False),
            (["◁think▷", "well", "◁/think▷", "{answer}"], "well", True),
            (["{answer}"], None, True),
        ],
        2,
    ),
    ids=["closed", "open", "right in the thought only", "in another notation", "none"],
)
def test_an_autoregressive_model_is_graded_without_its_thought(
    pieces: list[str], thought: str | None, right: bool, tmp_path: Path
) -> None:
    texts = [piece.replace("{answer}", answer()) for piece in pieces]
    folder = chain(tmp_path / "model", texts)
    run(f"ar:path={folder},max_tokens=16", TASK, limit=1, out=tmp_path / "out")
    ((record, trace),) = stored(tmp_path / "out")
    assert "".join(trace["pieces"]) == "".join([*texts, "<end>"]), "the whole output is kept"
    assert trace["thought"] == (None if thought is None else thought.replace("{answer}", answer()))
    assert record["scores"]["list_exact"] == float(right) and "think" not in record["text"]
    assert record["text"] == (answer() if right else WRONG if WRONG in texts else "")
    assert record["nfe"] == len(texts) + 1, "each token of a thought costs a forward"
    cell = read_run(tmp_path / "out").cells[0]
    assert cell.folders[0].trace(cell.records()[0][1]).thought == trace["thought"]


class Thinking(fake_model.FakeDenoiser):
    """Writes a thought before the right answer."""

    thought = ""

    def forward(self, batch: Any) -> Any:
        found = super().forward(batch)
        for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
            prompt = batch.prompts[row]
            whole = self.codec.encode(self.thought.replace("{answer}", prompt.sample.answer) + prompt.sample.answer)
            place = int(column) - len(prompt.ids)
            found.logits[at] = 0.0
            found.logits[at, whole[place] if place < len(whole) else 1] = 20.0
        return found


@pytest.mark.parametrize("decoder", ["confidence:k=4", "threshold:gamma=0.5", "rcr:k=4"])
@pytest.mark.parametrize(
    ("thought", "kept", "right"),
    [
        ("<think>hm</think>", "hm", True),
        ("<think>", None, False),
        ("hm</think>", "hm", True),
        ("[THINK]x[/THINK]", "x", True),
        ("", None, True),
    ],
)
def test_a_denoiser_is_graded_without_its_thought(
    decoder: str, thought: str, kept: str | None, right: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Thinking, "thought", thought)
    monkeypatch.setattr(fake_model, "FakeDenoiser", Thinking)
    run("fake:errors=0.0", TASK, decoder, limit=2, out=tmp_path / "out")
    for record, trace in stored(tmp_path / "out"):
        right_answer = load_task(TASK).sample(0, record["index"]).answer
        assert "".join(trace["pieces"]).startswith(thought + right_answer), "the canvas is kept as it was decoded"
        assert record["scores"]["list_exact"] == float(right) and record["text"] == (right_answer if right else "")
        assert trace["thought"] == (right_answer if thought == "<think>" else kept)
