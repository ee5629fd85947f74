"""A server for tests: OpenAI's, Inception's and Anthropic's protocols over a real socket, with faults on a timetable.

`Server(reply, faults)` answers every chat with `reply(messages)`. `faults` maps the number of a chat request (from 0) to the
name of what goes wrong with it instead. All that was asked is kept in `asked`; `answered` counts whole answers by question.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import hostile_http

Event = dict[str, Any] | str


class Server:
    """A context: inside it the server runs at `url`."""

    def __init__(
        self,
        reply: Callable[[list[dict[str, str]]], str],
        faults: Mapping[int, str] | None = None,
        *,
        models: tuple[str, ...] = ("small",),
        diffusing: bool = True,
        echo: bool = False,
        reasoning: bool = False,
        refuses: str = "",
    ) -> None:
        self.reasoning, self.refuses = reasoning, refuses
        self.reply, self.faults, self.models, self.diffusing, self.echo = reply, dict(faults or {}), models, diffusing, echo
        self.asked: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.answered: Counter[str] = Counter()
        self.busy = self.busiest = 0
        self.lock = Lock()
        self.http = Listener(("127.0.0.1", 0), type("Handler", (Handler,), {"server_object": self}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self) -> Server:
        Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()


class Listener(ThreadingHTTPServer):
    """Clients that hang up are what the tests are about, and no error of the server's."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server_object: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer_json(
            200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.server_object.models]}
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        state = self.server_object
        with state.lock:
            number = len(state.asked)
            state.asked.append({**body, "path": self.path})
            state.times.append(time.monotonic())
            state.busy += 1
            state.busiest = max(state.busiest, state.busy)
        try:
            self.chat(body, state.faults.get(number, ""))
        finally:
            with state.lock:
                state.busy -= 1

    def chat(self, body: dict[str, Any], fault: str) -> None:
        state = self.server_object
        if body["model"] not in state.models:
            return self.fail(404, "model_not_found", f"The model `{body['model']}` does not exist.")
        if state.refuses and body.get(state.refuses):
            return self.fail(400, "invalid_request_error", f"Extra inputs are not permitted: {state.refuses}")
        if fault.isdigit():
            named = {"400": ("context_length_exceeded", "This model's maximum context length is 64 tokens.")}
            kind = named.get(fault, ("server_error", f"fault {fault}"))
            key = self.headers.get("authorization", self.headers.get("x-api-key", "")).removeprefix("Bearer ")
            return self.fail(int(fault), kind[0], f"{kind[1]} (key {key})" if state.echo else kind[1])
        if fault.startswith("wait "):
            return self.fail(429, "rate_limit_error", "slow down", {"retry-after": fault.removeprefix("wait ")})
        if fault in hostile_http.MODES:
            return hostile_http.misbehave(self, fault)
        if fault == "hang up":
            return self.connection.close()
        if fault == "slow":
            time.sleep(0.7)
        text = state.reply(body["messages"])
        if state.echo:
            text += " " + self.headers.get("authorization", self.headers.get("x-api-key", ""))
        if not body.get("stream"):
            return self.answer_json(200, self.document(text))
        events = list(self.anthropic(text) if self.path.endswith("/messages") else self.openai(body, text))
        whole = self.stream(events, fault)
        with state.lock:
            state.answered[body["messages"][-1]["content"]] += whole
        return None

    def stream(self, events: list[Event], fault: str) -> bool:
        """Send events; True where they were sent whole."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for place, event in enumerate(events):
            if place == len(events) // 2 and fault == "cut":
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True
                return False
            if place == len(events) // 2 and fault == "stop early":
                self.chunk(b"")
                return False
            if fault == "drip":
                time.sleep(0.1)
            if place == len(events) // 2 and fault in BROKEN:
                self.chunk(BROKEN[fault])
            self.chunk(event.encode() if isinstance(event, str) else self.line(event))
        self.chunk(b"")
        return not fault

    def line(self, event: dict[str, Any]) -> bytes:
        name = f"event: {event['type']}\n" if "type" in event else ""
        return f"{name}data: {json.dumps(event)}\n\n".encode()

    def document(self, text: str) -> dict[str, Any]:
        """The reply without a stream, in either protocol."""
        if self.path.endswith("/messages"):
            usage = {"input_tokens": 11, "output_tokens": len(text.split(" "))}
            return {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}
        usage = {"prompt_tokens": 11, "completion_tokens": len(text.split(" "))}
        return {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}], "usage": usage}

    def openai(self, body: dict[str, Any], text: str) -> Iterator[Event]:
        def chunk(**more: Any) -> dict[str, Any]:
            return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": body["model"], **more}

        def choice(delta: dict[str, str], finish: str | None = None) -> list[dict[str, Any]]:
            return [{"index": 0, "delta": delta, "finish_reason": finish}]

        words = text.split(" ")
        yield ": a comment that keeps the connection alive\n\n"
        if body.get("diffusing") and self.server_object.diffusing:
            for known in (0, len(words) // 2, len(words)):
                draft = " ".join([*words[:known], *("~" * len(word) for word in words[known:])])
                marked = {"diffusion_meta": {"diffusion_content": True, "diffusion_progress": known / len(words)}}
                yield chunk(choices=choice({"role": "assistant", "content": draft}), **marked)
        else:
            yield chunk(choices=choice({"role": "assistant", "content": ""}))
            if self.server_object.reasoning:
                yield chunk(choices=choice({"reasoning_content": "let me think"}))
            for place, word in enumerate(words):
                yield chunk(choices=choice({"content": word if not place else f" {word}"}))
        yield chunk(choices=choice({}, "stop"))
        details = {"reasoning_tokens": 2}
        usage: dict[str, Any] = {"prompt_tokens": 11, "completion_tokens": len(words) + 2, "total_tokens": 13 + len(words)}
        if not self.server_object.reasoning:  # such a server counts it with the answer, and does not say how much it was
            usage["completion_tokens_details"] = details
        if body.get("stream_options", {}).get("include_usage"):
            yield chunk(choices=[], usage=usage)
        yield "data: [DONE]\n\n"

    def anthropic(self, text: str) -> Iterator[Event]:
        start = {"input_tokens": 11, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "small", "content": [], "stop_reason": None}
        yield {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": start}}
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        yield {"type": "ping"}
        if self.server_object.reasoning:
            yield {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "let me think"}}
        for place, word in enumerate(text.split(" ")):
            delta = {"type": "text_delta", "text": word if not place else f" {word}"}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
        ended = {"stop_reason": "end_turn", "stop_sequence": None}
        yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": len(text.split(" "))}}
        yield {"type": "message_stop"}

    def fail(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        error = {"message": message, "type": kind, "code": kind}
        self.answer_json(status, {"type": "error", "error": error}, headers)

    def answer_json(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "content-type": "application/json", "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


BROKEN = {
    "half a frame": b'event: content_block_delta\ndata: {"id": "c", "choices": [{"in\n\n',
    "no frame": b'event: content_block_delta\ndata: {"choices": "none"}\n\n',
    "error frame": b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}\n\n',
}
