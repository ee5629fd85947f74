"""DiffusionGemma through its own loop: a small random checkpoint, every forward counted twice."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from parallelbench.api import run
from parallelbench.contracts.generator import Reply, Request
from parallelbench.errors import UserError
from parallelbench.models import load_any, load_model
from parallelbench.models.generators.diffusion_gemma import DiffusionGemma
from parallelbench.tasks import load_task
from parallelbench.training.tokenizer import END, PAD

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# transformers' loop marks its steps for CUDA graphs, and what torch imports for that is deprecated by torch itself
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")

BLOCK = 8
SEEN = {"dtype": "float32", "max_tokens": "20", "steps": "6"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """Two layers (the first with a window), four experts of which two are active, a tiny eye that is never used."""
    from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, DiffusionGemmaTextConfig

    folder = tmp_path_factory.mktemp("gemma")
    ids = {"eos_token_id": tokenizer.token_to_id(END), "pad_token_id": tokenizer.token_to_id(PAD), "bos_token_id": None}
    text = DiffusionGemmaTextConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, global_head_dim=16, max_position_embeddings=512,
        sliding_window=16, layer_types=["sliding_attention", "full_attention"], num_experts=4, top_k_experts=2,
        moe_intermediate_size=16, **ids,
    )  # fmt: skip
    eye = {"model_type": "gemma4_vision", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    eye |= {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "position_embedding_size": 16}
    torch.manual_seed(0)
    model = DiffusionGemmaForBlockDiffusion(DiffusionGemmaConfig(text_config=text, vision_config=eye, canvas_length=BLOCK))
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD).save_pretrained(folder)
    return folder


def load(folder: Path, **options: str) -> DiffusionGemma:
    loaded = load_any(",".join([f"diffusion-gemma:path={folder}", *(f"{k}={v}" for k, v in {**SEEN, **options}.items())]))
    assert isinstance(loaded, DiffusionGemma)
    return loaded


def requests(count: int, tokens: int = 20) -> list[Request]:
    task = load_task("waiting_line/copy:lengths=[3,6]")
    return [Request(task.sample(0, index, 0), tokens) for index in range(count)]


def answers(model: DiffusionGemma, count: int, seed: int = 0, batch: int = 4) -> dict[str, Reply]:
    return {reply.sample.id: reply for reply in model.generate(requests(count), seed, batch)}


def count_calls(model: DiffusionGemma) -> Counter[str]:
    """Count calls of the two networks themselves, and the query tokens of each."""
    calls: Counter[str] = Counter()
    networks = {"denoise": model._model.model.decoder, "kv_store": model._model.model.encoder.language_model}

    def look(role: str) -> Any:
        def hook(module: Any, given: Any, named: dict[str, Any], made: Any) -> None:
            calls[role] += 1
            calls["q_tokens"] += made.last_hidden_state.shape[1]

        return hook

    for role, network in networks.items():
        network.register_forward_hook(look(role), with_kwargs=True)
    return calls


@pytest.mark.parametrize(
    "options",
    [{}, {"stability": "0", "confidence": "100"}, {"confidence": "100", "steps": "16"}, {"block": "5"}, {"steps": "1"}],
)
def test_every_forward_is_counted_and_no_other(folder: Path, options: dict[str, str]) -> None:
    model = load(folder, **options)
    calls = count_calls(model)
    for request in requests(2):
        calls.clear()
        (reply,) = model.generate([request])
        assert reply.ledger is not None
        assert dict(reply.ledger.nfe) == {"denoise": calls["denoise"], "kv_store": calls["kv_store"]}
        assert (reply.ledger.rows, reply.ledger.q_tokens) == (reply.steps, calls["q_tokens"])
        assert reply.steps == calls["denoise"] + calls["kv_store"] and len(reply.ledger.history) == calls["denoise"]


def test_the_history_ends_in_the_answer(folder: Path) -> None:
    for reply in answers(load(folder), 4).values():
        assert reply.ledger is not None
        board: dict[int, int] = {}
        for writes in reply.ledger.history:
            for place, token, confidence, action in writes:
                assert (action == "edit") == (place in board) and confidence is not None and 0 < confidence <= 1
                assert board.get(place) != token
                board[place] = token
        assert tuple(board[place] for place in range(len(board))) == reply.token_ids


def test_the_account_is_that_of_an_encoder_and_a_decoder(folder: Path) -> None:
    """Blocks of 8 for 20 tokens: three, the first two encoded too; one step each, so no logits are fed back."""
    model = load(folder, steps="1")
    reply = next(reply for reply in answers(model, 4).values() if reply.finish == "length")
    p = reply.prompt_tokens
    assert reply.ledger is not None and p is not None and reply.tokens == 20
    ledger, encoded = reply.ledger, p + 2 * BLOCK
    assert (ledger.nfe, ledger.q_tokens) == ({"denoise": 3, "kv_store": 3}, encoded + 3 * BLOCK)
    assert ledger.kv_tokens == sum(range(1, encoded + 1)) + sum(BLOCK * (p + i * BLOCK) for i in (1, 2, 3))
    attention, mlp, expert, router = 2 * 32 * 32 + 32 * 16, 3 * 32 * 24, 3 * 32 * 16, 4 * 32 + 32 + 4
    norms, values = 7 * 32 + 2 * 16, 32 * 16  # a layer with full attention has no projection for values
    active = 2 * (attention + mlp + 2 * expert + router + norms) + values
    vocabulary = model._model.lm_head.weight.numel()
    expected = 2 * active * ledger.q_tokens + 2 * (3 * 32 * 24 + 32) * 3 * BLOCK
    assert ledger.flops == expected + 4 * 2 * 32 * ledger.kv_tokens + 2 * vocabulary * 3 * BLOCK


def test_more_steps_are_more_forwards_until_the_block_stands_still(folder: Path) -> None:
    spent = [sum(reply.steps or 0 for reply in answers(load(folder, steps=str(n)), 3).values()) for n in (1, 2, 4, 8)]
    assert spent == sorted(spent) and spent[0] < spent[-1]
    eager = load(folder, stability="0", confidence="100")
    assert all(r.ledger is not None and r.ledger.nfe["denoise"] == r.ledger.nfe["kv_store"] for r in answers(eager, 3).values())


@pytest.mark.parametrize("options", [{"entropy_bound": "100"}, {"t_max": "3"}, {"t_min": "0.05"}])
def test_a_setting_changes_what_is_denoised(folder: Path, options: dict[str, str]) -> None:
    plain, set_otherwise = (answers(load(folder, **given), 2) for given in ({}, options))
    assert any(set_otherwise[name].token_ids != plain[name].token_ids for name in plain)


def test_an_answer_follows_from_seed_and_sample_alone(folder: Path) -> None:
    model = load(folder)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    together = answers(model, 4, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    (alone,) = model.generate(requests(4)[3:], 1, 1)
    assert alone.token_ids == together[alone.sample.id].token_ids and alone.ledger == together[alone.sample.id].ledger
    other = answers(model, 4, seed=2)
    assert any(other[name].token_ids != together[name].token_ids for name in other)


def test_it_is_the_classes_own_answer(folder: Path) -> None:
    """Asked directly, with the defaults of the class, the same stream gives the same tokens."""
    from transformers import DiffusionGemmaForBlockDiffusion

    from parallelbench.rng import digest

    model = load(folder, steps="null", max_tokens="8")
    (request,) = requests(1, 8)
    (reply,) = model.generate([request])
    ids = AutoTokenizer.from_pretrained(folder).encode(reply.prompt, add_special_tokens=False, return_tensors="pt")
    assert ids.shape[1] == reply.prompt_tokens
    torch.manual_seed(digest("diffusion_gemma", 0, request.sample.id) >> 1)
    direct = DiffusionGemmaForBlockDiffusion.from_pretrained(folder).generate(ids, max_new_tokens=8)
    assert direct.sequences[0, ids.shape[1] :].tolist()[: reply.tokens] == list(reply.token_ids)
    assert reply.tokens is not None and reply.ledger is not None
    assert float(direct.tokens_per_forward[0]) == pytest.approx(reply.tokens / reply.ledger.nfe["denoise"])


def test_settings_come_from_the_options_the_checkpoint_and_the_class(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    sampler = {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.3}
    published = {"t_max": 0.9, "sampler_config": sampler, "eos_token_id": [5, 6], "max_new_tokens": 4, "max_length": 5}
    (copy / "generation_config.json").write_text(json.dumps(published))
    plain, own = load(folder, steps="null"), load(copy, steps="null", t_min="0.7")
    assert plain.info.decoder == "builtin:entropy_bound=0.1,steps=48,t_min=0.4,t_max=0.8,stability=1,confidence=0.005,block=8"
    assert own.info.decoder == "builtin:entropy_bound=0.3,steps=48,t_min=0.7,t_max=0.9,stability=1,confidence=0.005,block=8"
    assert own._special.ends == (5, 6) and own.info.name == "copy" and own.info.dtype == "float32"
    (reply,) = load(copy, steps="1", max_tokens="256").generate(requests(1, 256))
    assert (reply.tokens or 0) > 5, "limits in generation_config.json do not count"


def test_an_end_token_ends_the_answer(folder: Path) -> None:
    model = load(folder)
    (whole,) = model.generate(requests(1))
    special = model._special
    model._special = type(special)((whole.token_ids[10],), special.pad, special.vocabulary)
    (cut,) = model.generate(requests(1))
    content = whole.token_ids.index(whole.token_ids[10])
    assert cut.token_ids == whole.token_ids[: content + 1] and cut.finish == "stop" and cut.content_tokens == content
    assert cut.ledger is not None and cut.ledger.nfe["kv_store"] == content // BLOCK + 1


def test_its_records_stand_beside_those_of_others(folder: Path, tmp_path: Path) -> None:
    spec = f"diffusion-gemma:path={folder},dtype=float32,max_tokens=20,steps=2"
    results = run(spec, "waiting_line/copy:lengths=[3]", limit=2, out=tmp_path)
    rows = [json.loads(line) for line in next(tmp_path.glob("cells/*/records.jsonl")).read_text().splitlines()]
    traces = [json.loads(line) for line in next(tmp_path.glob("cells/*/traces.jsonl")).read_text().splitlines()]
    for row, trace in zip(rows, traces, strict=True):
        assert row["nfe"] == sum(row["costs"]["nfe"].values()) and set(row["costs"]["nfe"]) == {"denoise", "kv_store"}
        assert row["tokens_per_step"] == len(trace["token_ids"]) / row["nfe"]
        assert row["reported"]["finish"] in (
            "stop",
            "length",
        )
        assert "".join(trace["pieces"]).startswith(row["text"]) and row["costs"]["flops"] > 0
    assert len(rows) == 2 and results.rows[0].nfe == sum(row["nfe"] for row in rows) / 2


def test_what_cannot_run_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"takes \d+ prompt and up to 600 answer tokens in blocks of 8, but .* reads 512; use"):
        list(load(folder).generate(requests(1, 600)))
    with pytest.raises(UserError, match="there is no checkpoint folder '/nowhere'; write diffusion-gemma:path=DIR"):
        load(Path("/nowhere"))
    with pytest.raises(UserError, match="has no key 'entropy'; did you mean 'entropy_bound'"):
        load(folder, entropy="0.1")
    with pytest.raises(UserError, match=r"t_max=0\.8 is not above t_min=0\.9; write both"):
        load(folder, t_min="0.9")
    with pytest.raises(UserError, match="decodes in its own way"):
        load_model(f"diffusion-gemma:path={folder},dtype=float32")
    copy = shutil.copytree(folder, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    gone = "model.decoder.self_conditioning.up_proj.weight"
    save_file({name: tensor for name, tensor in weights.items() if name != gone}, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=f"lacks weights .{gone}; 1 in all"):
        load(copy)
    (copy / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(UserError, match=r"is damaged .*; copy it again"):
        load(copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no \.safetensors file"):
        load(copy)
    (copy / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"holds no tokenizer\.json"):
        load(copy)
    described = json.loads((folder / "config.json").read_text())
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text(json.dumps({**described, "model_type": "llama"}))
    with pytest.raises(UserError, match="is a llama model and not diffusion_gemma"):
        load(tmp_path / "other")
