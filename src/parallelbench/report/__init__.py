"""How results are shown: one self-contained page, and each figure as CSV and SVG."""

from parallelbench.report.page import write_report

__all__ = ["write_report"]
