"""The published results of ParallelBench (arXiv 2510.04767, ICLR 2026), in the names of this package."""

from parallelbench.paper.figures import figure_numbers
from parallelbench.paper.names import samples_of
from parallelbench.paper.published import PAPER, RERUN, published, setting_of

__all__ = ["PAPER", "RERUN", "figure_numbers", "published", "samples_of", "setting_of"]
