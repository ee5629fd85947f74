"""Autoregressive models on this machine: trained, saved, loaded, decoded and accounted for."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from parallelbench.api import run
from parallelbench.contracts.generator import Generator, Reply, Request
from parallelbench.errors import UserError
from parallelbench.models import load_any
from parallelbench.tasks import load_task
from parallelbench.training.causal import answer_loss, new_model, train
from parallelbench.training.data import Batch
from parallelbench.training.recipes import CAUSAL_RECIPES
from parallelbench.training.stages import Recipe

RECIPE = Recipe(steps=3, warmup=1, hidden_size=96, layers=2, heads=3, mlp_size=32, threads=1)
COPY = "waiting_line/copy:lengths=[3],max_new_tokens=12"


@pytest.fixture(scope="module", autouse=True)
def small_batches() -> Iterator[None]:
    """Train on few rows a step, and with the words of few samples."""
    whole = CAUSAL_RECIPES["tiny-ar"]
    stages = tuple(replace(one, mixture=tuple(replace(group, batch=6) for group in one.mixture)) for one in whole.stages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CAUSAL_RECIPES, "tiny-ar", replace(whole, stages=stages, samples_per_task=10))
        yield


def run_training(folder: Path, say: Callable[[str], None] = lambda line: None) -> Path:
    return train(folder, RECIPE, every=1, say=say)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_training(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Generator:
    return generator(f"ar:path={folder},card=tiny,max_tokens=null")


def generator(spec: str) -> Generator:
    loaded = load_any(spec)
    assert isinstance(loaded, Generator)
    return loaded


def requests(count: int, tokens: int = 12) -> list[Request]:
    task = load_task("waiting_line/copy:lengths=[3,6]")
    return [Request(task.sample(0, index, 0), tokens) for index in range(count)]


def answers(model: Generator, batch: int, seed: int = 0) -> dict[str, Reply]:
    return {reply.sample.id: reply for reply in model.generate(requests(5), seed, batch)}


def test_a_step_is_the_argmax_of_the_whole_sequence_before_it(folder: Path, model: Generator) -> None:
    plain = AutoModelForCausalLM.from_pretrained(folder)
    (reply,) = model.generate(requests(1))
    prompt = torch.tensor(plain_prompt(folder, reply.prompt))
    for place, token in enumerate(reply.token_ids):
        seen = torch.cat([prompt, torch.tensor(reply.token_ids[:place], dtype=torch.long)])
        with torch.inference_mode():
            p = plain(seen[None]).logits[0, -1].softmax(-1)
        assert int(p.argmax()) == token
        assert reply.ledger is not None
        assert reply.ledger.history[place] == ((place, token, pytest.approx(float(p[token]), rel=1e-4), "commit"),)


def plain_prompt(folder: Path, text: str) -> list[int]:
    """The prompt's ids, filled up to a multiple of 64 with padding before the last."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return [*ids[:-1], *[tokenizer.pad_token_id] * (-len(ids) % 64), ids[-1]]


def test_the_batch_changes_no_answer_and_neither_do_draws(model: Generator, folder: Path) -> None:
    drawn = generator(f"ar:path={folder},card=tiny,max_tokens=null,temperature=1.0,top_p=0.9")
    assert drawn.info.decoder == "builtin:temperature=1.0,top_p=0.9" and model.info.decoder == "builtin:temperature=0.0"
    for one in (model, drawn):
        alone, together = answers(one, 1), answers(one, 5)
        assert {name: reply.token_ids for name, reply in alone.items()} == {n: r.token_ids for n, r in together.items()}
    first, second = answers(drawn, 5, seed=1), answers(drawn, 5, seed=2)
    assert any(first[name].token_ids != second[name].token_ids for name in first)


def test_draws_follow_the_distribution_and_stay_in_the_nucleus() -> None:
    from parallelbench.models.generators.autoregressive import Draw
    from parallelbench.rng import Draws

    logits = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.9]).log().repeat(4000, 1)
    draws = [Draws("test", row) for row in range(len(logits))]
    for top_p, expected in ((1.0, [0.5, 0.3, 0.15, 0.05]), (0.7, [0.625, 0.375, 0.0, 0.0])):
        draw = Draw(1.0, top_p, 4, draws)
        chosen = draw(torch.empty(0), logits).argmax(-1)
        shares = torch.bincount(chosen, minlength=5).double() / len(chosen)
        assert shares.tolist() == pytest.approx([*expected, 0.0], abs=0.03)
        assert torch.allclose(draw.confidence[0], torch.tensor([0.5, 0.3, 0.15, 0.05])[chosen])


