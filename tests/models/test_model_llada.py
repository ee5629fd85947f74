"""The loader and the forward: against transformers, and against the architecture written out in plain PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import llada_reference
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch, Ints
from parallelbench.models import load_model
from parallelbench.models.checkpoint import rename, save_llada
from parallelbench.models.layouts import LLADA_RENAMES
from parallelbench.schema import Prompt, Sample

VARIANTS = [{"tied": True}, {"tied": False}, {"tied": False, "kv_heads": 1, "layers": 3}]
LENGTHS = (5, 16, 11, 30)
PROMPT = Prompt(Sample("none", 1, 0, 0, (), "", {}), (), (), "")


@pytest.fixture(scope="module", params=VARIANTS, ids=["tied", "untied", "grouped"])
def folder(request, make_checkpoint, tmp_path_factory) -> Path:  # type: ignore[no-untyped-def]
    made: Path = make_checkpoint(tmp_path_factory.mktemp("model"), seed=4, scale=0.2, **request.param)
    return made


def rows_of(model: Denoiser, lengths: tuple[int, ...] = LENGTHS) -> list[Ints]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, model.info.vocab_size, length) for length in lengths]


def forward(model: Denoiser, rows: list[Ints], width: int, pad: int | None = None) -> list[Tensor]:
    """Logits of every position of every row, padded to `width`."""
    ids = np.full((len(rows), width), model.info.pad_id if pad is None else pad)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
    lengths = np.array([len(row) for row in rows])
    asked = np.repeat(np.arange(len(rows)), lengths)
    columns = np.concatenate([np.arange(length) for length in lengths])
    with torch.inference_mode():
        out = model.forward(ForwardBatch(ids, lengths, asked, columns, [PROMPT] * len(rows))).logits
    return list(out.split(lengths.tolist()))


def test_logits_equal_the_published_architecture(folder: Path) -> None:
    model = load_model(f"path:{folder}")
    rows = rows_of(model)
    padded = forward(model, rows, 48)
    for row, found in zip(rows, padded, strict=True):
        expected = llada_reference.logits(folder, torch.from_numpy(row))
        (alone,) = forward(model, [row], len(row))
        assert float((alone - expected).abs().max()) < 1e-5
        assert float((found - expected).abs().max()) < 1e-5
    assert float(expected.std()) > 0.1  # the comparison is of something


def test_a_saved_model_comes_back_with_the_same_logits(tmp_path: Path, tokenizer, tied: bool = False) -> None:  # type: ignore[no-untyped-def]
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-6, rope_theta=500_000.0, tie_word_embeddings=tied,
    )  # fmt: skip
    config.is_causal = False
    torch.manual_seed(0)
    original = LlamaForCausalLM(config).eval()
    save_llada(tmp_path, original, tokenizer)
    model = load_model(f"path:{tmp_path}")
    for row, found in zip(rows_of(model), forward(model, rows_of(model), 32), strict=True):
        with torch.inference_mode():
            expected = original(input_ids=torch.from_numpy(row)[None]).logits[0]
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_the_files_have_the_published_names(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert {"d_model", "n_layers", "mlp_hidden_size", "weight_tying", "embedding_size", "rope_theta"} <= set(config)
    names = set(load_file(folder / "model.safetensors"))
    assert {f"model.transformer.{name}.weight" for name in ("wte", "ln_f", "blocks.0.q_proj", "blocks.1.ff_out")} <= names
    assert ("model.transformer.ff_out.weight" in names) is not config["weight_tying"]
    assert all(rename(name, LLADA_RENAMES) != name for name in names)
    assert len({rename(name, LLADA_RENAMES) for name in names}) == len(names)


def test_attention_looks_both_ways(random_model: Denoiser) -> None:
    (row,) = rows_of(random_model, (12,))
    other = row.copy()
    other[9] = (row[9] + 1) % random_model.info.vocab_size
    before, after = (forward(random_model, [ids], 16)[0] for ids in (row, other))
    changed = (before - after).abs().amax(1) > 1e-4
    assert changed.all()


@pytest.mark.parametrize("pad", [0, 7])
def test_padding_and_neighbours_change_nothing(random_model: Denoiser, pad: int) -> None:
    rows = rows_of(random_model)
    together = forward(random_model, rows, 32, pad)
    for row, found in zip(rows, together, strict=True):
        torch.testing.assert_close(forward(random_model, [row], 64)[0], found, atol=1e-5, rtol=0)
        assert torch.equal(forward(random_model, [row], 32)[0], found)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_a_row_has_the_same_bits_in_any_batch_with_any_number_of_threads(random_model: Denoiser, threads: int) -> None:
    rows = rows_of(random_model, tuple(range(80, 111)))  # enough for five shares of work, which do not come out even
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        alone = [forward(random_model, [row], 112)[0] for row in rows]
        for count in (2, 7, 26, 31):
            assert all(torch.equal(a, b) for a, b in zip(alone, forward(random_model, rows[:count], 112), strict=False))
    finally:
        torch.set_num_threads(before)


def test_only_the_asked_positions_are_answered_in_the_order_asked(random_model: Denoiser) -> None:
    first, second = rows_of(random_model, (9, 6))
    full = forward(random_model, [first, second], 16)
    ids = np.zeros((2, 16), dtype=np.int64)
    ids[0, :9], ids[1, :6] = first, second
    asked = ForwardBatch(ids, np.array([9, 6]), np.array([0, 0, 1]), np.array([8, 2, 5]), [PROMPT] * 2)
    with torch.inference_mode():
        found = random_model.forward(asked).logits
    assert found.shape == (3, random_model.info.vocab_size)
    torch.testing.assert_close(found, torch.stack([full[0][8], full[0][2], full[1][5]]), atol=1e-6, rtol=0)


def test_what_a_model_says_about_itself(folder: Path) -> None:
    model = load_model(f"path:{folder}")
    info, config = model.info, json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = load_file(folder / "model.safetensors")
    inside = sum(w.numel() for name, w in weights.items() if ".blocks." in name or ".ln_f." in name)
    assert (info.active_params, info.head_params) == (inside, config["embedding_size"] * config["d_model"])
    assert (info.hidden_size, info.layers, info.context_length) == (config["d_model"], config["n_layers"], 512)
    assert (info.pad_id, info.mask_id, info.end_ids, info.attention, info.block) == (0, 1, (2,), "full", None)
    assert (info.name, info.card, info.dtype, info.device) == (folder.name, "tiny", "float32", "cpu")
    assert len(info.revision) == 12


def test_the_revision_names_the_weights(tmp_path: Path, make_checkpoint) -> None:  # type: ignore[no-untyped-def]
    one, same, other = (make_checkpoint(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    revisions = [load_model(f"path:{folder}").info.revision for folder in (one, same, other)]
    assert revisions[0] == revisions[1] != revisions[2]


def test_bfloat16_is_close_and_says_so(random_checkpoint: Path, random_model: Denoiser) -> None:
    half = load_model(f"path:{random_checkpoint},dtype=bfloat16")
    rows = rows_of(random_model, (12,))
    found, exact = forward(half, rows, 16)[0], forward(random_model, rows, 16)[0]
    assert half.info.dtype == "bfloat16" and found.dtype == torch.bfloat16
    assert float((found.float() - exact).abs().mean()) < 0.1 * float(exact.abs().mean())


def test_shards_are_read_by_their_index(random_checkpoint: Path, random_model: Denoiser, tmp_path: Path) -> None:
    split(random_checkpoint, tmp_path)
    rows = rows_of(random_model)
    for found, expected in zip(forward(load_model(f"path:{tmp_path}"), rows, 32), forward(random_model, rows, 32), strict=True):
        assert torch.equal(found, expected)


def split(source: Path, folder: Path) -> None:
    """Write a checkpoint in two shards with an index."""
    weights = load_file(source / "model.safetensors")
    names = sorted(weights)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for part, own in parts.items():
        save_file({name: weights[name] for name in own}, folder / part)
    index = {"metadata": {}, "weight_map": {name: part for part, own in parts.items() for name in own}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes((source / name).read_bytes())
