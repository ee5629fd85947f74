"""For each decoder of the registry: its setting that commits one token a step, then faster ones, ever faster.

A decoder without an entry fails `test_every_decoder_of_the_registry_conforms`: write its settings here when you add one.
"""

SETTINGS = {
    "one_by_one": ("one_by_one",),
    "all_at_once": ("all_at_once:block=1", "all_at_once:block=3", "all_at_once"),
    "random": ("random:k=1", "random:k=2", "random:k=3,block=6,temperature=1", "random:k=4"),
    "confidence": ("confidence:k=1", "confidence:steps=5", "confidence:k=2,ties=random", "confidence:k=4,temperature=1"),
    "margin": ("margin:k=1", "margin:k=2,temperature=1,top_p=0.9", "margin:k=4"),
    "entropy": ("entropy:k=1", "entropy:k=2,block=4", "entropy:k=4"),
    "left_to_right": ("left_to_right:k=1", "left_to_right:k=2", "left_to_right:steps=1"),
    "threshold": (
        "threshold:gamma=1.0,block=1",
        "threshold:gamma=0.9",
        "threshold:gamma=0.45",
        "threshold:gamma=0.2,temperature=1",
    ),
    "factor": ("factor:f=0.0", "factor:f=1.0", "factor:f=2.1", "factor:f=4.0"),
}
