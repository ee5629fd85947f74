"""Whatever a checkpoint's files hold, the model is described and loaded, or one sentence says what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.models import describe
from parallelbench.tasks import load_task

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 2, 10**9, 10**400, -(10**30), 0.5, 1e308, float("nan"), float("inf")])
    | st.sampled_from(["", "x", "silu", "1", "<|mask|>", "../../etc/passwd", "\ud800", "\x00", "BPE", "F32"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "vocab", "shape", "x", ""]), inner, max_size=3)
    ),
    max_leaves=5,
)
BYTES = st.binary(max_size=40) | st.sampled_from(
    [b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{}", b"{}", b"null", b'{"a": NaN}']
)

SAMPLE = load_task("waiting_line/copy").sample(0, 0, shots=0)


@pytest.fixture(scope="module")
def whole(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(random_checkpoint, tmp_path_factory.mktemp("fuzz") / "model")


def attempt(folder: Path) -> str:
    """Describe and load a folder; return the sentence, or nothing where it is whole."""
    try:
        handle = describe(f'path:"{folder}"')
        assert isinstance(handle, DenoiserHandle)
        codec = handle.load().codec_for(SAMPLE)
        ids, _ = codec.encode_chat(SAMPLE.turns)
        codec.decode([*ids, *codec.encode("a b é")])
    except UserError as error:
        return str(error)
    return ""


def is_sentence(message: str) -> bool:
    """Whether a message is one sentence of a length that people read; a folder that is whole has none."""
    return not message or ("\n" not in message and len(message) < 1500 and message.endswith((".", "?")))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every value inside a JSON value, a few of each list."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    return [path, *(place for key, part in list(inner)[:12] for place in places(part, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any, remove: bool) -> Any:
    """The value with another one at a path, or without it."""
    if not path:
        return new
    inner = value[path[0]]
    if len(path) > 1:
        value[path[0]] = put(inner, path[1:], new, remove)
    elif remove:
        del value[path[0]]
    else:
        value[path[0]] = new
    return value


def changed_json(folder: Path, name: str, data: st.DataObject) -> None:
    """One value of a JSON file replaced or removed."""
    value = json.loads((folder / name).read_text(encoding="utf-8"))
    path = data.draw(st.sampled_from(places(value)))
    new = put(value, path, data.draw(JSON), data.draw(st.booleans()))
    (folder / name).write_text(json.dumps(new), encoding="utf-8", errors="surrogatepass")


def changed_header(folder: Path, data: st.DataObject) -> None:
    """One value of the header of the weights replaced or removed."""
    raw = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    new = json.dumps(put(header, data.draw(st.sampled_from(places(header))), data.draw(JSON), data.draw(st.booleans())))
    text = new.encode("utf-8", errors="surrogatepass")
    (folder / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])


def changed_weights(folder: Path, data: st.DataObject) -> None:
    """Bytes of the weights cut off, added, or replaced."""
    raw = bytearray((folder / WEIGHTS).read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1) | st.integers(0, 16))
    cut = data.draw(st.sampled_from(["cut", "more", "flip"]))
    raw = raw[:at] if cut == "cut" else raw + b"\0" * at if cut == "more" else raw[:at] + b"\xff\xff\xff\xff" + raw[at + 4 :]
    (folder / WEIGHTS).write_bytes(bytes(raw))


def index_of(folder: Path, data: st.DataObject) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": data.draw(JSON)}), encoding="utf-8", errors="surrogatepass")


FAULTS: dict[str, Callable[[Path, st.DataObject], None]] = {
    "config.json": lambda folder, data: changed_json(folder, "config.json", data),
    "tokenizer.json": lambda folder, data: changed_json(folder, "tokenizer.json", data),
    "header": changed_header,
    "weights": changed_weights,
    "index": index_of,
    "raw config": lambda folder, data: void((folder / "config.json").write_bytes(data.draw(BYTES))),
    "raw tokenizer": lambda folder, data: void((folder / "tokenizer.json").write_bytes(data.draw(BYTES))),
    "raw index": lambda folder, data: void((folder / INDEX).write_bytes(data.draw(BYTES))),
    "raw weights": lambda folder, data: void((folder / WEIGHTS).write_bytes(data.draw(BYTES))),
}


def void(_: object) -> None:
    """Drop a result."""


def damaged(whole: Path, fault: str, data: st.DataObject) -> str:
    """What is said of the folder after one damage; it is whole again afterwards."""
    FAULTS[fault](whole, data)
    try:
        return attempt(whole)
    finally:
        (whole / INDEX).unlink(missing_ok=True)
        for name, content in ORIGINAL.items():
            (whole / name).write_bytes(content)


ORIGINAL: dict[str, bytes] = {}


@pytest.fixture(autouse=True)
def kept(whole: Path) -> None:
    ORIGINAL.update({path.name: path.read_bytes() for path in whole.iterdir()})


QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


# fault 55
@pytest.mark.parametrize("fault", FAULTS)
@settings(max_examples=12, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_damaged_files_are_one_sentence(whole: Path, fault: str, data: st.DataObject) -> None:
    assert is_sentence(damaged(whole, fault, data))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
@settings(max_examples=600, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_damaged_files_at_length(whole: Path, fault: str, data: st.DataObject) -> None:
    assert is_sentence(damaged(whole, fault, data))


def test_a_number_that_is_not_finite_is_named(random_checkpoint: Path, tmp_path: Path) -> None:
    for value in (float("nan"), float("inf")):
        folder = shutil.copytree(random_checkpoint, tmp_path / str(value))
        tensors = load_file(folder / WEIGHTS)
        name = "model.transformer.blocks.1.ff_norm.weight"
        tensors[name][3] = value
        save_file(tensors, folder / WEIGHTS)
        assert f"{name} holds numbers that are not finite" in attempt(folder)


def test_quantized_weights_are_named(random_checkpoint: Path, tmp_path: Path) -> None:
    import torch

    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    tensors = load_file(folder / WEIGHTS)
    name = "model.transformer.blocks.0.q_proj.weight"
    tensors[name] = tensors[name].to(torch.float8_e4m3fn)
    save_file(tensors, folder / WEIGHTS)
    assert f"{name} is stored as F8_E4M3, and quantized weights are not read" in attempt(folder)


def test_redundant_tensors_that_agree_are_accepted(random_checkpoint: Path, tmp_path: Path) -> None:
    import torch

    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    tensors = load_file(folder / WEIGHTS)
    tensors["model.transformer.ff_out.weight"] = tensors["model.transformer.wte.weight"].clone()
    size = 16
    tensors["model.transformer.rotary_emb.inv_freq"] = 10_000.0 ** (-torch.arange(0, size, 2) / size)
    save_file(tensors, folder / WEIGHTS)
    assert attempt(folder) == ""
    tensors["model.transformer.rotary_emb.inv_freq"] *= 2
    save_file(tensors, folder / WEIGHTS)
    assert "inv_freq is not what rope_theta in config.json gives" in attempt(folder)


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_regular_file_is_not_opened(kind: str, random_checkpoint: Path, tmp_path: Path) -> None:
    import os

    folder = shutil.copytree(random_checkpoint, tmp_path / "model")
    (folder / "config.json").unlink()
    _ = (folder / "config.json").mkdir() if kind == "folder" else os.mkfifo(folder / "config.json")
    assert "config.json" in attempt(folder)
