"""`parallelbench cluster`: how to run on several GPUs or machines, as a page of help and as templates."""

from __future__ import annotations

from typing import Annotated

import typer

TEXTS = {"help": "help.txt", "slurm": "slurm.sh", "kubernetes": "kubernetes.yaml"}


def command(
    what: Annotated[
        str, typer.Argument(metavar="[slurm|kubernetes]", help="Print only this job; default: a page of help with both.")
    ] = "help",
    machines: Annotated[int, typer.Option("--machines", min=1, max=10_000, help="Number of machines.")] = 2,
    gpus: Annotated[int, typer.Option("--gpus", min=0, max=64, help="GPUs of each machine.")] = 1,
    cpus: Annotated[int, typer.Option("--cpus", min=1, max=1024, help="CPU cores of each machine.")] = 16,
    experiment: Annotated[str, typer.Option("--experiment", help="The experiment that 'sweep' runs.")] = "quickstart",
    out: Annotated[str, typer.Option("--out", "-o", help="The run folder.")] = "/runs/out",
) -> None:
    """Print how to run on several GPUs or machines.

    Example: parallelbench cluster slurm --machines 4 --gpus 8 --experiment my.yaml -o /shared/out > job.sh
    """
    from parallelbench.errors import UnknownName

    if what not in TEXTS:
        raise UnknownName("text", what[:40], TEXTS)
    print(render(what, machines=machines, gpus=gpus, cpus=cpus, experiment=experiment, out=out))


def render(what: str, *, machines: int, gpus: int, cpus: int, experiment: str, out: str) -> str:
    """Return one of the texts, filled in."""
    import shlex
    from importlib.metadata import PackageNotFoundError, version

    from jinja2 import Environment, PackageLoader, StrictUndefined

    try:
        ray = version("ray")
    except PackageNotFoundError:
        ray = "<the version of Ray in the image>"
    each = ["--gpus-per-worker", "1"] if gpus else ["--cpus-per-worker", "1"]
    words = ["parallelbench", "sweep", experiment, "-o", out, "--executor", "ray", *each]
    texts = Environment(loader=PackageLoader("parallelbench.cli", "cluster"), undefined=StrictUndefined, autoescape=False)
    values = {
        "command": shlex.join(words),
        "machines": machines,
        "gpus": gpus,
        "cpus": cpus,
        "ray": ray,
        "gpu_limit": f', nvidia.com/gpu: "{gpus}"' if gpus else "",
    }
    parts = {name: texts.get_template(f"{TEXTS[name]}.jinja").render(values) for name in ("slurm", "kubernetes")}
    return parts[what] if what in parts else texts.get_template("help.txt.jinja").render(values, **parts)