def test_the_account_of_a_cached_decode(model: Generator) -> None:
    (reply,) = model.generate(requests(1))
    assert reply.ledger is not None and reply.tokens is not None
    n, p = reply.tokens, 64
    query = p + n - 1
    ledger = reply.ledger
    assert (ledger.nfe, ledger.rows, ledger.q_tokens) == ({"decode": n}, n, query)
    assert ledger.kv_tokens == sum(range(1, query + 1))
    layers = 3  # two, and the one that a later stage puts on top
    inner = layers * (4 * 96 * 96 + 3 * 96 * 32 + 2 * 96) + 96
    vocabulary = model.details()["parameters"] - inner
    assert ledger.flops == 2 * inner * query + 4 * 96 * layers * ledger.kv_tokens + 2 * vocabulary * n


def test_an_answer_ends_before_its_end_token_and_says_when_it_was_cut(folder: Path, tmp_path: Path) -> None:
    results = run(f"ar:path={folder},card=tiny,max_tokens=null", COPY, limit=3, out=tmp_path / "out")
    row = json.loads(next(tmp_path.glob("out/cells/*/records.jsonl")).read_text().splitlines()[0])
    trace = json.loads(next(tmp_path.glob("out/cells/*/traces.jsonl")).read_text().splitlines()[0])
    assert row["nfe"] == len(trace["token_ids"]) == 12 and row["tokens_per_step"] == 1.0
    assert row["costs"]["flags"] == ["truncated"] and row["reported"]["finish"] == "length"
    assert row["order"]["kendall_tau"] == 1.0 and "".join(trace["pieces"]) == row["text"]
    assert results.rows[0].tokens_per_step == 1.0
    eager = generator(f"ar:path={folder},card=tiny,max_tokens=null")
    special = eager._special  # type: ignore[attr-defined]
    eager._special = type(special)((*special.ends, trace["token_ids"][2]), special.pad, special.vocabulary)  # type: ignore[attr-defined]
    (reply,) = eager.generate(requests(1))
    made = list(reply.token_ids)
    assert made[-1] == trace["token_ids"][2] not in made[:-1] and len(made) <= 3
    assert (reply.tokens, reply.content_tokens, reply.finish) == (len(made), len(made) - 1, "stop")


def test_a_plain_checkpoint_is_asked_through_its_chat_template(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.glob("*"):
        if path.suffix in (".json", ".safetensors"):
            (copy / path.name).write_bytes(path.read_bytes())
    plain = generator(f"ar:path={copy},max_tokens=4")
    sample = load_task("waiting_line/copy:shots=1").sample(0, 0)
    assert (plain.info.template, plain.info.shots, plain.info.max_tokens) == ("none", None, 4)
    assert plain.prompt(sample) == "\n\n".join(turn.text for turn in sample.turns) + "\n\n"
    described = json.loads((copy / "tokenizer_config.json").read_text())
    described["chat_template"] = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    (copy / "tokenizer_config.json").write_text(json.dumps(described))
    chat = generator(f"ar:path={copy},max_tokens=4")
    assert (
        chat.info.template == "chat"
        and chat.prompt(sample).startswith("[user]")
        and chat.prompt(sample).endswith("[assistant]")
    )
    (reply,) = chat.generate([Request(sample, 4)])
    assert reply.tokens == 4 and chat.info.name == "copy"


def test_what_cannot_run_is_one_sentence(folder: Path, tmp_path: Path, model: Generator) -> None:
    with pytest.raises(UserError, match=r"64 prompt and up to 4000 answer tokens, but .* reads 2048"):
        list(model.generate([Request(requests(1)[0].sample, 4000)]))
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match="holds no tokenizer"):
        load_any(f"ar:path={strange}")
    shutil.copy(folder / "tokenizer.json", strange)
    (strange / "config.json").write_text(json.dumps({"model_type": "mystery", "auto_map": {"AutoModelForCausalLM": "x.Y"}}))
    with pytest.raises(UserError, match=r"mystery.*remote code is not run"):
        load_any(f"ar:path={strange}")
    with pytest.raises(UserError, match="unknown model card 'tinny'; did you mean 'tiny'"):
        load_any(f"ar:path={folder},card=tinny")


