"""Exit codes of the command."""

FAILED = 1
"""A check of `doctor` failed, or samples of a run could not be decoded."""
USER_MISTAKE = 2
DEFECT = 70
"""A fault of this program (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
BROKEN_PIPE = 141
