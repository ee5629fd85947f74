"""The benchmarks of this part run; their figures are not looked at, but for what must hold on any machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from children import Child, script

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def last_line(name: str, *arguments: str) -> dict[str, object]:
    done = Child(script, BENCHMARKS / name, *arguments).wait(280)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["small", "small-blocks"])
def test_every_part_of_the_gpu_benchmark_runs_on_a_cpu(shape: str, tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    quick = ["--device", "cpu", "--dtype", "float32", "--quick", "--no-compile", "--no-ray"]
    found = last_line("gpu.py", "--shapes", shape, *quick, "--json", str(file))
    assert json.loads(file.read_text()) == found
    model = found[shape]
    assert isinstance(model, dict)
    assert {"forwards", "whole", "plain_loop_samples_per_s", "caches", "invariance", "memory", "over_plain_loop"} < set(model)
    assert model["invariance"]["samples_that_differ"] == 0, "float32 on a CPU"


@pytest.mark.slow
def test_what_begins_too_late_is_left_out_and_named() -> None:
    quick = ["--device", "cpu", "--dtype", "float32", "--quick", "--no-compile", "--no-ray"]
    found = last_line("gpu.py", "--shapes", "small", *quick, "--seconds", "0")
    assert isinstance(found["small"], dict) and found["small"]["forwards"] == "left out: too late"


def test_the_driver_is_measured() -> None:
    found = last_line("scale.py", "--driver-only", "--driver-samples", "300")
    assert found["driver_records_per_s"] > 200  # type: ignore[operator]
