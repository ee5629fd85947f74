"""An explorer that a test serves in its own process."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from parallelbench.cli.trace_choice import laid_out
from parallelbench.runs.folder import read_run
from parallelbench.view.app import make_app
from parallelbench.view.index import Index
from parallelbench.view.reader import Reader
from parallelbench.view.server import listening, make_server

TOKEN = "token-of-this-test"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m&amp;'\"\n"
LABEL = "<img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}=1"


class Explorer:
    """The explorer of a run, served by this process."""

    def __init__(self, *folders: Path) -> None:
        self.index = Index(read_run(*folders))
        self.reader = Reader(self.index)
        self.reader.refresh()
        self.socket = listening(0)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/{TOKEN}/"
        self.server = make_server(make_app(self.index, TOKEN, laid_out))
        self.thread = Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()
