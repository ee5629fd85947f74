"""Which of our settings each recorded decode is compared with, and the prompts that are known to differ, with the reason."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from published_cases import read

Record = dict[str, Any]


def as_recorded(record: Record) -> str:
    """The setting that the recording names."""
    return str(record["ours"])


def authors(record: Record) -> str:
    """The setting that the recording names, with the authors' rule."""
    return f"{record['ours']},compat=authors"


def with_history(record: Record) -> str:
    """KLASS: the authors' rule where the recording carries the history over blocks."""
    return authors(record) if record["history"] == "carried" else as_recorded(record)


def with_rule(record: Record) -> str:
    """SlowFast: the authors' rule where the recording is of their code, else the paper's."""
    return authors(record) if record["rule"] == "authors' code" else as_recorded(record)


def with_region(record: Record) -> str:
    """Prophet: the region that the recording measures."""
    length = record["parameters"]["answer_length"]
    return as_recorded(record) if length == 32 else f"{record['ours']},region={length}"


def with_threshold(record: Record) -> str:
    """T2M: the threshold of the recording, where the setting does not name it."""
    given = "at=" in record["ours"]
    return as_recorded(record) if given else f"{record['ours']},at={record['parameters']['remask_threshold']}"


def with_dream_steps(record: Record) -> str:
    """SchED: its ranking, its guard and Dream's rule for the commits of a step."""
    theirs = record["parameters"]
    order = {"entropy": "entropy", "maskgit_plus": "confidence"}[theirs["alg"]]
    over = "" if "over=" in record["ours"] else ",over=region"
    steps = f"steps={theirs['steps']},transfer=dream,eps={theirs['eps']}"
    return f"{record['ours']},{steps},order={order},change={theirs['max_change_ratio']}{over}"


def branches(record: Record) -> str:
    """LoPA: the paper's rule, or the authors' with the options of their scoring function."""
    if record["case"].startswith("rule of the paper"):
        return as_recorded(record)
    given, options = record["parameters"], ""
    if given["sampling_strategy"] == "neg_entropy":
        options += ",order=entropy"
    if given["branch_topp"] < 1:
        options += f",lowest={given['branch_topp']}"
    if given["selection_conf_alpha"] > 0:
        options += f",created={given['selection_conf_alpha']}"
    return authors(record) + options


@cache
def token_counts() -> Path:
    """A file with the token counts of the recording."""
    path = Path(tempfile.mkdtemp()) / "counts.json"
    path.write_text(json.dumps(read("pc_sampler")["table"]), encoding="utf-8")
    return path


def with_counts(record: Record) -> str:
    """PC-Sampler, whose recording has the authors' smoothing of the counts, or ours."""
    spec = str(record["ours"]).replace("TABLE", str(token_counts()))
    return f"{spec},compat=authors" if record["smoothing"] == "authors'" else spec


SPECS: dict[str, Callable[[Record], str]] = {
    "apd": as_recorded,
    "core": as_recorded,
    "credit": as_recorded,
    "dus": as_recorded,
    "eb_sampler": as_recorded,
    "factor": authors,
    "freedave": authors,
    "hierarchical": as_recorded,
    "joint_edit": as_recorded,
    "klass": with_history,
    "local_leap": as_recorded,
    "lopa": branches,
    "pc_sampler": with_counts,
    "p2": authors,
    "prophet": with_region,
    "rcr": as_recorded,
    "remdm": as_recorded,
    "saber": as_recorded,
    "sched": with_dream_steps,
    "slowfast": with_rule,
    "t2m": with_threshold,
    "threshold": as_recorded,
    "wino": authors,
}
"""By file. A file without an entry is compared in no test, and `test_every_recorded_file_is_compared` says so."""

WRITTEN_OUT = {
    "confidence": "test_decoder_dream.py",
    "margin": "test_decoder_dream.py",
    "entropy": "test_decoder_dream.py",
    "dream_origin": "test_decoder_adaptive.py",
}
"""Decoders compared with a published loop that a test writes out in place of a recording."""

MASKS_LEFT = "the authors' run ends with masks in the canvas, which are filled here"
NOT_OPEN = "fewer than n positions are open at a step, and the authors' top n also writes positions that are not"
NEAR_BEST = "the authors also commit a position within 1e-5 of the best one"
OTHER_READING = "the text below equation 9 in place of the equation"
PROMPT_LEADS = "the authors' mean includes the leads at the prompt's positions, which no setting here measures"

KNOWN: dict[tuple[str, int], dict[int, str]] = {
    ("credit", 5): {5: NEAR_BEST},
    ("dus", 13): dict.fromkeys((1, 2, 14, 19), MASKS_LEFT),
    ("dus", 14): dict.fromkeys(range(20), MASKS_LEFT),
    ("klass", 2): {1: NOT_OPEN, 10: NOT_OPEN} | dict.fromkeys((4, 6, 8, 13, 14, 16), MASKS_LEFT),
    ("klass", 8): dict.fromkeys((1, 3, 5, 6, 8, 9, 15, 17, 19), MASKS_LEFT),
    ("klass", 9): dict.fromkeys((5, 15), MASKS_LEFT),
    ("saber", 2): {2: NOT_OPEN},
    ("saber", 5): dict.fromkeys((2, 4, 6, 8, 9, 11, 15, 17, 18, 19), NOT_OPEN),
    ("sched", 6): dict.fromkeys((1, 3, 4, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19), PROMPT_LEADS),
    ("slowfast", 4): {0: OTHER_READING},
}
"""Prompts that differ: {(file, case): {prompt: reason}}. Each must still differ, so that no reason outlives its cause."""
