"""Tests of the files that say where Ray runs: they parse, hold to schemas, and agree with the lock and each other."""

from __future__ import annotations

import copy
import os
import re
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.places import REPOSITORY

CLUSTER = REPOSITORY / "cluster"
LAUNCHERS = ("aws", "gcp")
PAGE = CLUSTER / "README.md"


def _locked(package: str) -> str:
    found = re.search(rf"^{package}==([\w.]+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE)
    assert found
    return found.group(1)


def _launcher(name: str) -> dict[str, Any]:
    return yaml.safe_load((CLUSTER / f"{name}.yaml").read_text())


def _manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CLUSTER / "kuberay" / name).read_text()))


@pytest.fixture(scope="module")
def rayjob() -> dict[str, Any]:
    """The specification of the RayJob."""
    (job,) = _manifests("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    return job["spec"]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_file_with_rays_defaults_holds_to_rays_schema(name: str) -> None:
    import ray.autoscaler as autoscaler
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import validate_config

    defaults = yaml.safe_load((Path(autoscaler.__file__).parent / name / "defaults.yaml").read_text())
    whole = {**defaults, **_launcher(name)}
    validate_config(copy.deepcopy(whole))
    with pytest.raises(ValidationError):
        validate_config({**whole, "max_worker": 3})


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_workers_are_spot_from_zero_and_the_head_is_not(name: str) -> None:
    types = _launcher(name)["available_node_types"]
    spot = {kind for kind, about in types.items() if "spot" in yaml.safe_dump(about["node_config"]).lower()}
    assert spot == set(types) - {"head"}
    assert len(spot) == 2
    assert {(types[kind]["min_workers"], types[kind]["resources"]["GPU"]) for kind in spot} == {(0, 1)}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_workers_tell_which_gpu_they_have_in_ray_s_words(name: str) -> None:
    from ray.util.accelerators import accelerators

    types = _launcher(name)["available_node_types"]
    kinds = [key.removeprefix("accelerator_type:") for kind in types.values() for key in kind["resources"]]
    named = [kind for kind in kinds if kind not in ("CPU", "GPU")]
    assert len(set(named)) == 2
    assert set(named) <= {value for key, value in vars(accelerators).items() if key.startswith("NVIDIA_")}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_start_commands_ask_for_a_token_and_bind_the_dashboard_to_loopback(name: str) -> None:
    config = _launcher(name)
    head, worker = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
    assert "RAY_AUTH_MODE=token" in head
    assert "RAY_AUTH_MODE=token" in worker
    assert "--dashboard-host=127.0.0.1" in head
    assert "RAY_JOB_STOP_SIGNAL=SIGINT" in head
    assert "RAY_JOB_STOP_WAIT_TIME_S=30" in head
    assert "~/.ray/auth_token" in config["file_mounts"].values()


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_commands_are_valid_shell(name: str) -> None:
    config = _launcher(name)
    keys = ("setup_commands", "head_setup_commands", "head_start_ray_commands", "worker_start_ray_commands")
    commands = [command for key in keys for command in config[key]]
    assert len(commands) >= 10
    for command in commands:
        subprocess.run(["bash", "-n", "-c", command], check=True)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_extra_takes_the_version_of_the_locked_fsspec(name: str) -> None:
    (command,) = (line for line in _launcher(name)["setup_commands"] if "fsspec" in line)
    inner = re.search(r"\$\((.*?)\)\"", command)
    assert inner
    done = subprocess.run(["bash", "-c", inner.group(1)], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _locked("fsspec")


def test_skypilot_s_commands_are_valid_shell_that_avoids_its_own_ray() -> None:
    task = yaml.safe_load((CLUSTER / "skypilot" / "grid.yaml").read_text())
    for command in (task["setup"], task["run"]):
        subprocess.run(["bash", "-n", "-c", command], check=True)
    assert not re.search(r"\b(6380|8266)\b|ray stop", task["run"])
    assert 'python -m tasks.run "$CONFIG" --address "$head:6379" --root "$ROOT"' in task["run"]
    assert {"CONFIG", "ROOT"} <= task["envs"].keys()


def test_dockerfile_has_the_locked_uv_valid_shell_and_copies_what_is_there() -> None:
    lines = (CLUSTER / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    runs = [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ")]
    assert len(runs) >= 6
    for command in runs:
        subprocess.run(["bash", "-n", "-c", command], check=True)
    assert f"uv=={_locked('uv')}" in " ".join(runs)
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--" not in line]
    assert [name for name in copied if not (REPOSITORY / name).exists()] == []


def test_local_script_is_valid_shell_that_a_user_may_run() -> None:
    script = CLUSTER / "local.sh"
    subprocess.run(["bash", "-n", script], check=True)
    assert script.stat().st_mode & 0o100


def test_local_script_beside_another_ray_takes_free_ports_and_says_where_the_dashboard_is(tmp_path: Path) -> None:
    bin_folder = tmp_path / "environment" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    (bin_folder / "ray").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (bin_folder / "ray").chmod(0o755)
    own = {"VIRTUAL_ENV": str(bin_folder.parent), "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"), "DASHBOARD_PORT": ""}
    variables = {**os.environ, **own, "PYTHONPATH": os.pathsep.join(sys.path)}
    with ExitStack() as another_ray:
        for port in (6379, 8265, 52365):
            held = another_ray.enter_context(socket.socket())
            with suppress(OSError):  # there is a Ray indeed
                held.bind(("127.0.0.1", port))
        command = [CLUSTER / "local.sh", "--verbose"]
        said = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.splitlines()
    options = dict(line.removeprefix("--").split("=") for line in said if "=" in line and line.startswith("--"))
    ports = [
        options[name] for name in ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
    ]
    assert len(set(ports)) == 4
    assert not {"6379", "8265", "52365"} & set(ports)
    assert said[0].startswith(f"dashboard: http://127.0.0.1:{options['dashboard-port']} ")
    assert said[-1] == "--verbose"


def test_images_bear_the_locked_version_of_ray(rayjob: dict[str, Any]) -> None:
    assert rayjob["rayClusterSpec"]["rayVersion"] == _locked("ray")
    files = [*CLUSTER.glob("*.yaml"), *CLUSTER.glob("kuberay/*.yaml"), CLUSTER / "Dockerfile", PAGE]
    tags = {tag for file in files for tag in re.findall(r"codecgrid:ray-([\w.]+)", file.read_text())}
    assert tags == {_locked("ray")}


def test_rayjob_removes_its_cluster_retries_and_asks_for_a_token(rayjob: dict[str, Any]) -> None:
    assert rayjob["shutdownAfterJobFinishes"] is True
    assert rayjob["backoffLimit"] >= 1
    cluster = rayjob["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["enableInTreeAutoscaling"] is True


def test_rayjob_entrypoint_is_the_module_that_submit_runs(rayjob: dict[str, Any]) -> None:
    from cluster.submission import ENTRYPOINT

    words = rayjob["entrypoint"].split()
    assert tuple(words[: len(ENTRYPOINT)]) == ENTRYPOINT
    assert words[words.index("--address") + 1] == "auto"
    assert words[words.index("--root") + 1].startswith(("s3://", "gs://"))
    assert all(isinstance(value, str) for value in yaml.safe_load(rayjob["runtimeEnvYAML"])["env_vars"].values())


def test_rayjob_workers_are_spot_gpus_from_zero_with_shared_memory(rayjob: dict[str, Any]) -> None:
    cluster = rayjob["rayClusterSpec"]
    groups = cluster["workerGroupSpecs"]
    assert len(groups) == 2
    pods = [group["template"]["spec"] for group in groups]
    for group, pod in zip(groups, pods, strict=True):
        assert (group["replicas"], group["minReplicas"]) == (0, 0)
        assert re.fullmatch(r'"\{\\"accelerator_type:\w+\\": 1\}"', group["rayStartParams"]["resources"])
        assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
        tolerated = {rule["key"]: rule.get("value") for rule in pod["tolerations"]}
        spot = {key: value for key, value in pod["nodeSelector"].items() if key.endswith("spot")}
        assert spot.items() <= tolerated.items()
        variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        mounts = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
        assert variables["CODECGRID_CACHE"] in mounts
    for spec in (cluster["headGroupSpec"]["template"]["spec"], *pods):
        mounted = {mount["name"] for mount in spec["containers"][0]["volumeMounts"] if mount["mountPath"] == "/dev/shm"}
        in_memory = {volume["name"] for volume in spec["volumes"] if volume["emptyDir"].get("medium") == "Memory"}
        assert mounted == in_memory


def test_mlflow_manifest_service_reaches_its_deployment_and_is_the_one_jobs_log_to(rayjob: dict[str, Any]) -> None:
    parts = {part["kind"]: part for part in _manifests("mlflow.yaml")}
    pod = parts["Deployment"]["spec"]["template"]
    service = parts["Service"]
    assert (
        service["spec"]["selector"]
        == pod["metadata"]["labels"]
        == parts["Deployment"]["spec"]["selector"]["matchLabels"]
    )
    port = service["spec"]["ports"][0]["port"]
    address = f"http://{service['metadata']['name']}:{port}"
    assert yaml.safe_load(rayjob["runtimeEnvYAML"])["env_vars"]["MLFLOW_TRACKING_URI"] == address
    (container,) = pod["spec"]["containers"]
    words = shlex.split(container["command"][-1])
    subprocess.run(["bash", "-n", "-c", container["command"][-1]], check=True)
    hosts = words[words.index("--allowed-hosts") + 1].split(",")
    assert f"{service['metadata']['name']}:*" in hosts


def test_values_to_change_are_told_at_the_top_of_their_file() -> None:
    files = [*CLUSTER.glob("*.yaml"), *CLUSTER.glob("kuberay/*.yaml"), *CLUSTER.glob("skypilot/*.yaml")]
    assert len(files) == 5
    for file in files:
        text = file.read_text()
        top = text[: text.index("\n\n") if "\n\n" in text else len(text)]
        assert "Change every CHANGE-ME:" in top
        assert f"cluster/{file.relative_to(CLUSTER).as_posix()}" in PAGE.read_text()
