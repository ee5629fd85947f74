"""Shows in the terminal how one answer was decoded: the canvas after each forward, what it wrote, and how the answer broke."""

from __future__ import annotations

from rich.text import Text

from parallelbench.cli.terminal import cell, console, table_of
from parallelbench.report.trace_view import Step, TraceView, shown_token

MASK = "░"
NOW, BROKEN, MASKED, QUIET = "bold black on yellow", "bold white on red", "dim", "dim"


def show(view: TraceView, name: str) -> None:
    """Print one answer step by step."""
    where = console()
    for line in (cell(f"{name}  {view.title}", "bold"), cell(view.question), Text()):
        where.print(line)
    for number, step in enumerate(view.steps):
        for line in forward_lines(view, number, step):
            where.print(line)
    if view.hidden:
        where.print(cell(f"{view.hidden} positions behind the end of the answer are left out.", QUIET))
    where.print(cell(f"answer: {view.answer}"))
    if not view.right:
        where.print(cell(f"a right answer: {view.expected}"))
    where.print(cell(view.verdict, "green" if view.right else "bold red"))
    where.print()
    where.print(table_of(["cost or score", "value"], [list(row) for row in view.numbers]))


def forward_lines(view: TraceView, number: int, step: Step) -> list[Text]:
    """The lines of one forward: its number, the canvas after it, and the tokens that it wrote with their confidence."""
    broke = view.collision is not None and view.collision.forward == number
    marked = view.collision.positions if view.collision is not None and broke else ()
    canvas = Text("  ")
    for position, text in enumerate(step.canvas):
        style = BROKEN if position in marked else NOW if position in step.written else "" if text is not None else MASKED
        canvas.append_text(cell(MASK if text is None else shown_token(text), style))
        if text is not None and text.endswith("\n"):
            canvas.append("\n  ")
    words = [
        f"{position} '{shown_token(step.canvas[position] or '')}'" + ("" if sure is None else f" {sure:.2f}")
        for position, sure in step.written.items()
    ]
    words += [f"{position} masked again" for position in step.masked]
    wrote = cell("  " + (", ".join(words) or "wrote nothing that is shown"), QUIET)
    title = f"forward {number + 1} of {len(view.steps)}" + (": no right answer is possible any more" if broke else "")
    return [cell(title, "bold red" if broke else "bold"), canvas, wrote]
