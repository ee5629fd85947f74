"""`parallelbench doctor`: is a model what its card says, does a decoder keep its contract?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from parallelbench.cli.arguments import Device
from parallelbench.errors import UnknownName

WIDTH = 128
FAILED = 1


def command(
    what: Annotated[str, typer.Argument(metavar="[model|decoder] NAME", help="A model, or 'decoder' and a decoder.")],
    name: Annotated[str | None, typer.Argument(hidden=True)] = None,
    device: Device = None,
) -> None:
    """Load a model and check it, or hold a decoder to its contract; exit code 1 where something fails.

    Examples: parallelbench doctor tiny, parallelbench doctor decoder threshold:gamma=0.9
    """
    kind, spec = ("model", what) if name is None else (what, name)
    if kind not in ("model", "decoder"):
        raise UnknownName("thing to examine", kind, ["model", "decoder"])
    healthy = _model(spec, device) if kind == "model" else _decoder(spec)
    if not healthy:
        raise typer.Exit(FAILED)


def _model(spec: str, device: str | None) -> bool:
    from rich.console import Console
    from rich.table import Table

    from parallelbench.doctor.models import check_model
    from parallelbench.models import load_model

    found = check_model(load_model(spec, device))
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH, highlight=False)
    card, checks = Table(box=None, pad_edge=False, show_header=False), Table(box=None, pad_edge=False, show_header=False)
    for key, value in found.facts.items():
        card.add_row(key, value)
    for check in found.checks:
        checks.add_row("[green]ok[/]" if check.passed else "[red]FAILED[/]", check.name, check.seen)
    console.print(card)
    console.print()
    console.print(checks)
    for sample in found.samples:
        console.print(f"\n--- {sample.prompt.sample.id}, {sum(sample.ledger.nfe.values())} forwards", markup=False)
        console.print(sample.text, markup=False)
    return found.healthy


def _decoder(spec: str) -> bool:
    from parallelbench.decoding import load_decoders
    from parallelbench.doctor.decoders import check_decoder

    broken = 0
    for decoder in load_decoders(spec):
        faults = check_decoder(decoder)
        broken += len(faults)
        print("\n".join(f"{decoder.spec}: {fault}" for fault in faults) if faults else f"{decoder.spec}: keeps its contract")
    return not broken
