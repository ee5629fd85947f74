"""`parallelbench view` as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_command_prints_its_address_serves_and_ends_with_ctrl_c(out: Path) -> None:
    command = [sys.executable, "-m", "parallelbench", "view", str(out), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with urllib.request.urlopen(f"{url}api/about") as reply:
        assert json.load(reply)["planned"] == 36
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said, err = process.communicate(timeout=60)
    assert (process.returncode, said, err) == (0, "", "note: Ctrl-C ends the explorer.\n")
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=5)
