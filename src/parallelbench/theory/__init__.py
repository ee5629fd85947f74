"""What is possible: exact laws of right answers, what parallel steps cost them, and what samplers can reach.

NumPy only. `law("shuffle", 10)` is a law, `total_correlation(law)` its cost in one step, `optimum(law)` the best schedules,
`best_policy(law)` the best sampler that chooses positions before it draws, `best_after_draw(law)` the best that chooses what to
keep after it has drawn, `accuracy_of(task, n, Setting(...))` a closed form. docs/theory.md derives them.
"""

from __future__ import annotations

from parallelbench.theory.after_draw import AfterDraw, best_after_draw
from parallelbench.theory.base import UNKNOWN, ImpossibleContext, Law
from parallelbench.theory.closed_form import Setting, accuracy_of, limit_of_accuracy, positions_of
from parallelbench.theory.collision import mean_forwards, shuffle_after_draw
from parallelbench.theory.correlation import limit_of_total_correlation, total_correlation_of
from parallelbench.theory.information import (
    Payment,
    bound,
    bound_of_sizes,
    mean_entropies,
    model_log_probabilities,
    paid,
    partition_accuracy,
    total_correlation,
)
from parallelbench.theory.laws import LAWS, law, law_of_sample, shape_of_sample
from parallelbench.theory.noise import NoisyPosterior
from parallelbench.theory.partitions import Partition, left_to_right, sizes_of
from parallelbench.theory.places import place_after_draw
from parallelbench.theory.policies import Policy, best_policy
from parallelbench.theory.schedules import Optimum, optimum
from parallelbench.theory.table import TableLaw

__all__ = [
    "LAWS",
    "UNKNOWN",
    "AfterDraw",
    "ImpossibleContext",
    "Law",
    "NoisyPosterior",
    "Optimum",
    "Partition",
    "Payment",
    "Policy",
    "Setting",
    "TableLaw",
    "accuracy_of",
    "best_after_draw",
    "best_policy",
    "bound",
    "bound_of_sizes",
    "law",
    "law_of_sample",
    "left_to_right",
    "limit_of_accuracy",
    "limit_of_total_correlation",
    "mean_entropies",
    "mean_forwards",
    "model_log_probabilities",
    "optimum",
    "paid",
    "partition_accuracy",
    "place_after_draw",
    "positions_of",
    "shape_of_sample",
    "shuffle_after_draw",
    "sizes_of",
    "total_correlation",
    "total_correlation_of",
]