def test_weights_that_lack_a_tensor_or_may_run_code_are_refused(folder: Path, tmp_path: Path) -> None:
    torn = Path(shutil.copytree(folder, tmp_path / "torn"))
    tensors = load_file(torn / "model.safetensors")
    lost = next(name for name in tensors if "layers.1" in name)
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, torn / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=rf"lacks weights .{lost}; 1 in all"):
        load_any(f"ar:path={torn},card=tiny")
    save_file({**tensors, "model.layers.7.extra": tensors[lost].clone()}, torn / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"no place for .model.layers.7.extra; 1 in all"):
        load_any(f"ar:path={torn},card=tiny")
    (torn / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(UserError, match="is damaged"):
        load_any(f"ar:path={torn},card=tiny")
    coded = Path(shutil.copytree(folder, tmp_path / "coded"))
    (coded / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}))
    (coded / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    assert load_any(f"ar:path={coded},card=tiny,max_tokens=null").info.template == "tiny"
    with pytest.raises(UserError, match=r"the tokenizer .* cannot be read"):
        load_any(f"ar:path={coded}")
    assert not (tmp_path / "ran").exists()
    pickled = Path(shutil.copytree(folder, tmp_path / "pickled"))
    (pickled / "model.safetensors").unlink()
    torch.save(tensors, pickled / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        load_any(f"ar:path={pickled},card=tiny")


def test_the_loss_is_that_of_the_answer_and_its_first_end() -> None:
    """Two prompt tokens, then a canvas a b END END: the second END and the prompt are not trained on."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config())
    ids = torch.tensor([[5, 6, 7, 8, 2, 2]])
    free = torch.ones(1, 4, dtype=torch.bool)
    batch = Batch(ids, torch.ones_like(ids, dtype=torch.bool), torch.arange(2, 6)[None], free, masked=free)
    p = model(ids).logits[0].log_softmax(-1)
    expected = -(p[1, 7] + p[2, 8] + p[3, 2]) / 3
    assert float(answer_loss(model, batch, 2).detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def tiny_config() -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)


def test_the_model_is_causal_and_an_interruption_leaves_no_trace(folder: Path, tmp_path: Path) -> None:
    plain = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        assert torch.allclose(plain(ids).logits[:, :2], plain(ids[:, :2]).logits, atol=1e-5)
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, interrupt)
    run_training(tmp_path)
    expected, found = (load_file(one / "model.safetensors") for one in (folder, tmp_path))
    assert expected.keys() == found.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def test_it_has_the_size_of_its_sibling(tokenizer: Any) -> None:
    from parallelbench.training import tiny
    from parallelbench.training.tokenizer import ASSISTANT

    sibling = tiny.new_model(RECIPE, tokenizer.get_vocab_size(), tokenizer.token_to_id(ASSISTANT))
    assert new_model(RECIPE, tokenizer).num_parameters() == sibling.num_parameters()


def test_vllm_gets_the_prompts_tokens_and_every_token_is_a_forward(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a stand-in with vLLM's interface: what it is made with, what it is sent, what is kept."""
    sent: list[Any] = []

    class LLM:
        def __init__(self, **options: Any) -> None:
            sent.append(options)

        def generate(self, prompts: list[Any], parameters: list[Any], use_tqdm: bool) -> list[Any]:
            sent.extend(zip(prompts, parameters, strict=True))
            made = SimpleNamespace(token_ids=[7, 8, 2], finish_reason="stop")
            return [SimpleNamespace(outputs=[made]) for _ in prompts]

    stand_in = ModuleType("vllm")
    stand_in.LLM, stand_in.SamplingParams = LLM, lambda **options: options  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", stand_in)
    monkeypatch.setattr("parallelbench.models.generators.load_local.find_spec", lambda name: name)
    loaded = generator(f"vllm:path={folder},temperature=0.7,memory=0.5,thoughts=false")
    replies = list(loaded.generate(requests(2, 30)))
    assert sent[0]["model"] == str(folder) and sent[0]["trust_remote_code"] is False and sent[0]["dtype"] == "bfloat16"
    (first, one), (_, two) = sent[1:]
    assert one["max_tokens"] == 30 and one["temperature"] == 0.7 and one["seed"] != two["seed"] and "thoughts" not in one
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(first["prompt_token_ids"]) == replies[0].prompt == loaded.prompt(replies[0].sample)
    assert replies[0].text == tokenizer.decode([7, 8]) and replies[0].prompt_tokens == len(first["prompt_token_ids"])
    assert [(one.steps, one.tokens, one.content_tokens) for one in replies] == [(3, 3, 2)] * 2
    assert loaded.info.decoder == "builtin:temperature=0.7,top_p=1.0,thoughts=false"


def test_a_checkpoints_own_way_of_generating_changes_nothing(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "penalty"))
    described = json.loads((other / "generation_config.json").read_text())
    more = {"repetition_penalty": 5.0, "no_repeat_ngram_size": 1, "num_beams": 4}
    (other / "generation_config.json").write_text(json.dumps({**described, **more}))
    one, two = (generator(f"ar:path={path},card=tiny,max_tokens=null") for path in (folder, other))
    assert one.info.revision != two.info.revision
    plain, penalised = (answers(model, 5) for model in (one, two))
    assert [plain[key].token_ids for key in plain] == [penalised[key].token_ids for key in plain]
    assert any(len(set(reply.token_ids or ())) < len(reply.token_ids or ()) for reply in plain.values()), "nothing is repeated"
