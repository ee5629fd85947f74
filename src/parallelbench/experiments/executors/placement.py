"""Where a run is to be decoded, as a value: the same for the command line and Python."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from parallelbench.specs import Options

EXECUTORS = ("local", "ray")
ADDRESS = re.compile(r"auto|(?:ray://)?(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")


class Placement(Options):
    """The executor, and for Ray how many workers there are and what each of them takes of the cluster."""

    executor: Literal["local", "ray"] = Field("local", description="local: in this process; ray: workers of a Ray cluster")
    workers: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="workers, each with one model (default: as many as there is room for)"
    )
    gpus_per_worker: Annotated[float, Field(ge=0, le=64)] | None = Field(
        None, description="GPUs of each worker (default: 1 with a device cuda, else 0)"
    )
    cpus_per_worker: Annotated[float, Field(gt=0, le=1024)] = Field(1, description="CPU cores of each worker")
    ray_address: str | None = Field(
        None, description="auto, HOST:PORT or ray://HOST:PORT (default: a Ray on this machine for the time of the run)"
    )
    worker_timeout: float = Field(1800, gt=0, description="seconds without a finished sample after which a worker is replaced")

    @model_validator(mode="after")
    def _only_ray_has_workers(self) -> Self:
        if self.executor == "local" and (named := self.model_fields_set - {"executor"}):
            raise ValueError(f"{', '.join(sorted(named))} is for --executor ray; add it, or leave this out")
        if self.ray_address is not None and not ADDRESS.fullmatch(self.ray_address):
            raise ValueError(f"ray_address is {self.ray_address!r:.60}; write auto, HOST:PORT or ray://HOST:PORT")
        return self

    def gpus(self, device: str | None) -> float:
        """GPUs of each worker, where the user named this device or none."""
        if self.gpus_per_worker is not None:
            return self.gpus_per_worker
        return 1.0 if (device or "").startswith("cuda") else 0.0

    def device(self, named: str | None) -> str | None:
        """Where a worker's model runs: the device that the user named, else its first GPU; None is the CPU."""
        return "cuda:0" if named is None and self.gpus(None) else named


LOCAL = Placement.model_validate({})
