"""Writes `report.html`, a page that loads nothing from the network, and the folder `figures/` next to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from parallelbench.analysis.examples import examples
from parallelbench.analysis.frame import as_rows
from parallelbench.errors import UserError
from parallelbench.report import decoding_order, provenance, vega
from parallelbench.report.data import ALL, Filters, ReportData, read_report_data
from parallelbench.report.figures import FIGURES
from parallelbench.report.section import Section
from parallelbench.report.sections import SECTIONS

PAGE = "report.html"


def write_report(*runs: Path, out: Path | None = None, keep: Filters = ALL) -> Path:
    """Write the report of one run folder, or of several together, and return the path of the page.

    Args:
        runs: the folders.
        out: where the page and the figures are written; None is the only folder, or `report` for several.
        keep: which cells are reported.

    Raises:
        UserError: the folder holds no run or no samples, a record line is damaged, or the folder cannot be written.
    """
    out = out or (runs[0] if len(runs) == 1 else Path(PAGE).with_suffix(""))
    data = read_report_data(*runs, keep=keep)
    sections = [section for build in SECTIONS if (section := build(data)) is not None]
    page = render(data, sections)
    try:
        folder = out / FIGURES
        folder.mkdir(parents=True, exist_ok=True)
        for section in sections:
            for figure in section.figures:
                figure.save(folder)
        draft = out / f".{PAGE}.draft"
        draft.write_text(page, encoding="utf-8")
        return draft.replace(out / PAGE)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); free some space or check its permissions.") from error


def render(data: ReportData, sections: list[Section]) -> str:
    """Return the page. Everything that came from a model or a file is escaped."""
    environment = Environment(
        loader=PackageLoader("parallelbench.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        title=data.run.said("name") or f"{', '.join(data.models)} on {len(data.tasks)} tasks",
        description=data.run.said("description"),
        data=data,
        sections=sections,
        groups=list(_groups(data)),
        facts=provenance.facts(data),
        planned=data.run.planned,
        unfinished=data.run.unfinished,
        specs={figure.id: Markup(figure.spec) for section in sections for figure in section.figures},
        library=Markup(vega.library()),
        decoding_order=decoding_order,
    )


def _groups(data: ReportData) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The cells with their examples, task by task."""
    found: dict[str, list[Any]] = {}
    for example in examples(data.run, data.samples):
        found.setdefault(example.cell, []).append(example)
    cells = as_rows(data.cells)
    for task in data.tasks:
        yield task, [{**cell, "examples": found[cell["cell"]]} for cell in cells if cell["task"] == task]
