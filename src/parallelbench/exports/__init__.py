"""Writes the results of a run in the forms of other programs: tables, papers, lm-eval. Reads files only."""
