"""Mistakes in the options of a tracker are found before anything is imported or sent."""

from __future__ import annotations

import pytest

from parallelbench.errors import UserError
from parallelbench.tracking import load
from parallelbench.tracking.mlflow_runs import MlflowOptions


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("wandb:project=", "write a value after the =, or leave project out"),
        ("wandb:nonsense=1", "tracker 'wandb' has no key 'nonsense'; known are: entity, project"),
        ("wandb:project", "write the name of an option, =, and its value"),
        ("wandb:=x", "write the name of an option, =, and its value"),
        ("wandb:project=1", "'project' is 1, but it has to be a text; put it in quotes"),
        ("wandb:project=true", "put it in quotes"),
        ("wandb:project=null", "put it in quotes"),
        ("wandb:project=[a,b]", "put it in quotes"),
        ("wandb:project=a/b", "a name may not hold '/'; leave it out"),
        ("wandb:entity=a%b", "a name may not hold '%'"),
        ("wandb:project=" + "x" * 300, "at most 128 characters"),
        ('wandb:project="a', "is not closed"),
        ("mlflow:uri=''", "it has to have at least one character; write a value, or leave it out"),
        ("mlflow:uri=a,uri=b", "'uri' occurs twice in 'mlflow:uri=a,uri=b'; write it once."),
        ("mlflow:sqlite:///x.db", "write the name of an option, =, and its value"),
        ("mlflow:uri=ftp://x", "no store of MLflow has the kind 'ftp'; write http://HOST:PORT or sqlite:///FILE"),
        ("trackio:project=../x", "a name may not hold '/'"),
        ("trackio:space_id=a/b/c", "a Space of the hub is named NAME or OWNER/NAME"),
        ("trackio:space_id=7", "put it in quotes"),
        ("wandb,mlflow", "unknown tracker 'wandb,mlflow'; did you mean"),
        ("", "unknown tracker ''; known are: mlflow, trackio, wandb"),
    ],
)
def test_a_mistake_in_the_options_of_a_tracker_is_one_sentence_about_trackers(spec: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        load.load_tracker(spec)
    sentence = str(raised.value)
    assert said in sentence and "\n" not in sentence and "=[1,2]" not in sentence and "confidence" not in sentence


@pytest.mark.parametrize("uri", ["sqlite:///x.db", "https://host:5000", "postgresql+psycopg://a/b", "./folder", r"C:\store"])
def test_kinds_of_stores_that_mlflow_has(uri: str) -> None:
    assert MlflowOptions(uri=uri).uri == uri
