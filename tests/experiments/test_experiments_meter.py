"""What a cell takes of the machine: read through a stand-in of the system's files, and from a run to its report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import fake_model  # noqa: F401  (registers the fake model)
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.analysis.usage import SettingUsage, usage_by_setting
from parallelbench.api import run
from parallelbench.experiments.energy import EnergyMeter, Rapl, nvml_counters, rapl_counters
from parallelbench.experiments.executors import local
from parallelbench.experiments.meter import Meter
from parallelbench.report.data import read_report_data
from parallelbench.report.resources import cost_tables
from parallelbench.runs.cell_files import NO_READING, Usage

LIMIT = 262_143_328_850
"""The range of a package's counter in microjoules, as processors say it."""


def domain(powercap: Path, name: str, called: str, energy: int | str, limit: int | str = LIMIT) -> Path:
    folder = powercap / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{called}\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    (folder / "max_energy_range_uj").write_text(f"{limit}\n")
    return folder


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages with their cores and memory, and what counts the same again."""
    folder = tmp_path / "powercap"
    domain(folder, "intel-rapl:0", "package-0", 5_000_000)
    domain(folder, "intel-rapl:0:0", "core", 1_000_000)
    domain(folder, "intel-rapl:0:1", "dram", 2_000_000)
    domain(folder, "intel-rapl:1", "package-1", LIMIT - 1_000_000)
    domain(folder, "intel-rapl:2", "psys", 9_000_000)
    domain(folder, "intel-rapl-mmio:0", "package-0", 5_000_000)
    (folder / "intel-rapl").mkdir()
    return folder


@pytest.fixture
def process(tmp_path: Path) -> Path:
    folder = tmp_path / "self"
    folder.mkdir()
    (folder / "clear_refs").write_text("")
    (folder / "status").write_text("Name:\tpython\nVmPeak:\t 9999999 kB\nVmHWM:\t  204800 kB\nVmRSS:\t  100 kB\n")
    return folder


def test_packages_and_their_memory_count_once_each_over_the_end_of_a_counter(powercap: Path, process: Path) -> None:
    meter = Meter(process, powercap)
    meter.start("cpu")
    domain(powercap, "intel-rapl:0", "package-0", 8_000_000)  # 3 J
    domain(powercap, "intel-rapl:0:0", "core", 3_000_000)  # inside the package
    domain(powercap, "intel-rapl:0:1", "dram", 2_500_000)  # 0.5 J
    domain(powercap, "intel-rapl:1", "package-1", 3_000_000)  # began at 0 again: 4 J
    domain(powercap, "intel-rapl:2", "psys", 99_000_000)
    used = meter.stop()
    assert used.joules == pytest.approx(7.5) and used.counted == ("package-0", "dram", "package-1")
    assert used.peak_memory == 204800 * 1024 and (process / "clear_refs").read_text() == "5"
    meter.start("cpu")
    assert meter.stop().joules == 0.0, "each cell begins anew"


@pytest.mark.parametrize("text", ["", "-1", "1e9", "0x10", "nan", "12 34", "9" * 400, "\N{ARABIC-INDIC DIGIT FIVE}", "\0"])
def test_a_counter_that_says_no_number_is_no_reading(powercap: Path, process: Path, text: str) -> None:
    domain(powercap, "intel-rapl:1", "package-1", text)
    assert rapl_counters(powercap) == []
    meter = Meter(process, powercap)
    meter.start("cpu")
    assert meter.stop() == Usage(204800 * 1024, None, ())


def test_a_counter_that_is_lost_on_the_way_or_has_no_range_is_no_reading(powercap: Path, process: Path) -> None:
    meter = Meter(process, powercap)
    meter.start("cpu")
    (powercap / "intel-rapl:0" / "energy_uj").unlink()
    assert meter.stop().joules is None
    folder = domain(powercap, "intel-rapl:0", "package-0", 9, limit="")
    counter = EnergyMeter([Rapl("package-0", folder, None)])
    domain(powercap, "intel-rapl:0", "package-0", 3)
    assert counter.read() is None and counter.read() is None, "what was missed stays missed"


@pytest.mark.parametrize("device", ["remote", "mps", "meta", ""])
def test_a_model_that_runs_elsewhere_has_no_reading(powercap: Path, process: Path, device: str) -> None:
    meter = Meter(process, powercap)
    meter.start(device)
    assert meter.stop() == NO_READING


def test_a_machine_without_these_files_has_no_reading(tmp_path: Path, process: Path) -> None:
    meter = Meter(tmp_path / "nowhere", tmp_path / "nowhere")
    meter.start("cpu")
    assert meter.stop() == NO_READING
    (process / "status").write_text("VmHWM: many kB\n")
    meter = Meter(process, tmp_path / "nowhere")
    meter.start("cpu")
    assert meter.stop() == NO_READING


@given(steps=st.lists(st.integers(0, LIMIT - 1), max_size=20), start=st.integers(0, LIMIT - 1))
def test_the_sum_is_the_energy_however_often_the_counter_begins_anew(steps: list[int], start: int) -> None:
    now = [float(start)]
    counter = SimpleNamespace(
        name="c", joules=lambda: now[0] / 1e6, since=lambda a, b: Rapl("c", Path(), LIMIT / 1e6).since(a, b)
    )
    meter = EnergyMeter([counter])
    for step in steps:
        now[0] = (now[0] + step) % LIMIT
        meter.read()
    assert meter.read() == pytest.approx(sum(steps) / 1e6, abs=1e-3)


def test_the_peak_of_this_process_begins_anew_with_each_cell(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux lets the peak begin anew")
    meter = Meter(powercap=tmp_path)
    peaks = []
    for megabytes in (200, 1):
        meter.start("cpu")
        np.ones(megabytes << 17).sum()
        peaks.append(meter.stop().peak_memory or 0)
    assert peaks[0] - peaks[1] > 150 << 20


class NVMLError(Exception):
    pass


def test_a_gpu_is_found_by_its_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(uuid: str) -> str:
        if uuid != "GPU-ab-12":
            raise NVMLError
        return uuid

    total = [5_000]
    library = SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: total[0],
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", library)
    meter = EnergyMeter(nvml_counters("ab-12"))
    total[0] = 7_500
    assert meter.read() == 2.5 and meter.names == ("gpu",)
    assert nvml_counters("other") == []
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml_counters("ab-12") == []


def test_a_run_keeps_its_readings_and_a_report_shows_them(
    tmp_path: Path, powercap: Path, process: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls on one cell: the peak is the larger one, and a folder from before has no reading."""
    monkeypatch.setattr(local, "Meter", lambda: Meter(process, powercap))
    out = tmp_path / "out"
    for limit in (1, 4):
        domain(powercap, "intel-rapl:0", "package-0", 0)
        run("fake", "waiting_line/copy", "confidence:k=[2,8]", limit=limit, out=out)
    data = read_report_data(out)
    used = usage_by_setting(data.run, data.cells)
    names = ("package-0", "dram", "package-1")
    assert used == {("fake", f"confidence:k={k}"): SettingUsage(("auto",), 204800 * 1024, 0.0, names) for k in (2, 8)} and [
        one.samples for one in data.run.cells[0].sessions
    ] == [1, 3]
    _, paid = cost_tables(data)
    assert [paid.header[-3:], [cell.text for cell in paid.rows[0][-3:]]] == [
        ["peak memory", "joules", "batch size"], ["0.20\xa0GiB", "0\xa0J", "auto"]
    ]  # fmt: skip
    assert "joules are of package-0, dram, package-1" in paid.caption
    for path in out.glob("cells/*/cell.json"):
        before = json.loads(path.read_text())
        del before["sessions"][0]["usage"]
        path.write_text(json.dumps(before))
    _, paid = cost_tables(read_report_data(out))
    assert [cell.text for cell in paid.rows[0][-3:]] == ["no reading", "no reading", "auto"]
