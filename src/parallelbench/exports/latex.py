"""Tables in LaTeX, for the package booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.exports.paper_table import PaperTable, Value

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
}  # fmt: skip


def as_latex(made: Sequence[PaperTable]) -> str:
    r"""Return tables in LaTeX; the preamble needs \usepackage{booktabs} and \usepackage[T1]{fontenc}."""
    return "\n".join(_table(one) for one in made)


def _table(made: PaperTable) -> str:
    head = " & ".join(["decoder", *map(escape, made.columns)])
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(made.caption)}}}",
        rf"  \begin{{tabular}}{{l{'r' * len(made.columns)}}}",
        r"    \toprule",
        rf"    {head} \\",
        r"    \midrule",
        *(rf"    {' & '.join([escape(name), *map(_value, values)])} \\" for name, values in made.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _value(value: Value) -> str:
    text = rf"\textbf{{{value.text}}}" if value.bold else value.text
    return rf"{text} {{\scriptsize [{value.low}, {value.high}]}}" if value.low else text


def escape(text: str) -> str:
    """Return a text in which no character is taken for a command; control characters are left out."""
    return "".join(SPECIAL.get(one, one) for one in text if one.isprintable())
