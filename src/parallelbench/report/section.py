"""The data class of a section of the report."""

from __future__ import annotations

from dataclasses import dataclass, field

from parallelbench.report.figures import Figure
from parallelbench.report.tables import Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence or two, figures and tables."""

    id: str
    title: str
    text: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
