"""The optional libraries of metrics, which `pip install 'parallelbench[text]'` or `[math]` brings."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from parallelbench.errors import MissingExtra

STEMMER = ("nltk",)
CHECKER = ("harper", "lemminflect", "nltk", "textblob")
"""Modules that the embedded grammar checker imports; textblob imports nltk."""
EXTRAS = {"math_verify": "math"}
"""The extra that brings a module, where that is not `text`."""


@cache
def require(what: str, modules: tuple[str, ...]) -> None:
    """Check that modules can be imported, without importing them.

    Raises:
        MissingExtra: one of them is not installed; `what` says what needs it.
    """
    missing = next((module for module in modules if find_spec(module) is None), None)
    if missing is not None:
        raise MissingExtra(what, EXTRAS.get(missing, "text"))
