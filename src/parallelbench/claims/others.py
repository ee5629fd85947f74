"""The statements on texts, autoregressive models, caches, training, remasking and thoughts."""

from __future__ import annotations

from parallelbench.claims.evidence import Evidence, percent, points
from parallelbench.claims.lists import RANDOM, REPLACE, SHUFFLE, loses_more, prefers
from parallelbench.claims.statement import FAILS, HOLDS, UNCLEAR, Claim, Finding, verdict

TEXTS = (
    *(f"words_to_sentence/{band}" for band in ("easy", "medium", "hard")),
    *(f"paraphrase_summarize/{name}" for name in ("paraphrasing", "summarization")),
)
HARD, PARAPHRASE = "words_to_sentence/hard", "paraphrase_summarize/paraphrasing"
PLAIN, FEW = "confidence:k=1", "confidence:k=4"
FIFTEEN = ":lengths=[15],max_new_tokens=128"
DIFFUSION = ("llada-8b-instruct", "llada-1.5", "dream-v0-instruct", "diffucoder-7b-instruct")
AUTOREGRESSIVE = ("Qwen2.5-7B-Instruct", "Qwen3-4B-Instruct-2507", "Llama-3.1-8B-Instruct")
BUILTIN = "builtin"
TRAINED = "LLaDA-1.5 fine-tuned"
NO_TEXT = {"exact": "there is no exact model of texts, because the distribution of right texts is unknown."}


def autoregression(evidence: Evidence) -> Finding:
    """Compare an autoregressive model with masked diffusion at several tokens per forward on Shuffle."""
    if evidence.source == "published":
        task = SHUFFLE + FIFTEEN
        first = evidence.accuracy(task, BUILTIN, AUTOREGRESSIVE)
        second = evidence.accuracy(task, "confidence:k=2", DIFFUSION)
        names = "three autoregressive models of 4 to 8 B are", "four diffusion models at two tokens per forward"
        where = "On Shuffle of 15"
    else:
        first, second = evidence.mean(RANDOM, f"{BUILTIN}:temperature=0.0", ("tiny-ar",)), evidence.mean(RANDOM, FEW)
        names, where = (
            ("`tiny-ar`, one token per forward, is", f"`tiny` under `{FEW}`"),
            "On the four tasks with several right answers",
        )
    gain = first - second
    text = f"{where} {names[0]} right in {percent(first)}, {names[1]} in {percent(second)}: {points(gain)}."
    return Finding(verdict(gain), text)


def mercury(evidence: Evidence) -> Finding:
    """Compare Shuffle and Reverse of long lists for Mercury, and for an autoregressive model."""
    lengths = range(16, 21)
    gaps = {}
    for model in ("mercury", "Qwen2.5-7B-Instruct"):
        reverse, shuffle = (
            evidence.mean([f"waiting_line/{name}:lengths=[{n}]" for n in lengths], BUILTIN, (model,))
            for name in ("reverse", "shuffle")
        )
        gaps[model] = reverse - shuffle
    mine, other = gaps.values()
    text = (
        f"On lists of 16 to 20 items the accuracy of Reverse minus that of Shuffle is {points(mine)} for Mercury and "
        f"{points(other)} for Qwen2.5 7B."
    )
    first, second = verdict(mine), verdict(-other)
    return Finding(HOLDS if first == second == HOLDS else FAILS if FAILS in (first, second) else UNCLEAR, text)


def blocks_of_four(evidence: Evidence) -> Finding:
    """Compare the whole canvas with blocks of four on texts, both at two tokens per forward."""
    models = ("llada-1.5",) if evidence.source == "published" else ()
    whole = "confidence:k=2,block=32" if evidence.source == "published" else "confidence:k=2"
    tasks = TEXTS if evidence.source == "published" else (HARD, PARAPHRASE)
    first, second = evidence.mean(tasks, whole, models), evidence.mean(tasks, "confidence:k=2,block=4", models)
    wide = "blocks of 32" if evidence.source == "published" else "the whole canvas"
    text = (
        f"At two tokens per forward {percent(first)} of the texts of {len(tasks)} tasks are grammatical in {wide}, "
        f"{percent(second)} in blocks of four: {points(first - second)}."
    )
    return Finding(verdict(first - second), text)


def cache(evidence: Evidence) -> Finding:
    """Compare whole forwards with a prefix cache, one token at a time."""
    models = ("llada-1.5",) if evidence.source == "published" else ()
    losses = {
        task: evidence.accuracy(task, PLAIN, models) - evidence.accuracy(task, f"{PLAIN} prefix", models)
        for task in (SHUFFLE, REPLACE, "puzzle/sudoku_n4_12")
    }
    shuffle, replace, sudoku = losses.values()
    text = (
        f"One token at a time, in one block, the accuracy without a prefix cache minus that with it is {points(shuffle)} on "
        f"Shuffle, {points(replace)} on Replace Random and {points(sudoku)} on Sudoku."
    )
    return Finding(verdict(shuffle), text)


