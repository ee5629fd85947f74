"""`parallelbench run`: decoders on tasks with a model."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.cli.arguments import BatchSize, DataDir, Device, Limit, Out, Seed, Shots, Suite


def command(
    model: Annotated[list[str], typer.Option("--model", "-m", help="Model, for example tiny; may be repeated.")],
    task: Annotated[list[str], typer.Option("--task", "-t", help="Tasks: a comma list, 'waiting_line/*', or repeated.")],
    decoder: Annotated[
        list[str] | None, typer.Option("--decoder", "-d", help="Decoder, for example confidence:k=[1,2,4]; repeatable.")
    ] = None,
    suite: Suite = "ours",
    data_dir: DataDir = None,
    limit: Limit = None,
    seed: Seed = 0,
    shots: Shots = None,
    cache: Annotated[
        list[str] | None, typer.Option("--cache", help="Keys kept between forwards: none, prefix, dual, block; repeatable.")
    ] = None,
    aux: Annotated[str | None, typer.Option("--aux", help="Second model of the same tokens, for some decoders.")] = None,
    batch_size: BatchSize = 64,
    device: Device = None,
    out: Out = None,
) -> None:
    """Decode tasks with a model under several decoders, and print accuracy against speed.

    The same command again continues where it was cut off. Example:
    parallelbench run -m tiny -t waiting_line/copy,waiting_line/shuffle -d confidence:k=[1,2,4,8] -d threshold:gamma=0.9 -o out
    """
    from parallelbench.cli.carry_out import carry_out
    from parallelbench.experiments.spec import Sweep
    from parallelbench.specs import build, split_specs

    asked = {
        "models": model,
        "tasks": split_specs(task),
        "decoders": split_specs(decoder or []),
        "suite": suite,
        "data_dir": data_dir,
        "limit": limit,
        "seeds": [seed],
        "shots": shots,
        "cache": cache or ["none"],
        "aux": aux,
        "batch_size": batch_size,
        "device": device,
    }
    carry_out(build(Sweep, "run", asked), out)
