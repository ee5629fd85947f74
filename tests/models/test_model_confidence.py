"""Confidence is taken over what can be written; published code takes it over every row of the output matrix (fault 11)."""

from __future__ import annotations

import numpy as np
import torch

from parallelbench.contracts.forward import ForwardBatch
from parallelbench.decoding.prompts import make_prompt
from parallelbench.models import load_model
from parallelbench.tasks import load_task


def test_leaving_out_mask_and_padding_rows_changes_confidence_little_on_the_shipped_model() -> None:
    model = load_model("tiny")
    raised = []
    for name in ("waiting_line/copy", "waiting_line/shuffle", "puzzle/sudoku_n4_12"):
        task = load_task(name)
        for index in range(20):
            prompt = make_prompt(model, task.sample(0, index, 0), task.max_new_tokens)
            row = np.array([*prompt.ids, *prompt.canvas])
            columns = len(prompt.ids) + np.arange(len(prompt.canvas))
            batch = ForwardBatch(row[None], np.array([len(row)]), np.zeros(len(columns), dtype=np.int64), columns, [prompt])
            with torch.no_grad():
                logits = model.forward(batch).logits.double()
            writable = logits.clone()[:, : model.info.vocab_size]
            writable[:, model.info.mask_id] = -torch.inf
            raised.append((writable.softmax(-1).amax(-1) - logits.softmax(-1).amax(-1)).numpy())
    difference = np.concatenate(raised)
    assert len(difference) == 2560 and difference.min() >= 0.0
    assert difference.max() < 5e-4 and difference.mean() < 6e-6