def training(evidence: Evidence) -> Finding:
    """How much a model that was trained on the task loses."""
    models = (TRAINED,) if evidence.source == "published" else ()
    first, second = (evidence.accuracy(SHUFFLE, one, models) for one in (PLAIN, FEW))
    name = "LLaDA 1.5, fine-tuned on Shuffle," if models else "`tiny`, trained on these tasks,"
    text = (
        f"{name} is right in {percent(first)} one token at a time and in {percent(second)} at four: {points(first - second)}."
    )
    return Finding(verdict(first - second), text)


def remasking(evidence: Evidence) -> Finding:
    """How much remasking without training loses on Shuffle."""
    models = ("llada-1.5",) if evidence.source == "published" else ()
    name = "rcr:k={}" if evidence.source == "published" else "rcr:k={},schedule=linear"
    first, second = (evidence.accuracy(SHUFFLE, name.format(k), models) for k in (1, 4))
    text = f"On Shuffle RCR is right in {percent(first)} at one net token per forward and in {percent(second)} at four"
    return Finding(verdict(first - second), f"{text}: {points(first - second)}.")


def thought(evidence: Evidence) -> Finding:
    """Compare Shuffle with and without chain of thought at two tokens per forward."""
    models = ("llada-1.5",)
    first = evidence.accuracy(f"{SHUFFLE}:chain_of_thought=true", "confidence:k=2", models)
    second = evidence.accuracy(SHUFFLE, "confidence:k=2", models)
    text = f"At two tokens per forward LLaDA 1.5 is right on Shuffle in {percent(first)} with it and {percent(second)} without"
    return Finding(verdict(first - second), f"{text}: {points(first - second)}, for eight times the tokens.")


CLAIMS = (
    Claim(
        "texts",
        "Sentences from many words lose more than paraphrases.",
        "Section 6, Figure 3",
        loses_more((HARD,), (PARAPHRASE,), 4, ("sentences from hard words", "paraphrases")),
        NO_TEXT,
        runs={"shipped": "texts"},
    ),
    Claim(
        "blocks-hurt-texts", "Short blocks hurt texts.", "Section 6, Figures 5, 14 and 15", blocks_of_four, NO_TEXT,
        '`figure_numbers("fig5")`', {"shipped": "texts"},
    ),
    Claim(
        "autoregression", "Autoregressive models do not collapse on these tasks.", "Section 6, Figure 4 and Table 5",
        autoregression, {"exact": "an exact autoregressive model is always right, so there is nothing to measure."},
        '`figure_numbers("table5")`', {"shipped": "ar"},
    ),
    Claim(
        "mercury",
        "For Mercury long lists are harder to shuffle than to reverse, for autoregressive models the other way round.",
        "Section 6, Figure 4", mercury,
        {
            "exact": "the statement is about errors of learned models, which the exact model does not make.",
            "shipped": "`tiny` and `tiny-ar` were trained on lists of 3 to 6 items.",
        },
        '`figure_numbers("fig4")`',
    ),
    Claim(
        "cache", "A prefix cache lowers the accuracy of lists.", "Appendix E, Figures 13 and 25", cache,
        {"exact": "the exact model has no attention, so there are no keys to cache."},
        '`figure_numbers("fig13")`', {"shipped": "cache"},
    ),
    Claim(
        "training", "Training on a task does not remove the loss where tokens depend on each other.",
        "Section 7, Figures 8 and 16", training,
        {"exact": "the exact model is not trained; what it loses is tested under the first statement."},
        '`figure_numbers("fig16")`',
    ),
    Claim(
        "remasking", "Remasking without training does not remove it either.", "Section 7, Figures 8, 18 and 19", remasking,
        {
            "exact": "remasking a part of a wrong answer leaves a context of probability 0, for which the exact model's "
            "predictions mean nothing."
        },
        '`figure_numbers("fig8")`', {"shipped": "cache"},
    ),
    Claim(
        "chain-of-thought", "Chain of thought helps.", "Section 7, Figures 8 and 17", thought,
        {
            "exact": "there is no exact model of reasoning steps, because their distribution is unknown.",
            "shipped": "no shipped model was trained to write steps before its answer.",
        },
        '`figure_numbers("cot")`',
    ),
    Claim(
        "other-benchmarks", "GSM8K and HumanEval lie on the easy side of the task map, so they cannot show the problem.",
        "Appendix G.1, Figure 6", prefers(PLAIN, FEW, ("gsm8k",), "GSM8K"),
        {
            "exact": "there is no exact model of these tasks, because the distribution of right answers is unknown.",
            "shipped": "no shipped model was trained for these tasks.",
            "published": "the accuracies behind the points of these tasks in Figure 6 were not published.",
        },
    ),
)  # fmt: skip
