"""Metrics of accuracy (pure functions of a sample and a text) and of speed (`speed`, which counts tokens and forwards)."""

from __future__ import annotations

from parallelbench.metrics.base import METRICS, Metric, backends, resolve, score
from parallelbench.metrics.lists import parse_list

__all__ = ["METRICS", "Metric", "backends", "parse_list", "resolve", "score"]
