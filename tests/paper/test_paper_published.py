"""The published numbers: every row is there, has our names or the rule that leaves it out, and the two series never mix."""

from __future__ import annotations

import pytest

from parallelbench.decoding import DECODERS, load_decoder
from parallelbench.models.cards import CARDS
from parallelbench.paper import PAPER, RERUN, figure_numbers, published, setting_of
from parallelbench.paper.names import MEAN, MODELS, TASKS, Model
from parallelbench.paper.published import MEAN_RULE, Series
from parallelbench.paper.strategies import NO_DECODER, NO_SWEEP, TIED, TWO_BLOCKS, TWO_MODES, order
from parallelbench.tasks import load_task, task_names

COUNTS = {"": 7441, NO_SWEEP: 612, MEAN_RULE: 422, TWO_MODES: 216, NO_DECODER: 115, TIED: 27, TWO_BLOCKS: 18}


def test_every_row_of_the_paper_is_mapped_or_its_rule_is_named() -> None:
    table = published(with_left_out=True)
    assert len(table) == 8851
    assert (table["series"] == PAPER).all()
    assert table["left_out"].value_counts().to_dict() == COUNTS
    mapped = table[table["left_out"] == ""]
    assert (mapped["spec"] != "").all()
    assert (mapped["task"] != MEAN).all()


def test_the_rerun_is_a_series_of_its_own() -> None:
    rerun = published(RERUN, with_left_out=True)
    assert len(rerun) == 3420
    assert set(rerun["date"]) == {"2026-03-22"} and set(published(with_left_out=True)["date"]) == {"2026-03-11"}
    keys = ["model", "task", "spec"]
    for series in (PAPER, RERUN):
        assert not published(series).duplicated(keys).any(), "a setting has one number in one series"


@pytest.mark.parametrize("series", [PAPER, RERUN])
def test_what_is_mapped_can_be_run_here(series: Series) -> None:
    table = published(series, with_left_out=True)
    hub_only = {
        "dParallel-LLaDA-8B-instruct",
        "dParallel_Dream_7B_Instruct",
        "LLaDA-MoE-7B-A1B-Instruct-TD",
        "LLaDA2.0-mini-CAP",
    }
    assert set(table["model"]) <= {*CARDS, *hub_only}
    assert set(table["task"]) - {MEAN} <= set(task_names())
    assert set(table["decoder"]) <= set(DECODERS.names())
    for spec in table.loc[table["spec"] != "", "spec"].unique():
        decoder = load_decoder(spec)
        assert setting_of(spec).items() <= decoder.facts.parameters.items()


def test_known_numbers_of_the_paper() -> None:
    """Figure 3 and its text: 43 % flat against 99 % that collapses, Shuffle 100 and 30, thresholds of LLaDA 1.5."""

    def curve(task: str, decoder: str, model: str = "llada-1.5") -> dict[str, int]:
        rows = published(models=[model], tasks=[task], decoders=[decoder])
        return {spec: round(100 * accuracy) for spec, accuracy in zip(rows["spec"], rows["accuracy"], strict=True)}

    assert curve("waiting_line/replace_index", "confidence")["confidence:k=1"] == 43
    shuffled = curve("waiting_line/shuffle", "confidence")
    assert [shuffled[f"confidence:k={k}"] for k in (1, 2, 4, 8, 16, 32)] == [100, 30, 27, 4, 3, 1]
    shuffled = curve("waiting_line/shuffle", "threshold")
    assert [shuffled[f"threshold:gamma={g}"] for g in (1.0, 0.9, 0.8, 0.5)] == [100, 98, 74, 6]
    assert curve("puzzle/sudoku_n4_12", "random", "dream-v0-instruct")["random:k=64"] == 0
    assert curve("waiting_line/shuffle", "dus")["dus:base=2,skip=0.3,block=8"] == 29


