"""Connects to a Ray cluster, or starts a Ray on this machine for the time of a run; checks that the workers have room."""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parallelbench.errors import MissingExtra, UserError, first_line
from parallelbench.experiments.executors.placement import Placement
from parallelbench.files import read_bytes

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to Ray's makers
    "RAY_enable_worker_prestart": "0",  # only processes that the run uses
    "RAY_worker_niceness": "0",  # a worker is no background process here
    "RAY_agent_register_timeout_ms": "180000",  # a busy machine needs more than half a minute to start Python a few times
    "RAY_worker_register_timeout_seconds": "180",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
OBJECT_STORE = 80 << 20
"""Bytes for objects in transit: records of half a second from each worker. Ray takes no less than 75 MiB."""
STARTS = 3
"""How often Ray is started on this machine: on a busy one its processes may end early, and the next start is faster."""
LATE_S = 180.0
"""Seconds that a Ray may take to start on this machine beyond the 30 for which Ray waits itself: a busy machine needs more."""
ADDRESS_BYTES = 200
ANSWER_S = 5.0
"""Seconds within which the address must answer; a cluster greets at once."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""What a client of gRPC sends first (RFC 9113, sections 3.4 and 6.5); the server's first frame has type 4, too."""


@contextlib.contextmanager
def connected(placement: Placement) -> Iterator[Any]:
    """Yield the module `ray`, connected; what was started for it is stopped at the end.

    Raises:
        MissingExtra: Ray is not installed.
        UserError: no cluster answers at the address.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if placement.ray_address is not None and "ray" not in sys.modules and _has_token():
        # Ray reads it when it is imported; set later, it would hold for child processes only.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("--executor ray", "ray") from error
    if ray.is_initialized():
        yield ray
        return
    with contextlib.ExitStack() as stack:
        if placement.ray_address is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pb-ray-", ignore_cleanup_errors=True))
            stack.callback(_end_processes, folder)
            stack.callback(ray.shutdown)
            _start(ray, folder)
        else:
            stack.callback(ray.shutdown)
            _connect(ray, placement.ray_address)
        yield ray


def _has_token() -> bool:
    """Whether this machine has a token of Ray, which a cluster that has the same one wants to see."""
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return named or (Path.home() / ".ray" / "auth_token").is_file()


def _start(ray: Any, folder: str) -> None:
    """Start a Ray on this machine, with its files in a folder.

    Raises:
        UserError: its processes do not start, however often it is tried.
    """
    for left in reversed(range(STARTS)):
        try:
            ray.init(
                "local",  # whatever RAY_ADDRESS names
                num_cpus=os.cpu_count(),
                object_store_memory=OBJECT_STORE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=folder,
            )
            return
        except Exception as error:  # Ray raises this class itself where a process of its own is not up within 30 seconds
            if type(error) is not Exception and not isinstance(error, (OSError, RuntimeError)):
                raise
            if _started_late(ray, folder):
                return
            _end_processes(folder)
            if not left:
                raise UserError(
                    f"Ray does not start on this machine ({first_line(error)}); try again when the machine is less busy, or "
                    "leave --executor ray out."
                ) from error


def _started_late(ray: Any, folder: str) -> bool:
    """Wait for the processes that a start of Ray has left behind, and connect to them; return whether that succeeded."""
    until = time.monotonic() + LATE_S
    while time.monotonic() < until and any(_name(one) == "raylet" for one in _processes(folder)):
        for file in Path(folder).glob("session_*/gcs_server_port_*"):
            with contextlib.suppress(OSError, RuntimeError, ValueError, ray.exceptions.RayError):
                place = f"{ray.util.get_node_ip_address()}:{file.read_text(encoding='ascii').strip()}"
                if greets(place):
                    ray.init(place, log_to_driver=False, logging_level=logging.ERROR)
                    return True
        time.sleep(1)
    return False


def _processes(folder: str) -> list[Any]:
    """The processes below this one with a folder in their command lines, and those below them."""
    psutil = importlib.import_module("psutil")  # Ray brings it
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(folder in part for part in child.cmdline()):
                found += [child, *child.children(recursive=True)]
    return found


def _name(process: Any) -> str:
    """The name of a process; empty where it has ended."""
    with contextlib.suppress(importlib.import_module("psutil").Error):
        return str(process.name())
    return ""


def _end_processes(folder: str) -> None:
    """End what is left of a Ray with this folder."""
    psutil = importlib.import_module("psutil")
    left = _processes(folder)
    for one in left:
        with contextlib.suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(left, timeout=10)


def _connect(ray: Any, address: str) -> None:
    """Connect to a running cluster.

    Raises:
        UserError: none answers at the address, or it does not accept this process.
    """
    place = _known_address() if address == "auto" else address.removeprefix("ray://")
    if not place or not greets(place) or not _speaks_grpc(place):
        raise UserError(
            f"no Ray cluster answers at {address}; start one with 'ray start --head' and name its address, or leave "
            "--ray-address out for a Ray on this machine."
        )
    try:
        ray.init(address if address.startswith("ray://") else place, log_to_driver=False, logging_level=logging.ERROR)
    except (ImportError, OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise UserError(
            f"the Ray cluster at {address} does not accept this process ({first_line(error)}); install the same versions of "
            "Ray and Python and the same ~/.ray/auth_token on all machines, and run the command on a machine of the cluster or "
            "with ray://HOST:10001; a program that imports Ray itself sets RAY_AUTH_MODE=token before."
        ) from error


def _known_address() -> str | None:
    """The address that `auto` stands for: RAY_ADDRESS, or what 'ray start' has written down on this machine."""
    named = os.environ.get("RAY_ADDRESS", "").removeprefix("ray://")
    if named and named != "auto":
        return named
    file = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    with contextlib.suppress(UserError, UnicodeDecodeError):
        return read_bytes(file, "name the address", ADDRESS_BYTES).decode("ascii").strip()
    return None


def greets(place: str) -> bool:
    """Whether a server of gRPC answers at HOST:PORT. Ray itself would wait for minutes, or end the process."""
    host, _, port = place.rpartition(":")
    until = time.monotonic() + ANSWER_S
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S) as connection:
            connection.sendall(PREFACE)
            head = b""
            while len(head) < 4:
                connection.settimeout(max(0.01, until - time.monotonic()))
                part = connection.recv(9)
                if not part:
                    return False
                head += part
    except (OSError, OverflowError, ValueError):
        return False
    return head[3] == 4


def _speaks_grpc(place: str) -> bool:
    """Whether calls of gRPC are answered at HOST:PORT; Ray would try any other server of HTTP/2 for half a minute."""
    grpc = importlib.import_module("grpc")  # part of ray[client]
    with grpc.insecure_channel(place, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetClusterId")(b"", timeout=ANSWER_S)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN):
                return False
            return "http2" not in str(error.details())  # what gRPC itself says of an answer that is none of gRPC
    return True


def check_room(ray: Any, placement: Placement, device: str | None) -> int:
    """Return how many workers there are to be, at most as many as the machines of the cluster have room for.

    Raises:
        UserError: there is no room for one worker, or for as many as were requested.
    """
    gpus, cpus = placement.gpus(device), placement.cpus_per_worker
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(
        math.floor(min(node.get("CPU", 0) / cpus, node.get("GPU", 0) / gpus if gpus else math.inf) + 1e-9) for node in nodes
    )
    wanted = placement.workers or room
    if wanted > room or not room:
        have = " and ".join(f"{sum(node.get(kind, 0) for node in nodes):g} {kind}s" for kind in ("GPU", "CPU"))
        each = f"{gpus:g} GPUs and {cpus:g} CPUs"
        raise UserError(
            f"{max(1, wanted)} workers with {each} each do not find room in the {have} of {len(nodes)} machines, where {room} "
            "do; change --workers, --gpus-per-worker or --cpus-per-worker."
        )
    return wanted
