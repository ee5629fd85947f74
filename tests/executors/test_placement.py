"""What a user can get wrong about where to decode is one sentence, said soon."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parallelbench import cli, load_model, run
from parallelbench.errors import UserError
from parallelbench.experiments.executors.choice import pool_of
from parallelbench.experiments.executors.placement import Placement
from parallelbench.experiments.executors.ray_cluster import STARTS, check_room, connected
from parallelbench.experiments.spec import Sweep

RUN = ["run", "-m", "exact", "-t", "waiting_line/copy", "-d", "threshold", "--limit", "2"]


def ray(**options: Any) -> Placement:
    return Placement.model_validate({"executor": "ray", **options})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--executor", "rai"], "unknown executor 'rai'; did you mean 'ray'?"),
        (["--executor", "dask"], "unknown executor 'dask'; known are: local, ray."),
        (["--workers", "2"], "workers is for --executor ray"),
        (["--executor", "local", "--ray-address", "auto"], "ray_address is for --executor ray"),
        (["--executor", "ray", "--ray-address", "nowhere"], "write auto, HOST:PORT or ray://HOST:PORT"),
        (["--executor", "ray", "--ray-address", "http://h:1"], "write auto, HOST:PORT or ray://HOST:PORT"),
        (["--executor", "ray", "--ray-address", "h:123456"], "write auto, HOST:PORT or ray://HOST:PORT"),
        (["--executor", "ray", "--cpus-per-worker", "0"], "cpus_per_worker' is 0"),
        (["--executor", "ray", "--gpus-per-worker", "nan"], "--gpus-per-worker"),
        (["--executor", "ray", "--worker-timeout", "-1"], "worker_timeout' is -1"),
        (["--executor", "ray", "--workers", "20000"], "workers' is 20000"),
        (["--executor", "ray", "--distribution", "9"], "leave --executor and its options out"),
    ],
)
def test_options_that_cannot_be_meant(more: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [one for one in RUN if "--distribution" not in more or one not in ("--limit", "2")]
    assert cli.invoke([*arguments, "--dry-run", *more]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1, err


def listening(answer: bytes | None) -> tuple[socket.socket, str]:
    """A server that answers every connection with the same bytes, or not at all."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        kept = []
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                for connection in kept:
                    connection.close()
                return
            kept.append(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return server, f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("answer", ["refused", None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", bytes(3)])
def test_an_address_where_no_cluster_answers(scheme: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parallelbench.experiments.executors.ray_cluster.ANSWER_S", 0.3)
    server, place = listening(None if answer == "refused" else answer)
    if answer == "refused":
        server.close()
    begun = time.monotonic()
    with (
        pytest.raises(UserError, match=f"no Ray cluster answers at {scheme}{place}; start one"),
        connected(ray(ray_address=scheme + place)),
    ):
        pass
    assert time.monotonic() - begun < 15
    server.close()


@pytest.mark.slow  # gRPC starts threads in this process
@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("status", [b"\x8d", b"\x88", b""], ids=["404", "200", "silent"])
def test_another_server_of_http_2_is_no_cluster(scheme: str, status: bytes) -> None:
    """It sends its settings as gRPC does, and then an answer that is none of gRPC, or nothing."""
    pytest.importorskip("ray")
    pytest.importorskip("grpc")
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
            connection.recv(4096)
            time.sleep(0.3)
            if status:
                connection.sendall(bytes((0, 0, 1, 1, 5, 0, 0, 0, 1)) + status)
            while connection.recv(4096):
                continue

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    place = f"{scheme}127.0.0.1:{server.getsockname()[1]}"
    begun = time.monotonic()
    with pytest.raises(UserError, match=f"no Ray cluster answers at {place}"), connected(ray(ray_address=place)):
        pass
    assert time.monotonic() - begun < 15
    server.close()


@pytest.mark.parametrize("said", [None, "", "127.0.0.1:1", "auto", "\x00", "no address at all"])
def test_auto_without_a_cluster(said: str | None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    if said is not None:
        (tmp_path / "ray").mkdir()
        (tmp_path / "ray" / "ray_current_cluster").write_text(said)
    with pytest.raises(UserError, match="no Ray cluster answers at auto"), connected(ray(ray_address="auto")):
        pass


@pytest.mark.parametrize(
    "error", [Exception("timed out during startup. And more"), RuntimeError("no port"), OSError("no space")]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_ray_that_does_not_start_in_time(
    error: Exception, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has left behind is waited for; then it is used, or ended and started again."""
    module, processes = pytest.importorskip("ray"), list[subprocess.Popen[bytes]]()
    server, place = listening(bytes((0, 0, 0, 4)) if late else b"HTTP/1.1 400\r\n\r\n")
    raylet = tmp_path / "raylet"
    raylet.symlink_to(Path(sys.executable).resolve())

    def init(address: str, **options: Any) -> None:
        if address != "local":
            assert late and address == place
            return
        folder = Path(options["_temp_dir"], "session_1")
        folder.mkdir(exist_ok=True)
        (folder / "gcs_server_port_1").write_text(place.rpartition(":")[2])
        command = [str(raylet), "-I", "-S", "-c", "import time; time.sleep(60)"]
        processes.extend(subprocess.Popen([*command, *more]) for more in ([str(folder)], []))
        raise error

    monkeypatch.setattr("parallelbench.experiments.executors.ray_cluster.LATE_S", 0.2)
    monkeypatch.setattr(module, "is_initialized", lambda: False)
    monkeypatch.setattr(module, "init", init)
    monkeypatch.setattr(module.util, "get_node_ip_address", lambda: "127.0.0.1")
    said = r"Ray does not start on this machine \(.*leave --executor ray out"
    with contextlib.nullcontext() if late else pytest.raises(UserError, match=said), connected(ray()):
        assert processes[0].poll() is None
    assert len(processes) == (2 if late else 2 * STARTS)
    for left, other in zip(processes[::2], processes[1::2], strict=True):
        assert left.poll() is not None and other.poll() is None, "its processes are ended, and no other"
        other.kill()
        other.wait()
    server.close()


def test_a_token_changes_nothing_where_ray_was_imported_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of a Ray that is started later would want the token, which this process would not show them."""
    pytest.importorskip("ray")
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    server, place = listening(None)
    server.close()
    with pytest.raises(UserError, match="no Ray cluster answers"), connected(ray(ray_address=place)):
        pass
    assert "RAY_AUTH_MODE" not in os.environ


def cluster(*nodes: dict[str, float]) -> Any:
    return SimpleNamespace(nodes=lambda: [{"Alive": True, "Resources": node} for node in nodes])


@pytest.mark.parametrize(
    ("nodes", "options", "device", "workers"),
    [
        ([{"CPU": 2}], {}, None, 2),
        ([{"CPU": 2}], {"cpus_per_worker": 0.5}, None, 4),
        ([{"CPU": 64, "GPU": 8}, {"CPU": 64, "GPU": 8}], {"gpus_per_worker": 1}, None, 16),
        ([{"CPU": 64, "GPU": 3}, {"CPU": 64, "GPU": 3}], {"gpus_per_worker": 2}, None, 2),  # no worker on two machines
        ([{"CPU": 4, "GPU": 8}], {"gpus_per_worker": 1, "workers": 3}, None, 3),
        ([{"CPU": 4, "GPU": 1}], {"gpus_per_worker": 0.5}, None, 2),
        ([{"CPU": 4, "GPU": 2}], {}, "cuda:0", 2),
    ],
)
def test_as_many_workers_as_have_room(nodes: Any, options: Any, device: str | None, workers: int) -> None:
    assert check_room(cluster(*nodes), ray(**options), device) == workers


@pytest.mark.parametrize(
    ("nodes", "options"),
    [([{"CPU": 2}], {"gpus_per_worker": 1}), ([{"CPU": 2, "GPU": 1}], {"gpus_per_worker": 1, "workers": 2}), ([], {})],
)
def test_fewer_gpus_than_requested(nodes: Any, options: Any) -> None:
    with pytest.raises(UserError, match=r"do not find room in the \d GPUs and \d CPUs of \d machines, where \d do; change --w"):
        check_room(cluster(*nodes), ray(**options), None)


def test_a_loaded_model_is_not_sent() -> None:
    with pytest.raises(UserError, match="a loaded model cannot be sent to the workers of Ray; pass its name"):
        run(load_model("exact"), "waiting_line/copy", "threshold", executor="ray")


def test_a_model_is_described_for_the_device_of_the_worker() -> None:
    """The precision of published weights, and with it the cell, follows from where they run."""
    sweep = Sweep.model_validate({"models": "tiny", "tasks": "waiting_line/copy"})
    assert pool_of(sweep, ray(gpus_per_worker=1)).describe("tiny").info.device == "cuda:0"
    assert pool_of(sweep, ray()).describe("tiny").info.device == "cpu"
