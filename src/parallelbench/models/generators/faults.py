"""Errors of a served model: those that may pass, so that the request is sent again, and those that the user must mend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from parallelbench.clean import for_terminal
from parallelbench.errors import ParallelBenchError, UserError

PASSING = frozenset({408, 409, 425, 429, 529})
"""HTTP statuses that pass, in addition to every 5xx. 529 is Anthropic's "overloaded"."""
LONGEST_WAIT = 600.0
"""Seconds; a request that would have to wait longer is not sent again."""

_OVERFLOW = re.compile(
    r"context.?(length|size|window)|maximum context|prompt is too long|exceed_context|input is too long", re.IGNORECASE
)


class Fault(ParallelBenchError):
    """A request failed and may succeed when it is sent again.

    Attributes:
        wait: seconds that the server demands before the next request.
        unreachable: no connection could be opened.
    """

    def __init__(self, reason: str, wait: float | None = None, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unreachable = unreachable


class Refused(ParallelBenchError):
    """A request will never succeed as it is. `kind` says why: key, model, context or other."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def judge(status: int, headers: Mapping[str, str], message: str) -> Fault | Refused:
    """Tell a refusal from a fault that passes, by HTTP status; an error inside a stream that began well has status 200."""
    said = " ".join(for_terminal(message).split())
    reason = said if status == 200 else f"HTTP {status}: {said}"
    if _OVERFLOW.search(message) and status not in PASSING:
        return Refused("context", reason)
    if status in PASSING or status >= 500 or status == 200:
        return Fault(reason, retry_after(headers))
    if status in (401, 403):
        return Refused("key", reason)
    return Refused("model" if status == 404 else "other", reason)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server wants before the next request, by `retry-after-ms` or `retry-after` (seconds or a date)."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        wanted = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]*)?", wanted):
            return float(wanted) * unit
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def mend(refused: Refused, model: str, sample_id: str, variable: str, known: str) -> UserError:
    """Turn a refusal into one sentence with the fix; `known` names the models that the server has, if it says so."""
    if refused.kind == "context":
        return UserError(
            f"{sample_id} does not fit into the context of {model}; use shorter lists, fewer shots or a smaller max_tokens."
        )
    if refused.kind == "key":
        return UserError(f"{model} refuses the key in {variable} ({refused}); check the key and what it may do.")
    if refused.kind == "model":
        return UserError(f"{model} is unknown there ({refused}){known or '; check name and address, most end in /v1'}.")
    return UserError(f"{model} refuses the request ({refused}); mend what it names and run the same command again.")
