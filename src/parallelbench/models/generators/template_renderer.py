"""The chat template of a checkpoint, rendered in a separate process with limits of time and memory."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from parallelbench.clean import for_terminal
from parallelbench.errors import UserError
from parallelbench.schema import Turn

WORKER = Path(__file__).with_name("template_worker.py")
START_SECONDS = 120.0
"""For starting Python and importing transformers, on a busy machine too."""
RENDER_SECONDS = 10.0


class TemplateRenderer:
    """Renders one template; starts its process with the first prompt and ends it with itself.

    Args:
        template: the Jinja source.
        variables: what the template can read apart from the conversation, such as the names of special tokens.
        source: the checkpoint, for messages.
    """

    def __init__(self, template: str, variables: Mapping[str, Any], source: str) -> None:
        self._template, self._variables, self._source = template, dict(variables), source
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._errors: IO[str] | None = None

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the prompt of a conversation that ends where the answer begins.

        Raises:
            UserError: the template fails, takes too long or too much memory, or makes no text of a prompt's length.
        """
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        job = json.dumps({"template": self._template, "messages": messages, "variables": self._variables})
        with self._lock:
            process = self._started()
            try:
                assert process.stdin is not None
                process.stdin.write(job + "\n")
                process.stdin.flush()
            except OSError:
                raise self._failure() from None  # what the process said on its way out is the cause
            reply: dict[str, str] = json.loads(self._line(RENDER_SECONDS))
        if "error" in reply:
            raise self._fault(reply["error"])
        return reply["text"]

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None:
            return self._process
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by `_end`
        process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )
        self._process, self._lines = process, SimpleQueue()
        threading.Thread(target=_read, args=(process, self._lines), daemon=True, name="template").start()
        weakref.finalize(self, _end, process, self._errors)
        self._line(START_SECONDS)
        return process

    def _line(self, seconds: float) -> str:
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            raise self._failure(f"it takes longer than {seconds:g} s") from None
        if not line:
            raise self._failure()
        return line

    def _failure(self, reason: str = "") -> UserError:
        """End the process and say why; the next prompt starts another."""
        process, errors = self._process, self._errors
        self._process = None
        if process is not None and errors is not None:
            process.kill()
            process.wait()
            errors.seek(0)
            said = [line for line in errors.read(1 << 16).splitlines() if line.strip()]
            reason = reason or (said[-1] if said else f"its process ended with code {process.returncode}")
            _end(process, errors)
        return self._fault(reason)

    def _fault(self, reason: str) -> UserError:
        return UserError(
            f"the chat template of {self._source} cannot be used ({for_terminal(reason)[:300].rstrip('.')}); correct it, or "
            "name a model card with card=NAME."
        )


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str]) -> None:
    """Hand on the lines of a process, and an empty one at its end."""
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            lines.put(line)
    lines.put("")


def _end(process: subprocess.Popen[str], errors: IO[str]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # a line that it did not read any more
            process.stdin.close()
    errors.close()
