"""A decoder of each of the three kinds, compared with `confidence:k=2` on the model that ships.

    python examples/own_decoder.py

The same classes work from the command line, which names a file and a class in it:

    parallelbench run -m tiny -t waiting_line/copy -d ./examples/own_decoder.py:MiddleFirst:k=2 --limit 20 -o out/own
    parallelbench doctor decoder ./examples/own_decoder.py:MiddleFirst
"""

import numpy as np

import parallelbench as pb
from parallelbench.decoding.quota import Fixed


class MiddleFirst(pb.RankingDecoder):
    """Ranks positions and says how many of the best are committed: nearest to the middle of the window first, k a step."""

    family = "middle_first"
    k: int = 1

    def score(self, signals, state):
        return -np.abs(signals.positions - np.mean(state.window))

    def quota(self):
        return Fixed(self.k)


class SureRun(pb.StepDecoder):
    """Its own rule for each forward: commits the leftmost run of neighbouring positions that are all at least `gamma` sure."""

    family = "sure_run"
    gamma: float = 0.9

    def step(self, signals, state, memory):
        sure = signals.confidence >= self.gamma
        end = len(sure) if sure.all() else int(np.argmin(sure))
        chosen = slice(0, max(1, end))
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])


class TwoLooks(pb.ProgramDecoder):
    """Steers its forwards itself: drafts k tokens, looks once more, and commits them if the first is confirmed."""

    family = "two_looks"
    k: int = 4

    def run(self, state):
        while state.masked.any():
            signals = yield pb.ForwardRequest()
            best = self.best_first(signals.confidence, signals.positions, state)[: self.k]
            positions, tokens = signals.positions[best], signals.token[best]
            draft = state.canvas.copy()
            draft[positions] = tokens
            # The draft without its first token: what the model says there now, with the others in view.
            draft[positions[0]] = state.info.mask_id
            check = yield pb.ForwardRequest(canvas=draft, positions=positions[:1], tokens=tokens[:1], role="verify")
            confirmed = best if check.p_of[0] > 0.5 else best[:1]
            state.write(signals.positions[confirmed], signals.token[confirmed], signals.confidence[confirmed])


if __name__ == "__main__":
    decoders = ["confidence:k=2", MiddleFirst(k=2), SureRun(), TwoLooks()]
    results = pb.run("tiny", ["waiting_line/copy", "waiting_line/shuffle"], decoders, limit=4)
    columns = ["accuracy", "nfe", "content_tokens_per_forward"]
    print(results.frame.groupby(["task", "decoder"], sort=False)[columns].mean().round(2).to_string())
