"""Runs programs that a model wrote, against tests that it cannot see.

Two processes are started for each program, both confined (`confine`): the solver holds the program, the judge holds the tests.
The judge calls the program's functions through a socket and compares plain values, so the program can neither read the tests
nor change what compares its answers, whatever it does to its own interpreter. Nothing runs in the process that calls.
"""

from __future__ import annotations

from parallelbench.sandbox.permission import ALLOW, check_allowed, code_allowed
from parallelbench.sandbox.probe import allow_code
from parallelbench.sandbox.program import Limits, Outcome, run_program

__all__ = ["ALLOW", "Limits", "Outcome", "allow_code", "check_allowed", "code_allowed", "run_program"]
