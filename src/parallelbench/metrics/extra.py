"""The optional libraries of the metrics of text, which `pip install 'parallelbench[text]'` brings."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from parallelbench.errors import MissingExtra

STEMMER = ("nltk",)
CHECKER = ("harper", "lemminflect", "nltk", "textblob")
"""Modules that the embedded grammar checker imports; textblob imports nltk."""


@cache
def require(what: str, modules: tuple[str, ...]) -> None:
    """Check that modules can be imported, without importing them.

    Raises:
        MissingExtra: one of them is not installed; `what` says what needs it.
    """
    if any(find_spec(module) is None for module in modules):
        raise MissingExtra(what, "text")
