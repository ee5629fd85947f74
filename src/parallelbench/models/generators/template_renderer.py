"""The chat template of a checkpoint, rendered in a separate process with limits of time and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parallelbench.clean import for_terminal
from parallelbench.errors import UserError
from parallelbench.schema import Turn
from parallelbench.worker import Worker, WorkerFault

WORKER = Path(__file__).with_name("template_worker.py")
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
        self._worker = Worker(WORKER, RENDER_SECONDS)

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the prompt of a conversation that ends where the answer begins.

        Raises:
            UserError: the template fails, takes too long or too much memory, or makes no text of a prompt's length.
        """
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        try:
            reply = self._worker.request({"template": self._template, "messages": messages, "variables": self._variables})
        except WorkerFault as fault:
            raise self._fault(str(fault)) from fault
        if "error" in reply:
            raise self._fault(str(reply["error"]))
        return str(reply["text"])

    def _fault(self, reason: str) -> UserError:
        return UserError(
            f"the chat template of {self._source} cannot be used ({for_terminal(reason)[:300].rstrip('.')}); correct it, or "
            "name a model card with card=NAME."
        )
