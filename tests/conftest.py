"""Models that tests share. One thread, so that a test's arithmetic does not depend on the machine."""

from __future__ import annotations

import os
import shutil
import tempfile

os.environ["OMP_NUM_THREADS"] = "1"  # before anything imports torch
os.environ["PARALLELBENCH_CACHE_DIR"] = (  # not the user's; the processes of one run share it
    os.environ["PARALLELBENCH_CACHE_DIR"]
    if "PYTEST_XDIST_WORKER" in os.environ
    else tempfile.mkdtemp(prefix="parallelbench-test-")
)

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from checkpoints import MakeCheckpoint

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from parallelbench.contracts.denoiser import Denoiser

# An ordinary run tries the same generated inputs every time, so that its outcome depends on the change alone. New inputs are
# searched for with HYPOTHESIS_PROFILE=explore, as the nightly workflow does.
settings.register_profile("repeat", derandomize=True)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

TASKS = ("waiting_line/shuffle", "waiting_line/copy", "puzzle/sudoku_n4_12", "list_ops/copy")


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """The shipped model's kind of tokenizer, from few texts."""
    from parallelbench.training.tokenizer import build_tokenizer

    return build_tokenizer(TASKS, samples_per_task=10)


@pytest.fixture(scope="session")
def make_checkpoint(tokenizer: Tokenizer) -> MakeCheckpoint:
    """Writes a random model in LLaDA's layout; its weights are large enough for confident and unsure predictions."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from parallelbench.models.checkpoint import save_llada

    def make(folder: Path, *, seed: int = 0, tied: bool = True, layers: int = 2, kv_heads: int = 2, scale: float = 0.4) -> Path:
        config = LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=32, intermediate_size=48, num_hidden_layers=layers,
            num_attention_heads=2, num_key_value_heads=kv_heads, max_position_embeddings=512, rms_norm_eps=1e-5,
            rope_theta=10_000.0, attention_bias=False, tie_word_embeddings=tied,
        )  # fmt: skip
        config.is_causal = False
        model = LlamaForCausalLM(config)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in model.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator) * scale + (weight.ndim == 1))
        save_llada(folder, model, tokenizer)
        return folder

    return make


@pytest.fixture(scope="session")
def random_checkpoint(make_checkpoint: MakeCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random model."""
    return make_checkpoint(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="session")
def random_model(random_checkpoint: Path) -> Denoiser:
    """A small random model, loaded as any other."""
    from parallelbench.models import load_model

    return load_model(f"path:{random_checkpoint}")


@pytest.fixture(scope="session")
def shipped_model() -> Denoiser:
    """The model that ships, where its weights are in the package."""
    from parallelbench.models import load_model

    if not files("parallelbench.models").joinpath("tiny", "model.safetensors").is_file():
        pytest.skip("the weights of the shipped model are not in the package")
    return load_model("tiny")


LONG = (
    "test_conformance_decoders.py", "test_decoding_invariance.py", "test_report_page.py",
    "test_report_findings.py", "test_generators_hostile.py", "test_python.py", "test_cli_edges.py", "test_metric_score.py",
)  # fmt: skip
"""The files that take longest, or wait for other processes. They begin first, so that no process is left alone with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_sessionfinish() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["PARALLELBENCH_CACHE_DIR"], ignore_errors=True)
