"""A LanguageTool server as a child process: started from a folder of jars, stopped when it is no longer needed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, closing
from pathlib import Path

from parallelbench.bounded_http import BoundedClient, HttpFault
from parallelbench.errors import UserError

JAR = "languagetool-server.jar"
MAIN = "org.languagetool.server.HTTPServer"
PATIENCE = 90.0
"""Seconds until a server that does not answer counts as failed."""


class JarServer:
    """A running server. `url` is its address.

    Raises:
        UserError: there is no Java, no jar in the folder, or the server does not start.
    """

    def __init__(self, folder: Path) -> None:
        java = shutil.which("java")
        if java is None:
            raise UserError("LanguageTool needs Java 17 or later; install it, or give the url of a running server.")
        jar = next(iter(sorted(folder.rglob(JAR))), None)
        if jar is None:
            raise UserError(f"{folder} holds no {JAR}; give the folder of an unpacked LanguageTool with jars=FOLDER.")
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [java, "-cp", str(jar), MAIN, "--port", str(port)]
        self._process = subprocess.Popen(command, cwd=jar.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._wait()
            undo.pop_all()

    def stop(self) -> None:
        """End the server; a second call does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        with closing(BoundedClient(self.url, 5.0)) as client:
            self._wait_until(end, client)

    def _wait_until(self, end: float, client: BoundedClient) -> None:
        while time.monotonic() < end:
            if (code := self._process.poll()) is not None:
                raise UserError(f"LanguageTool ended with code {code} as it started; check its folder and the version of Java.")
            try:
                with client.send("GET", "/v2/healthcheck") as exchange:
                    if exchange.status == 200:
                        return
            except HttpFault:
                pass  # it has not started yet
            time.sleep(0.1)
        raise UserError(f"LanguageTool did not answer within {PATIENCE:g} s; start it yourself and give its url.")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
