"""Starts the solver or the judge in confinement: `python -I -S launch.py ROLE DESCRIPTOR SETTINGS`. Standard library only.

Three processes: this one, the first of its namespace, and the one that works. When this one ends, so do all others.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path


def main() -> None:
    """Confine this process, then work."""
    package = str(Path(__file__).resolve().parents[2])
    sys.path.insert(0, package)
    from parallelbench.sandbox import confine, judge, solver, wire

    sys.path.remove(package)
    role, descriptor, settings = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    connection = socket.socket(fileno=descriptor)
    job = json.loads(sys.stdin.buffer.read()) if role == "judge" else {}
    quiet = os.open(os.devnull, os.O_RDWR)
    confine.die_with_parent()
    confined = confine.enter_namespaces(settings["root"])
    os.chdir("/work" if confined else settings["root"])
    for _ in range(2):
        child = os.fork()
        if child:
            connection.close()
            confine.wait_for(child)
        confine.die_with_parent()
    verdict = os.fdopen(os.dup(1), "w", encoding="ascii")
    for number in (0, 1, 2):
        os.dup2(quiet, number)
    sys.argv[:] = ["program"]
    os.environ.clear()
    confine.give_up_rights(settings["user"])
    confine.set_limits(settings["seconds"], settings["memory"], settings["file_bytes"], processes=1)
    channel = wire.Channel(connection)
    if role == "judge":
        connection.settimeout(settings["wall_seconds"])
        answer = judge.run_tests(job, channel)
        verdict.write(json.dumps({**answer, "confined": confined}))
        verdict.close()
        os._exit(0)
    verdict.close()
    try:
        solver.Solver(channel).serve()
    except wire.Lost:
        os._exit(0)


if __name__ == "__main__":
    main()
