"""Three decoders on two tasks with the model that ships: accuracy against speed.

    python examples/compare_decoders.py

Copying a list needs no coordination between its items, so it survives any speed. The items of a shuffled list exclude each
other, so filling several in one forward breaks it, unless the decoder waits for confident predictions.
"""

import parallelbench as pb

results = pb.run(
    "tiny",
    ["waiting_line/copy", "waiting_line/shuffle"],
    ["confidence:k=[1,2,4,8]", "threshold:gamma=0.9", "random:k=4"],
    limit=4,
)
columns = ["accuracy", "nfe", "content_tokens_per_forward"]
print(results.frame.groupby(["task", "decoder"], sort=False)[columns].mean().round(2).to_string())
