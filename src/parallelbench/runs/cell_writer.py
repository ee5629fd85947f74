"""Appending samples to the two files of a cell."""

from __future__ import annotations

from dataclasses import dataclass, replace

from parallelbench.runs.disk import Appender
from parallelbench.runs.records import Extent, Record, Trace, line_of


@dataclass(slots=True)
class CellWriter:
    """Appends samples to a cell: the trace first, so that a record is never without one."""

    records: Appender
    traces: Appender
    count: int

    def append(self, record: Record, trace: Trace) -> None:
        """Write one sample.

        Raises:
            UserError: the disk is full, or the sample holds what no reader could read.
        """
        line = line_of(trace)
        placed = line_of(replace(record, trace=Extent(self.traces.end, len(line))))
        self.traces.append(line)
        self.records.append(placed)
        self.count += 1
