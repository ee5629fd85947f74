"""1,216 numbers of the paper's other figures and tables, which the project page does not publish as files.

`figures.csv` holds what was read from the PDF (arXiv 2510.04767, text of 2 October 2025): the vector paths of its figures, to
half a point of accuracy, and the printed tables. Each row names its experiment (`parallelbench sweep paper:NAME`).

Numbers were put under the task that they belong to where the paper labels them otherwise: three panels of Figure 16 have the
name of another task, and Figure 8's curves of the plain model are confidence top-k. A decoder `builtin` is the model's own.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

import pandas as pd

SOURCE, DATE = "arXiv 2510.04767v1", "2025-10-02"


def figure_numbers(figure: str | None = None) -> pd.DataFrame:
    """Return the numbers of one figure or table, or of all.

    Returns:
        The columns `source`, `date`, `figure` (the name of the experiment, `fig5`), `model`, `task`, `decoder` and `cache` (our
        names, with the options that were set), `tokens_per_step` (NaN where it is not printed) and `accuracy` (0 to 1).
    """
    table = _all()
    return (table if figure is None else table[table["figure"] == figure]).reset_index(drop=True)


@cache
def _all() -> pd.DataFrame:
    table = pd.read_csv(BytesIO((files("parallelbench.paper") / "figures.csv").read_bytes()))
    table["accuracy"] /= 100
    table.insert(0, "source", SOURCE)
    table.insert(1, "date", DATE)
    return table
