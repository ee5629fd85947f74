"""Where a model can run on this machine."""

from __future__ import annotations

import torch

from parallelbench.errors import UserError


def check_device(name: str) -> None:
    """Refuse a device that a model cannot run on here.

    Raises:
        UserError: there is no such kind of device, this machine has none of it, or it computes nothing.
    """
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        raise UserError(f"there is no device '{name}' here; use {' or '.join(here)}.") from error
