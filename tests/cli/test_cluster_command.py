"""The templates of `cluster` are what bash and Kubernetes read, whatever is filled in."""

from __future__ import annotations

import subprocess
from itertools import product
from typing import Any

import pytest
import yaml

from parallelbench import cli
from parallelbench.cli.cluster_command import render

AWKWARD = ["quickstart", "my experiment.yaml", "it's: a [list].yaml", "$HOME/x;rm.yaml", "# x"]

CASES = [*product(AWKWARD, [0, 8])]


@pytest.mark.parametrize(("experiment", "gpus"), CASES)
def test_the_slurm_job_is_a_shell_script(experiment: str, gpus: int) -> None:
    text = render("slurm", machines=4, gpus=gpus, cpus=32, experiment=experiment, out="/shared/o u t")
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert text.startswith("#!/usr/bin/env bash\n") and "#SBATCH --nodes=4\n" in text
    assert ("#SBATCH --gpus-per-node=8\n" in text) == bool(gpus)
    last = text[text.rindex("srun") :].replace("\\\n", " ")
    listed = subprocess.run(
        ["bash", "-c", f"srun() {{ printf '%s\\n' \"$@\"; }}; head=h address=a:1; {last}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert experiment in listed and "/shared/o u t" in listed and listed[-2:] == ["--ray-address", "a:1"]


@pytest.mark.parametrize(("experiment", "gpus"), CASES)
def test_the_kubernetes_job_is_yaml_with_the_fields_of_a_rayjob(experiment: str, gpus: int) -> None:
    job: Any = yaml.safe_load(render("kubernetes", machines=4, gpus=gpus, cpus=32, experiment=experiment, out="/runs/out"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"]["entrypoint"].endswith("--ray-address auto")
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"] == 4
    (container,) = group["template"]["spec"]["containers"]
    assert container["resources"]["limits"].get("nvidia.com/gpu") == (str(gpus) if gpus else None)
    claims = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["volumes"]
    assert claims[0]["persistentVolumeClaim"] == {"claimName": "runs"}


def test_the_page_of_help_has_two_lines_for_two_machines_and_both_templates(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["cluster"]) == 0
    page = capsys.readouterr().out
    shell = page.partition("\nSLURM")[0]
    assert shell.count(" ray start --head") == shell.count(" ray start --address=FIRST") == 1
    assert shell.count("--ray-address auto") == 1
    assert "#SBATCH" in page and "kind: RayJob" in page
    assert cli.invoke(["cluster", "slrum"]) == 2
    assert "did you mean 'slurm'" in capsys.readouterr().err
