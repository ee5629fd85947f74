"""Writes `report.html`, a page that loads nothing from the network, and the folder `figures/` next to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from parallelbench.report import decoding_order, payload, provenance, samples, vega
from parallelbench.report.data import ALL, Filters, ReportData, report_data
from parallelbench.report.figures import FIGURES
from parallelbench.report.file_style import PLAIN_FILES, FileStyle
from parallelbench.report.findings import findings
from parallelbench.report.sample_data import LayOut
from parallelbench.report.section import Section
from parallelbench.report.sections import SECTIONS
from parallelbench.report.theme import unvalidated
from parallelbench.runs.disk import disk_errors, write_text
from parallelbench.runs.folder import StoredRun, read_run

PAGE = "report.html"


def write_report(
    *runs: Path,
    out: Path | None = None,
    keep: Filters = ALL,
    with_published: bool = True,
    baseline: str | None = None,
    style: FileStyle = PLAIN_FILES,
    run: StoredRun | None = None,
    lay_out: LayOut | None = None,
) -> Path:
    """Write the report of one run folder, or of several together, and return the path of the page.

    Args:
        runs: the folders.
        out: where the page and the figures are written; None is the only folder, or `report` for several.
        keep: which cells are reported.
        with_published: whether the numbers that the paper published are shown too.
        baseline: the decoder that all others are compared with (`analysis.baseline`).
        style: in which formats and how wide the figures are saved.
        run: the run of these folders where it has been read already.
        lay_out: lays a sample out step by step and looks for the writes that collided; None does not look.

    Raises:
        UserError: the folder holds no run or no samples, a record line is damaged, no decoder has the baseline's name, or the
            folder cannot be written.
    """
    out = out or (runs[0] if len(runs) == 1 else Path(PAGE).with_suffix(""))
    data = report_data(read_run(*runs) if run is None else run, keep, with_published, baseline)
    with disk_errors(out):
        (out / FIGURES).mkdir(parents=True, exist_ok=True)
        page = _drawn(data, out / FIGURES, style, lay_out)
    write_text(out / PAGE, page)
    return out / PAGE


def _drawn(data: ReportData, folder: Path, style: FileStyle, lay_out: LayOut | None = None) -> str:
    """Save the figures, and return the page. A second thread has the figures drawn by another process, on another core."""
    with ThreadPoolExecutor(1) as thread, unvalidated():
        script = thread.submit(vega.library)
        sections: list[Section] = []
        saved: list[Future[None]] = []
        for section in (build(data) for build in SECTIONS):
            if section is not None:
                sections.append(section)
                saved += [thread.submit(figure.save, folder, style) for figure in section.figures]
        page = render(data, sections, script.result(), style.formats, lay_out)
        for one in saved:
            one.result()
        return page


def render(
    data: ReportData,
    sections: list[Section],
    script: str,
    formats: Sequence[str] = ("svg",),
    lay_out: LayOut | None = None,
) -> str:
    """Return the page, with `script` to draw its figures, which lie beside it in `formats`.

    Everything that came from a model or a file is escaped.
    """
    environment = Environment(
        loader=PackageLoader("parallelbench.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups = samples.groups_of(data)
    return environment.get_template("report.html").render(
        title=next(iter(_said(data, "name")), f"{', '.join(data.models)} on {len(data.tasks)} tasks"),
        descriptions=_said(data, "description"),
        data=data,
        look=partial(_symbol, {name: place for place, name in enumerate(data.looks.names)}),
        findings=findings,
        sections=sections,
        groups=groups,
        cells_shown=sum(len(cells) for _, cells in groups),
        reasons_shown=any(example.labels for _, cells in groups for cell in cells for example in cell["examples"]),
        facts=provenance.facts(data),
        settings=provenance.settings_in_full(data),
        planned=data.run.planned,
        unfinished=data.unfinished,
        figures=Markup(payload.packed(payload.figures_json([figure for one in sections for figure in one.figures]))),
        library=Markup(payload.packed(script)),
        decoding_order=decoding_order,
        name_of=samples.name_of,
        players=Markup(payload.packed(samples.players_json(data, groups, lay_out))),
        player=Markup(samples.player_script()),
        player_style=Markup(samples.player_style()),
        formats=formats,
    )


def _symbol(places: Mapping[str, int], family: str) -> Markup:
    """The symbol of a family, which the page defines once."""
    return Markup(f'<svg class="look" aria-hidden="true"><use href="#look-{places[family]}"/></svg>')  # a number only: safe


def _said(data: ReportData, key: str) -> list[str]:
    """What the calls say of themselves under a key, each once: that with the most cells first, of equal ones the newest."""
    calls = sorted(data.run.calls, key=lambda call: (len(call.cells), call.started), reverse=True)
    return list(dict.fromkeys(str(call.resolved[key]) for call in calls if call.resolved.get(key)))
