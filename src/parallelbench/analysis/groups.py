"""Numbers the groups of rows with equal values, and selects rows by them, in a few passes over the columns of a large table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Integers = npt.NDArray[np.int64]


def numbered(*columns: Any) -> Integers:
    """Number the distinct combinations of these columns, each [n], in the order in which they appear: [n], from 0."""
    codes: Integers = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        inside, values = pd.factorize(column, use_na_sentinel=False)
        codes = pd.factorize(codes * len(values) + inside)[0].astype(np.int64)
    return codes


def first_rows(codes: Integers) -> Integers:
    """Return the first row of each group, [groups], of rows that `numbered` has numbered."""
    return np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=-1) > 0)  # a new group has a number above all before


def belonging(frame: pd.DataFrame, table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the rows of a frame of which the values of `keys` occur together in some row of a table, in their order."""
    codes = numbered(*(frame[key] for key in keys))
    distinct = frame.iloc[first_rows(codes)]
    wanted = set(zip(*(table[key] for key in keys), strict=True))
    kept = [one in wanted for one in zip(*(distinct[key] for key in keys), strict=True)]
    return frame[np.array(kept, dtype=bool)[codes]]
