"""`parallelbench lm-eval`: tasks of lm-evaluation-harness with a model and a decoder of ours."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from parallelbench.cli.arguments import BatchSize, Device, Limit
from parallelbench.errors import MissingExtra


def command(
    model: Annotated[str, typer.Option("--model", "-m", help="Model, for example tiny2.")],
    task: Annotated[
        list[str], typer.Option("--tasks", "-t", help="Tasks of lm-eval, separated by commas, or parallelbench_*.")
    ],
    decoder: Annotated[str, typer.Option("--decoder", "-d", help="Decoder with its options.")] = "confidence:k=1",
    limit: Limit = None,
    shots: Annotated[int | None, typer.Option("--num-fewshot", min=0, help="Demonstrations; default: the task's.")] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Canvas if the task sets none.")] = 256,
    chat: Annotated[bool, typer.Option("--apply-chat-template", help="Put prompts into the model's chat template.")] = False,
    system: Annotated[str | None, typer.Option("--system", help="A system prompt.")] = None,
    include_path: Annotated[Path | None, typer.Option("--include-path", help="Folder of task files of your own.")] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Random maskings of a likelihood.")] = 128,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws what is random in decoding.")] = 0,
    batch_size: BatchSize = "auto",
    device: Device = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for results.json and the samples.")] = None,
) -> None:
    """Run tasks of lm-evaluation-harness with our models.

    Prints the harness's table, with forwards, tokens per forward and seconds of each task. Our tasks are named parallelbench_*
    there. Example: parallelbench lm-eval -m llada-1.5 -d threshold:gamma=0.9,block=32 -t gsm8k --limit 100
    """
    if find_spec("lm_eval") is None:
        raise MissingExtra("lm-eval", "lm-eval")
    from parallelbench.cli.names import check_decoder_spec, check_model_name
    from parallelbench.cli.terminal import console, table_of
    from parallelbench.integrations.lm_eval.evaluate import evaluate, write_results
    from parallelbench.integrations.lm_eval.model import ParallelBenchLM
    from parallelbench.specs import split_specs

    check_model_name(model)
    check_decoder_spec(decoder)
    made = ParallelBenchLM(
        model, decoder, batch_size=batch_size, max_new_tokens=max_new_tokens, seed=seed, device=device, draws=draws
    )
    results = evaluate(
        made,
        split_specs(task),
        include_path,
        limit=limit,
        num_fewshot=shots,
        apply_chat_template=chat,
        system_instruction=system,
    )
    console().print(table_of(["task", "filter", "metric", "value"], rows_of(results["results"]), right=3))
    if out is not None:
        write_results(results, out)


def rows_of(results: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """One row for each number of the harness's results, with its standard error where it has one."""
    rows = []
    for task, values in results.items():
        for key, value in values.items():
            name, _, filtered = key.partition(",")
            if isinstance(value, (int, float)) and filtered and not name.endswith("_stderr"):
                error = values.get(f"{name}_stderr,{filtered}")
                shown = f"{value:.4f}" + (f" +- {error:.4f}" if isinstance(error, float) else "")
                rows.append([task, filtered, name, shown])
    return rows
