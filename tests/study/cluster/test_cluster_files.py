"""configs/cluster: all that can be checked without a cloud, Kubernetes or Slurm."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import ray
import yaml

from study.pipeline.commands import search
from tests.support.paths import ROOT

FILES = ROOT / "configs" / "cluster"
# The fields of RayJob v1 in KubeRay's API reference.
SPEC = {
    *("entrypoint", "runtimeEnvYAML", "jobId", "submissionMode", "shutdownAfterJobFinishes"),
    *("ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit", "rayClusterSpec"),
}
CLUSTER = {
    *("rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions"),
    *("headGroupSpec", "workerGroupSpecs"),
}
GROUP = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


def loaded(name):
    return yaml.safe_load((FILES / name).read_text(encoding="utf-8"))


def search_flags(words):
    """Fails unless `hemomodel-search` accepts these arguments."""
    search.parser().parse_args(words)


def test_the_autoscaler_takes_its_file():
    jsonschema = pytest.importorskip("jsonschema", reason="it comes with Ray's Tune")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    cluster = loaded("ray-cluster.yaml")
    jsonschema.validate(cluster, schema)
    assert cluster["head_node_type"] in cluster["available_node_types"]
    for kind in ("head", "worker"):
        assert "RAY_AUTH_MODE=token" in cluster[f"{kind}_start_ray_commands"][-1]
        assert cluster["available_node_types"][kind]["node_config"]["ImageId"] == "ami-EDIT"
    assert any("boto3" in command for command in cluster["head_setup_commands"])


COMMANDS = [
    *("initialization_commands", "setup_commands", "head_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands"),
]


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_shell_can_read_the_commands(kind):
    commands = loaded("ray-cluster.yaml")[kind]
    assert commands
    for command in commands:
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_the_rayjob_has_the_fields_of_the_operator():
    job = loaded("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    assert set(spec) <= SPEC
    assert set(cluster) <= CLUSTER
    assert cluster["rayVersion"] == ray.__version__
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        assert set(group) <= GROUP
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in pod["volumes"]}
        assert (
            spec["entrypoint"]
            .split("--out ")[1]
            .startswith(container["volumeMounts"][0]["mountPath"])
        )
    command, *flags = spec["entrypoint"].split()
    assert command == "hemomodel-search"
    search_flags(flags)


def test_slurm_starts_ray_and_the_study(tmp_path):
    """Scripts replace Slurm's two commands; `srun` prints its arguments."""
    slurm = tmp_path / "bin"
    slurm.mkdir()
    (slurm / "scontrol").write_text("#!/bin/sh\nprintf 'node7\\nnode8\\n'\n")
    (slurm / "srun").write_text(
        '#!/bin/sh\nprintf "%s\\n" "$RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT" "$@"\n'
    )
    for program in slurm.iterdir():
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", FILES / "slurm.sh", "--name", "w 1", "--trials", "200"],
        env={
            **os.environ,
            "PATH": f"{slurm}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "CODE": str(ROOT),
            "SHARED": "/shared",
            "SLURM_JOB_NODELIST": "node[7-8]",
            "SLURM_JOB_NUM_NODES": "2",
            "SLURM_CPUS_PER_TASK": "16",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()
    assert words[: words.index("ray")] == [
        *("300", "--nodes=2", "--ntasks=2", "--cpus-per-task=16"),
    ]
    start = words[words.index("ray") : words.index("--")]
    assert start == [
        *("ray", "symmetric-run", "--address", "node7:6379", "--min-nodes", "2"),
        "--num-cpus=16",
    ]
    command = words[words.index("--") + 1 :]
    assert command[0] == "hemomodel-search"
    assert command[-4:] == ["--name", "w 1", "--trials", "200"]
    search_flags(command[1:])
    assert "RAY_AUTH_TOKEN" not in done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing_in_the_slurm_script():
    subprocess.run(["shellcheck", FILES / "slurm.sh"], check=True)


def test_ray_has_the_flags_of_the_slurm_script():
    from ray.scripts.symmetric_run import symmetric_run

    names = {name for option in symmetric_run.params for name in option.opts}
    assert {"--address", "--min-nodes"} <= names
