"""Every published layout: a random checkpoint, loaded, against the architecture written out in plain PyTorch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import layout_reference
import llada_reference
import numpy as np
import pytest
import torch
from layout_checkpoints import LAYOUT_NAMES, SPECIAL, config, save, shapes, write
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch, Ints
from parallelbench.errors import UserError
from parallelbench.models import load_model
from parallelbench.models.cards import CARDS
from parallelbench.models.layouts import LAYOUTS, layout_named
from parallelbench.schema import Prompt, Sample, Turn

PROMPT = Prompt(Sample("none", 1, 0, 0, (), "", {}), (), (), "")
BLOCK = {"sdar": 4, "sdar_moe": 4, "llada2": 32}
CARD = {
    "llada": "llada-8b-instruct", "dream": "dream-v0-instruct", "diffucoder": "diffucoder-7b-instruct",
    "sdar": "sdar-1.7b-chat", "sdar_moe": "sdar-30b-a3b-chat", "llada_moe": "llada-moe-7b-a1b-instruct",
    "llada2": "llada2.0-mini",
}  # fmt: skip


@pytest.fixture(scope="module", params=LAYOUT_NAMES)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(layout: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp(layout), layout)


@pytest.fixture(scope="module")
def model(folder: Path) -> Denoiser:
    return load_model(f"path:{folder}")


def forward(model: Denoiser, rows: list[Ints], width: int) -> list[Tensor]:
    """Logits of every position of every row, padded to `width`."""
    ids = np.full((len(rows), width), model.info.pad_id)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
    lengths = np.array([len(row) for row in rows])
    columns = np.concatenate([np.arange(length) for length in lengths])
    batch = ForwardBatch(ids, lengths, np.repeat(np.arange(len(rows)), lengths), columns, [PROMPT] * len(rows))
    with torch.inference_mode():
        return list(model.forward(batch).logits.split(lengths.tolist()))


def some_rows(model: Denoiser, lengths: tuple[int, ...]) -> list[Ints]:
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 256, length) for length in lengths]
    for row in rows:
        row[rng.random(len(row)) < 0.4] = model.info.mask_id
    return rows


def test_logits_equal_the_published_architecture(layout: str, folder: Path, model: Denoiser) -> None:
    rows = some_rows(model, (7, 41))
    for row, found in zip(rows, forward(model, rows, 48), strict=True):
        ids = torch.from_numpy(row)
        if layout == "llada":
            expected = llada_reference.logits(folder, ids)
        else:
            expected = layout_reference.logits(folder, ids, BLOCK.get(layout))
        if model.info.shift:
            expected = torch.cat([expected[:1], expected[:-1]])
        assert float(expected.std()) > 0.1
        assert float((found - expected).abs().max()) < 1e-5


def test_what_each_position_sees(layout: str, model: Denoiser) -> None:
    (row,) = some_rows(model, (40,))
    other = row.copy()
    other[37] = (row[37] + 1) % 256
    before, after = (forward(model, [ids], 48)[0] for ids in (row, other))
    changed = (before - after).abs().amax(1) > 1e-7
    blind = BLOCK.get(layout, 0) and 37 // BLOCK[layout] * BLOCK[layout]
    assert not changed[:blind].any() and changed[blind:].all()


def test_what_a_model_says_about_itself(layout: str, model: Denoiser) -> None:
    info, special = model.info, SPECIAL[layout]
    assert (info.card, info.layout) == (CARD[layout], "dream" if layout == "diffucoder" else layout)
    assert info.mask_id == next(at for token, at in special.items() if "mask" in token.lower())
    assert info.pad_id == special.get("<|dlm_pad|>", special["<|endoftext|>"]) and special["<|endoftext|>"] in info.end_ids
    assert info.shift == (layout in ("dream", "diffucoder")) and info.block == BLOCK.get(layout)
    assert info.attention == ("block_causal" if layout in BLOCK else "full")
    assert info.context_length == 4096 and info.hidden_size == 16 and info.licence


def test_parameters_that_a_token_passes_through(layout: str, folder: Path, model: Denoiser) -> None:
    used = 0.0
    for name, shape in shapes(layout):
        if any(part in name for part in ("wte", "embed", "lm_head", "transformer.ff_out", "expert_bias")):
            continue
        used += np.prod(shape) * (3 / 8 if ".experts." in name else 1)
    assert model.info.active_params == int(used)


def test_the_prompt_is_the_published_template(layout: str, model: Denoiser) -> None:
    ids, text = model.codec_for(PROMPT.sample).encode_chat([Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")])
    said = "<|im_start|>{}\n{}<|im_end|>\n"
    chat = said.format("user", "a") + said.format("assistant", "b") + said.format("user", "c") + "<|im_start|>assistant\n"
    system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    head = "<|start_header_id|>{}<|end_header_id|>\n\n"
    expected = {
        "llada": "<|startoftext|>" + "".join(
            head.format(role) + text + "<|eot_id|>" for role, text in (("user", "a"), ("assistant", "b"), ("user", "c"))
        ) + head.format("assistant"),
        "dream": system + chat, "diffucoder": system + chat, "sdar": chat, "sdar_moe": chat,
    }.get(layout, "<role>SYSTEM</role>detailed thinking off<|role_end|><role>HUMAN</role>a<|role_end|><role>ASSISTANT</role>b"
          "<|role_end|><role>HUMAN</role>c<|role_end|><role>ASSISTANT</role>")  # fmt: skip
    assert text == expected and model.codec_for(PROMPT.sample).decode(ids) == expected
    assert all(at in ids for token, at in SPECIAL[layout].items() if token in expected)


def test_a_tensor_that_is_missing_or_too_many_is_named(layout: str, folder: Path, tmp_path: Path) -> None:
    tensors = {name: w for path in folder.glob("*.safetensors") for name, w in load_file(path).items()}
    names = sorted(name for name in tensors if "layers.1." in name or "blocks.1." in name)
    for copy, change in (("less", "pop"), ("more", "add")):
        damaged = shutil.copytree(folder, tmp_path / copy)
        lost = names[0]
        less = {name: w for name, w in tensors.items() if name != lost}
        save(damaged, less if change == "pop" else tensors | {"stray": torch.ones(2)})
        with pytest.raises(UserError) as caught:
            load_model(f"path:{damaged}")
        message = str(caught.value)
        assert ("missing " in message if change == "pop" else "unexpected stray" in message) and str(damaged) in message


def test_every_layout_has_a_card_and_every_card_a_layout() -> None:
    assert {card.architecture for card in CARDS.values()} == set(LAYOUTS)
    assert all(layout_named([name]) == key for key, layout in LAYOUTS.items() for name in layout.names)
    published = [card.hub_id for card in CARDS.values() if card.hub_id]
    assert len(set(published)) == len(published)


def test_bfloat16_rotates_in_float32_as_llada_does(tmp_path: Path) -> None:
    folder = write(tmp_path, "llada")
    half, whole = load_model(f"path:{folder},dtype=bfloat16"), load_model(f"path:{folder}")
    angles = half._model.model.rotary_emb(torch.zeros(1, 3, 16, dtype=torch.bfloat16), torch.tensor([[0, 1, 4095]]))  # type: ignore[attr-defined]
    exact = whole._model.model.rotary_emb(torch.zeros(1, 3, 16), torch.tensor([[0, 1, 4095]]))  # type: ignore[attr-defined]
    assert all(torch.equal(a, b) for a, b in zip(angles, exact, strict=True))
    rows = some_rows(whole, (40,))
    found, expected = forward(half, rows, 48)[0], forward(whole, rows, 48)[0]
    assert found.dtype == torch.bfloat16 and float((found.float() - expected).abs().mean()) < 0.03 * float(expected.std())


def test_a_tokenizer_in_two_files_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, "dream")
    described = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    letters = {token: at for token, at in described["model"]["vocab"].items() if at < 256}
    filler = {f"word{at}": at for at in range(256, 151643)}
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(letters | filler), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    added = {at: {"content": f"<|extra{at}|>", "special": True} for at in range(151643, 151667)}
    added |= {at: {"content": token, "special": True} for token, at in SPECIAL["dream"].items()}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}), encoding="utf-8")
    model = load_model(f"path:{folder}")
    codec = model.codec_for(PROMPT.sample)
    assert model.info.mask_id == 151666 and model.info.vocab_size == 151667
    assert codec.decode(codec.encode("naïve <|mask|> 42")) == "naïve <|mask|> 42" and 151666 not in codec.encode("a<|mask|>")


def test_layers_may_be_spread_over_devices(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    folder = write(tmp_path, "sdar")
    whole, spread = load_model(f"path:{folder}"), load_model(f"path:{folder},device_map=auto")
    rows = some_rows(whole, (9,))
    assert torch.equal(forward(whole, rows, 16)[0], forward(spread, rows, 16)[0])


@pytest.mark.parametrize(
    ("layout", "change", "words"),
    [
        ("dream", {"architectures": ["OtherForCausalLM"]}, "is a OtherForCausalLM, which no native class computes here"),
        ("dream", {"architectures": None}, "names no architecture"),
        ("dream", {"rope_scaling": {"type": "yarn"}}, "has rope_scaling="),
        ("llada_moe", {"shared_expert_intermediate_size": 512}, "has shared_expert_intermediate_size=512"),
        ("sdar", {"num_attention_heads": 8}, "instead of (64, 16)"),
    ],
)  # fmt: skip
def test_a_config_that_no_class_here_computes_is_refused(
    layout: str, change: dict[str, object], words: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, layout)
    (folder / "config.json").write_text(json.dumps(config(layout) | change), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_model(f"path:{folder}")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_hub_name_without_a_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for spec, words in (("hf:nobody/nothing", "'nobody/nothing' is not in the local cache"), ("hf:a b", "'a b'")):
        with pytest.raises(UserError, match=words):
            load_model(spec)


def test_a_special_token_at_another_id_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, "dream")
    moved = Tokenizer.from_file(str(folder / "tokenizer.json")).to_str().replace("151666", "151660")
    (folder / "tokenizer.json").write_text(moved, encoding="utf-8")
    with pytest.raises(UserError, match="at id 151660, but dream-v0-instruct models at 151666"):
        load_model(f"path:{folder},card=dream-v0-instruct")