def test_means_over_tasks_are_the_mean_of_the_tasks() -> None:
    table = published(models=["llada-1.5"], with_left_out=True)
    table = table[table["strategy"] == "confidence-threshold"]
    means = table[table["task"] == MEAN].set_index("spec")["accuracy"]
    assert (table[table["task"] != MEAN].groupby("spec")["accuracy"].mean() - means).abs().max() < 1e-4


def test_settings_that_the_order_of_speeds_cannot_tell_apart_are_left_out() -> None:
    model = Model("x", "X")
    rule = order("gamma", (1.0, 0.9, 0.8))
    assert [one.parameters for one in rule([(1.0, 90.0), (2.0, 90.0), (2.0, 90.0)], model)] == [
        {"gamma": 1.0},
        {"gamma": 0.9},
        {"gamma": 0.8},
    ], "equal speed and equal accuracy: the order changes nothing"
    assert [one.left_out for one in rule([(1.0, 90.0), (2.0, 90.0), (2.0, 80.0)], model)] == ["", TIED, TIED]
    assert {one.left_out for one in rule([(1.0, 90.0), (2.0, 90.0)], model)} == {NO_SWEEP}


def test_a_caller_cannot_change_the_table_of_another() -> None:
    first = published()
    first["accuracy"] = 0.0
    assert published()["accuracy"].max() == 1.0


def test_no_published_name_is_used_for_two_of_ours() -> None:
    assert len({model.name for model in MODELS.values()}) == len(MODELS)
    assert len(set(TASKS.values())) == len(TASKS)


def test_the_numbers_of_the_other_figures_name_what_can_be_run() -> None:
    table = figure_numbers()
    assert len(table) == 1216 and not table.duplicated(["figure", "model", "task", "decoder", "cache"]).any()
    for spec in set(table["decoder"]) - {"builtin"}:
        assert setting_of(spec).items() <= load_decoder(spec).facts.parameters.items()
    for spec in table["task"].unique():
        canvas = ",max_new_tokens=256" * ("chain_of_thought" in spec)
        assert load_task(spec).spec == spec + canvas


def test_known_numbers_of_the_other_figures() -> None:
    """Shuffle and Copy of Figure 13 with the cache, Shuffle of Mercury at n = 20, blocks of 2 and 32 on words to sentence."""

    def value(figure: str, model: str, task: str, decoder: str) -> float:
        table = figure_numbers(figure)
        found = table[(table["model"] == model) & (table["task"] == task) & (table["decoder"] == decoder)]
        return float(found["accuracy"].item())

    assert value("fig13", "llada-1.5", "waiting_line/shuffle", "confidence:k=1") == 0.78
    assert value("fig13", "llada-1.5", "puzzle/sudoku_n4_12", "confidence:k=1") == 0.01
    assert value("fig4", "mercury", "waiting_line/shuffle:lengths=[20]", "builtin") == 0.39
    assert value("fig5", "llada-1.5", "words_to_sentence/hard", "random:k=2,block=2") == 0.08
    assert value("table7", "dream-v0-instruct", "puzzle/sudoku_n4_12", "confidence:k=2") == 0.935
    assert (
        value("fig2", "LLaDA-1.5 fine-tuned", "list_ops/shuffle:infill=true,lengths=[6]", "random:k=2,temperature=1.0") == 0.31
    )


def test_page_and_tables_agree_where_both_have_a_number() -> None:
    """Table 6 was read from print and the page from files: all 20 texts are equal. The puzzles of Table 7 were run again."""
    page = published()[["model", "task", "spec", "accuracy"]].rename(columns={"spec": "decoder"})
    apart = {}
    for name, count in (("table6", 20), ("table7", 8)):
        both = figure_numbers(name).merge(page, on=["model", "task", "decoder"], suffixes=("_table", "_page"))
        assert len(both) == count
        apart[name] = float((both["accuracy_table"] - both["accuracy_page"]).abs().max())
    assert apart["table6"] == 0 and 0.05 < apart["table7"] < 0.06
