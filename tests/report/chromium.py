"""Drives a headless Chromium through its DevTools protocol, over a pipe, so that a test can use a page as a reader does."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (path := shutil.which(name))), None
)
PATIENCE = 60.0


class Tab(NamedTuple):
    """A tab of a running browser."""

    browser: Browser
    session: str

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def open(self, url: str) -> None:
        """Load a page and wait until its figures are drawn."""
        self.browser.messages.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.documentElement.dataset.ready === '1'")

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}; the console says {self.browser.messages}"
            time.sleep(0.05)

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key: its name as the browser knows it (Tab, Enter, ArrowDown)."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}
        about = {
            "key": key,
            "code": "Space" if key == " " else key,
            "windowsVirtualKeyCode": codes[key],
            "modifiers": modifiers,
        }
        text = {"Enter": "\r", " ": " "}.get(key)
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def window(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the window and the reader's choice of dark or light."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])


class Browser:
    """A running browser; `messages` is all that a page has written to the console, and every error in it."""

    def __init__(self, sink: int, source: int) -> None:
        self.sink, self.source, self.number, self.left = sink, source, 0, b""
        self.messages: list[str] = []

    def tab(self) -> Tab:
        """Open a tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        tab = Tab(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        return tab

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self.sink, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self.number:
                assert "error" not in reply, (method, reply["error"])
                return dict(reply["result"])
            if reply.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
                self.messages.append(json.dumps(reply["params"])[:3000])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.source], [], [], PATIENCE)
            assert ready, "the browser does not answer"
            data = os.read(self.source, 1 << 20)
            assert data, "the browser has ended"
            self.left += data
        line, _, self.left = self.left.partition(b"\0")
        return dict(json.loads(line))


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Start a browser with its profile in an empty folder, and end it."""
    assert CHROMIUM is not None
    (their_source, sink), (source, their_sink) = os.pipe(), os.pipe()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions"]
    command = [CHROMIUM, *flags, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
    wired = f'exec 3<&{their_source} 4>&{their_sink}; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", wired, "chromium", *command], pass_fds=(their_source, their_sink), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(their_source)
    os.close(their_sink)
    try:
        browser = Browser(sink, source)
        yield browser
        browser.call("Browser.close")
    finally:
        os.close(sink)
        os.close(source)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
