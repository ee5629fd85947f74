"""The functions that the task files beside this one name; the harness loads this file by its path."""

from parallelbench.integrations.lm_eval.docs import documents, scores

__all__ = ["documents", "scores"]
