"""The statements on lists and puzzles under several tokens per forward."""

from __future__ import annotations

from collections.abc import Callable

from parallelbench.claims.evidence import Evidence, NoEvidence, percent, points
from parallelbench.claims.statement import Claim, Finding, verdict

RANDOM = tuple(f"waiting_line/{name}" for name in ("shuffle", "replace_random", "insert_random", "remove_random"))
"""The tasks with several right answers, in which tokens depend on each other."""
FIXED = tuple(f"waiting_line/{name}" for name in ("copy", "reverse", "sort", "replace_index", "insert_index", "remove_index"))
"""The tasks with one right answer."""
SHUFFLE, REPLACE = RANDOM[:2]
LATIN, SUDOKU = "puzzle/latin_square_n4", "puzzle/sudoku_n4_12"
FASTEST_FIRST = (32, 16, 8, 4, 2, 1)
CAREFUL, AGGRESSIVE = "threshold:gamma=0.9", "threshold:gamma=0.5"


def loses_more(more: tuple[str, ...], less: tuple[str, ...], k: int, names: tuple[str, str]) -> Callable[[Evidence], Finding]:
    """Test that the first tasks lose more from one token per forward to k than the second (`confidence`)."""

    def test(evidence: Evidence) -> Finding:
        setting = f"confidence:k={k}"
        first, second = evidence.drop(more, setting), evidence.drop(less, setting)
        text = (
            f"From one token per forward to {k} the loss is {100 * first[0]:.0f} points for {names[0]} and "
            f"{100 * second[0]:.0f} for {names[1]}: {points(first - second)}."
        )
        return Finding(verdict(first - second), text)

    return test


def prefers(setting: str, other: str, tasks: tuple[str, ...], where: str) -> Callable[[Evidence], Finding]:
    """Test that the first setting is more accurate than the second on some tasks."""

    def test(evidence: Evidence) -> Finding:
        first, second = evidence.mean(tasks, setting), evidence.mean(tasks, other)
        text = f"On {where} `{setting}` is right in {percent(first)}, `{other}` in {percent(second)}: {points(first - second)}."
        return Finding(verdict(first - second), text)

    return test


def adaptive(evidence: Evidence) -> Finding:
    """Compare a careful threshold with the fastest top-k that is not faster."""
    tasks = evidence.tasks(CAREFUL)
    if not tasks:
        raise NoEvidence(f"`{CAREFUL}` did not run")
    speed = evidence.speed(tasks, CAREFUL)
    ran = [k for k in FASTEST_FIRST if k <= speed and evidence.tasks(f"confidence:k={k}") == tasks]
    if not ran:
        raise NoEvidence(f"no top-k setting ran on the tasks of {CAREFUL}")
    setting = f"confidence:k={ran[0]}"
    gain = evidence.mean(tasks, CAREFUL) - evidence.mean(tasks, setting)
    first, second = (percent(evidence.mean(tasks, one)) for one in (CAREFUL, setting))
    text = (
        f"Over {len(tasks)} task{'' if len(tasks) == 1 else 's'} `{CAREFUL}` is right in {first} at {speed:.1f} tokens per "
        f"step, `{setting}` in {second} at {ran[0]}: {points(gain)}."
    )
    return Finding(verdict(gain), text)


def blocks_of_two(evidence: Evidence) -> Finding:
    """Compare blocks of two with the whole canvas, both at two tokens per forward."""
    models = ("llada-1.5",) if evidence.source == "published" else ()
    whole = "confidence:k=2,block=32" if evidence.source == "published" else "confidence:k=2"
    both = [evidence.mean(RANDOM, one, models) for one in ("confidence:k=2,block=2", whole)]
    shuffle = [evidence.accuracy(SHUFFLE, one, models) for one in ("confidence:k=2,block=2", whole)]
    text = (
        f"At two tokens per forward the four tasks with several right answers are at {percent(both[0])} in blocks of two and "
        f"at {percent(both[1])} in {'blocks of 32' if models else 'the whole canvas'}: {points(both[0] - both[1])} (Shuffle: "
        f"{percent(shuffle[0])} and {percent(shuffle[1])})."
    )
    return Finding(verdict(both[0] - both[1]), text)


BOTH = ("the four tasks with several right answers", "the six with one")
CLAIMS = (
    Claim(
        "dependence",
        "Decoding several tokens per forward breaks the tasks in which tokens depend on each other and spares the others.",
        "Sections 4 and 6, Figures 2 and 3",
        loses_more(RANDOM, FIXED, 4, BOTH),
    ),
    Claim(
        "replace",
        "Replace Random falls with the number of tokens per forward while Replace Index stays flat.",
        "Section 6, Figure 3",
        loses_more((REPLACE,), (RANDOM[1].replace("random", "index"),), 4, ("Replace Random", "Replace Index")),
    ),
    Claim(
        "shuffle",
        "Shuffle falls most steeply.",
        "Section 6, Figure 3",
        loses_more((SHUFFLE,), RANDOM[1:], 2, ("Shuffle", "the other three with several right answers")),
    ),
    Claim(
        "puzzles",
        "Latin squares, which have many right answers, lose more than Sudokus, which have one.",
        "Section 6, Figure 3",
        loses_more((LATIN,), (SUDOKU,), 4, ("Latin squares", "Sudokus")),
    ),
    Claim(
        "confidence-where-fixed",
        "Where one answer is right, unmasking by confidence is better than unmasking at random.",
        "Section 6, Figure 3",
        prefers("confidence:k=4", "random:k=4", FIXED, "the six tasks with one right answer"),
    ),
    Claim(
        "random-where-dependent",
        "Where tokens depend on each other, unmasking at random is better than unmasking by confidence.",
        "Section 6, Figure 3",
        prefers("random:k=2", "confidence:k=2", (SHUFFLE,), "Shuffle"),
    ),
    Claim(
        "adaptive",
        "A careful threshold is more accurate than a fixed number of tokens per forward at no less speed.",
        "Section 6, Figure 3",
        adaptive,
    ),
    Claim(
        "aggressive",
        "An aggressive threshold collapses where tokens depend on each other: it does not adapt to their difficulty.",
        "Section 6, Figure 3",
        prefers(CAREFUL, AGGRESSIVE, RANDOM, "the four tasks with several right answers"),
    ),
    Claim(
        "blocks-help-lists",
        "Short blocks, decoded from left to right, help lists.",
        "Section 6, Figures 5, 14 and 15",
        blocks_of_two,
        from_published='`figure_numbers("fig5")`',
    ),
)
