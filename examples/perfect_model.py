"""How much of a loss is the model's and how much the decoder's?

    python examples/perfect_model.py

The exact model answers with the true conditional probabilities of the task. What it loses under a decoder is the decoder's
loss; what a trained model loses beyond that is its own.
"""

import parallelbench as pb

TASK, DECODERS = "waiting_line/shuffle", "confidence:k=[1,4],ties=random"
trained = pb.run("tiny", TASK, DECODERS, limit=10).frame
perfect = pb.run("exact:tokenizer=tiny", TASK, DECODERS, limit=10).frame

print(f"{TASK}: the decoder's loss is what the exact model loses")
for decoder, part in trained.groupby("decoder", sort=False):
    ceiling = perfect[perfect["decoder"] == decoder]["accuracy"].mean()
    measured = part["accuracy"].mean()
    print(f"{decoder:32} decoder's loss {1 - ceiling:5.2f}   model's loss {ceiling - measured:5.2f}   accuracy {measured:5.2f}")
