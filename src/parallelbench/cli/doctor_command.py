"""`parallelbench doctor`: checks of a model and of a decoder."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.cli.arguments import Device
from parallelbench.cli.exit_codes import FAILED
from parallelbench.errors import UnknownName


def command(
    what: Annotated[str, typer.Argument(metavar="[model|decoder] NAME", help="A model, or 'decoder' and a decoder.")],
    name: Annotated[str | None, typer.Argument(hidden=True)] = None,
    device: Device = None,
) -> None:
    """Check a model, or a decoder against its contract.

    Exit code 1 where a check fails. Examples: parallelbench doctor tiny, parallelbench doctor decoder threshold:gamma=0.9
    """
    kind, spec = ("model", what) if name is None else (what, name)
    if kind not in ("model", "decoder"):
        raise UnknownName("thing to examine", kind, ["model", "decoder"])
    healthy = _model(spec, device) if kind == "model" else _decoder(spec)
    if not healthy:
        raise typer.Exit(FAILED)


def _model(spec: str, device: str | None) -> bool:
    from rich.table import Table
    from rich.text import Text

    from parallelbench.cli.names import check_model_name
    from parallelbench.cli.terminal import cell, console, say
    from parallelbench.doctor.models import check_model
    from parallelbench.models import load_model

    check_model_name(spec)
    found = check_model(load_model(spec, device))
    out = console()
    card, checks = Table(box=None, pad_edge=False, show_header=False), Table(box=None, pad_edge=False, show_header=False)
    for key, value in found.facts.items():
        card.add_row(cell(key), cell(value))
    for check in found.checks:
        verdict = Text("ok", style="green") if check.passed else Text("FAILED", style="red")
        checks.add_row(verdict, cell(check.name), cell(check.seen))
    out.print(card)
    out.print()
    out.print(checks)
    for doubt in found.doubts:
        say(f"\nnote: {doubt}")
    for sample in found.samples:
        say(f"\n--- {sample.prompt.sample.id}, nfe {sum(sample.ledger.nfe.values())}")
        say(sample.text)
    return found.healthy


def _decoder(spec: str) -> bool:
    from parallelbench.cli.names import check_decoder_spec
    from parallelbench.cli.terminal import say
    from parallelbench.decoding import load_decoders
    from parallelbench.doctor.decoders import check_decoder

    check_decoder_spec(spec)
    broken = 0
    for decoder in load_decoders(spec):
        faults = check_decoder(decoder)
        broken += len(faults)
        say("\n".join(f"{decoder.spec}: {fault}" for fault in faults) if faults else f"{decoder.spec}: keeps its contract")
    return not broken
