"""Every law against its own enumeration, on the support and off it; structured laws where nothing can be enumerated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_oracles import STRUCTURED, entropy, restricted, tables, written_out

from parallelbench.errors import UserError
from parallelbench.tasks import load_task
from parallelbench.theory import LAWS, ImpossibleContext, NoisyPosterior, TableLaw, law, law_of_sample

named = pytest.mark.parametrize("answers", STRUCTURED.values(), ids=STRUCTURED.keys())


def contexts_of(answers, data, count=5):
    """Random contexts: unknown positions, any symbols, one that no law knows."""
    symbols = st.integers(-1, len(answers.alphabet))
    return data.draw(
        st.lists(st.lists(symbols, min_size=answers.positions, max_size=answers.positions), min_size=1, max_size=count)
    )


@named
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_structured_answers_equal_the_enumerated_ones_for_any_context(answers, data):
    contexts = contexts_of(answers, data)
    table = written_out(answers)
    np.testing.assert_allclose(answers.marginals_batch(contexts), table.marginals_batch(contexts), atol=1e-12)
    np.testing.assert_allclose(answers.log_probabilities(contexts), table.log_probabilities(contexts), atol=1e-12)


@named
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_off_support_answers_are_the_limit_of_vanishing_noise(answers, data):
    contexts = contexts_of(answers, data)
    noisy = NoisyPosterior(*answers.support(), len(answers.alphabet) + 1, 1e-11)
    np.testing.assert_allclose(answers.marginals_batch(contexts), noisy.marginals(contexts)[:, :, :-1], atol=1e-7)


@named
def test_every_entropy_equals_the_enumerated_one(answers):
    table = written_out(answers)
    np.testing.assert_allclose(answers.subset_entropies(), table.subset_entropies(), atol=1e-10)
    np.testing.assert_allclose(answers.prefix_entropies(), table.prefix_entropies(), atol=1e-10)
    assert answers.entropy() == pytest.approx(math.log2(answers.support_size), abs=1e-12)
    assert answers.entropy(unit="nats") == pytest.approx(math.log(answers.support_size), abs=1e-12)


@named
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_conditional_entropies_and_marginals_equal_sums_over_strings(answers, data):
    string = data.draw(st.sampled_from(answers.support()[0].tolist()))
    hidden = data.draw(st.sets(st.integers(0, answers.positions - 1)))
    context = [-1 if i in hidden else symbol for i, symbol in enumerate(string)]
    positions = data.draw(st.sets(st.integers(0, answers.positions - 1)))
    expected = restricted(written_out(answers), sorted(positions), context)
    assert answers.entropy(positions, context) == pytest.approx(entropy(expected.values()), abs=1e-10)
    marginals = answers.marginals(context)
    for i in range(answers.positions):
        for (symbol,), probability in restricted(written_out(answers), [i], context).items():
            assert marginals[i, symbol] == pytest.approx(probability, abs=1e-12)
    np.testing.assert_allclose(marginals.sum(axis=1), 1.0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), table=tables())
def test_a_table_equals_sums_over_its_strings(data, table):
    positions = data.draw(st.sets(st.integers(0, table.positions - 1)))
    assert table.entropy(positions) == pytest.approx(entropy(restricted(table, sorted(positions)).values()), abs=1e-10)
    subsets = table.subset_entropies()
    assert subsets[sum(1 << i for i in positions)] == pytest.approx(table.entropy(positions), abs=1e-10)


@named
def test_samples_are_right_answers_with_the_right_frequencies(answers):
    drawn = answers.sample(np.random.default_rng(3), 24_000)
    assert np.isfinite(answers.log_probabilities(drawn)).all()
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    expected = len(drawn) / answers.support_size
    assert len(counts) == answers.support_size
    assert (np.abs(counts - expected) < 5 * math.sqrt(expected)).all()


def test_shuffle_of_a_thousand_items_enumerates_nothing():
    answers = law("shuffle", 1000)
    context = np.arange(1000)
    context[[3, 500]] = -1
    marginals = answers.marginals(context)
    np.testing.assert_allclose(marginals[[3, 500]][:, [3, 500]], 0.5)
    assert answers.support_size == math.factorial(1000)
    assert answers.entropy(range(2)) == pytest.approx(math.log2(1000 * 999))
    other = law("shuffle", 1000, must_differ=True)
    np.testing.assert_array_equal(other.marginals(context)[[3, 500]][:, [3, 500]], [[0, 1], [1, 0]])
    np.testing.assert_allclose(other.marginals(np.full(1000, -1)), 1e-3, atol=1e-15)


def test_must_differ_takes_exactly_the_identity_out():
    answers = law("shuffle", 3, must_differ=True)
    np.testing.assert_allclose(answers.marginals([-1, -1, -1])[0], [1 / 5, 2 / 5, 2 / 5])
    np.testing.assert_allclose(answers.marginals([0, -1, -1])[1], [0, 0, 1])
    with pytest.raises(ImpossibleContext):
        answers.marginals([0, 1, -1])
    with pytest.raises(UserError, match="at least two"):
        law("shuffle", 1, must_differ=True)


@pytest.mark.parametrize(("n", "squares"), [(1, 1), (2, 2), (3, 12), (4, 576)])
def test_latin_squares_are_all_there_and_uniform(n, squares):
    answers = law("latin_square", n)
    assert answers.support_size == squares
    np.testing.assert_allclose(answers.marginals([-1] * n * n), 1 / n)
    grids = answers.support()[0].reshape(-1, n, n)
    assert (np.sort(grids, axis=1) == np.arange(n)[:, None]).all() and (np.sort(grids, axis=2) == np.arange(n)).all()


def test_five_by_five_latin_squares_are_counted():
    assert law("latin_square", 5).support_size == 161_280


def test_sudoku_with_one_several_and_no_solutions():
    assert law("sudoku", 4).support_size == 288
    one = law("sudoku", puzzle="1234\n3412\n2143\n4320")
    assert one.support_size == 1 and [one.alphabet[s] for s in one.support()[0][0]] == list("1234341221434321")
    several = law("sudoku", puzzle="1234 3412 0000 0000")
    assert several.support_size > 1 and several.entropy(range(8)) == 0
    classic = "530070000600195000098000060800060003400803001700020006060000280000419005000080079"
    assert law("sudoku", puzzle=classic).support_size == 1
    with pytest.raises(UserError, match="no solution"):
        law("sudoku", puzzle="1100000000000000")
    with pytest.raises(UserError, match="4 x 4 or 9 x 9"):
        law("sudoku", puzzle="12345")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("copy", "abc"), ("reverse", "cba"), ("replace_index", "aXc"), ("insert_index", "aXbc"), ("remove_index", "ac")],
)
def test_deterministic_operations_have_one_answer(name, expected):
    answers = law(name, items=["a", "b", "c"], word="X", index=1)
    (answer,) = answers.support()[0]
    assert "".join(answers.alphabet[symbol] for symbol in answer) == expected


def test_sort_follows_the_names():
    answers = law("sort", items=["pear", "apple", "fig"])
    assert [answers.alphabet[symbol] for symbol in answers.support()[0][0]] == ["apple", "fig", "pear"]


@pytest.mark.parametrize(
    "task", ["copy", "sort", "shuffle", "replace_random", "insert_random", "remove_random", "insert_index"]
)
def test_the_answer_of_a_real_sample_is_in_its_law(task):
    task = load_task(f"waiting_line/{task}")
    for index in range(4):
        sample = task.sample(0, index)
        answers = law_of_sample(task.law, sample.facts)
        written = [answers.alphabet.index(item) for item in sample.facts["expected"]]
        assert answers.log_probability(written) == pytest.approx(-math.log2(answers.support_size))


def test_the_answers_of_real_puzzles_are_in_their_laws():
    for name in ("puzzle/latin_square_n4", "puzzle/sudoku_n4_12"):
        task = load_task(name)
        sample = task.sample(0, 0)
        answers = law_of_sample(task.law, sample.facts)
        symbols = [symbol for symbol in sample.answer if symbol not in ",\n"]
        assert math.isfinite(answers.log_probability([answers.alphabet.index(symbol) for symbol in symbols]))


def test_a_table_by_names_merges_and_orders():
    table = TableLaw.of({("b", "a"): 0.25, ("a", "b"): 0.75, ("b", "b"): 0.0})
    assert table.alphabet == ("a", "b") and table.support_size == 2
    assert table.log_probability([0, 1]) == pytest.approx(math.log2(0.75))
    np.testing.assert_allclose(table.marginals([-1, -1]), [[0.75, 0.25], [0.25, 0.75]])
    assert TableLaw([[0], [0], [1]]).support_size == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TableLaw([[0], [1]], [0.5, 0.4]), "sum to 0.9"),
        (lambda: TableLaw([[0], [1]], [1.5, -0.5]), "at least 0"),
        (lambda: TableLaw([[0], [1]], [1.0]), "2 strings but 1 probabilities"),
        (lambda: TableLaw([[0], [3]], alphabet=["a", "b"]), "outside 0..1"),
        (lambda: TableLaw([]), "at least one string"),
        (lambda: TableLaw.of({("a",): 0.5, ("a", "b"): 0.5}), "same length"),
        (lambda: law("latin_square", 6), "limit is n = 5; use the closed forms"),
        (lambda: law("sudoku", 9), "more fillings than can be enumerated"),
        (lambda: law("shuffle", 12).support(), "479001600 strings, and at most 200000 can be enumerated"),
        (lambda: law("shuffle", 1000).support(), r"about 10\^2568 strings"),
        (lambda: law("insert_random", 20).subset_entropies(), "limit is 16 positions"),
        (lambda: law("shufle", 3), "did you mean 'shuffle'"),
        (lambda: law("shuffle"), "needs its size"),
        (lambda: law("remove_random", 1), "at least 2"),
        (lambda: law("copy", items=["a", "a"]), "must all be different"),
        (lambda: law("insert_index", 3, index=4), "takes 0 to 3"),
        (lambda: law("copy", 3).marginals([0, 1]), "has 3 positions"),
        (lambda: law("copy", 3).entropy([3]), "within 0..2"),
        (lambda: law("copy", 3).marginals([1, -1, -1]), "no string of this law agrees"),
        (lambda: law_of_sample("grammar", {}), "unknown law"),
    ],
)
def test_mistakes_are_one_sentence(make, message):
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value) and str(caught.value)[-1] in ".?"


def test_every_name_makes_a_law():
    for name in LAWS:
        answers = law(name, 4)
        assert answers.marginals([-1] * answers.positions).shape == (answers.positions, len(answers.alphabet))
