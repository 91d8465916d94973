"""Tests of cluster/slurm: what its script calls exists, and with stand-ins for Slurm's commands it runs a real grid.

Slurm itself is not on the machines that run these tests: its options are not tried.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY
from tests.support.ray_head import BIN, free_port
from tests.support.tiny_grid import tiny

SCRIPT = REPOSITORY / "cluster" / "slurm" / "grid.sbatch"
TEXT = SCRIPT.read_text()

# srun starts the head here and, for the step of the other nodes, notes what it was asked for and waits
SRUN = """#!/usr/bin/env bash
while [[ "$1" == --* ]]; do [[ "$1" == --exclude=* ]] && elsewhere=1; shift; done
if [[ -n "${elsewhere:-}" ]]; then echo "$@" > "$NOTED"; exec sleep 600; fi
exec "$@" --dashboard-port="$P1" --dashboard-agent-listen-port="$P2" --ray-client-server-port="$P3" \\
  --object-store-memory=100000000
"""
SCONTROL = "#!/usr/bin/env bash\nprintf 'first\\nsecond\\n'\n"


def test_script_is_valid_shell_with_its_directives_before_its_commands() -> None:
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    lines = TEXT.splitlines()
    first = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    directives = [number for number, line in enumerate(lines) if line.startswith("#SBATCH ")]
    assert len(directives) >= 8
    assert max(directives) < first


def test_script_has_no_fault_that_shellcheck_knows() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck")
    subprocess.run(["shellcheck", SCRIPT], check=True)


@pytest.mark.slow
def test_script_calls_ray_and_codecgrid_as_they_are() -> None:
    from typer import Typer
    from typer.main import get_command

    from cluster.runtime import environment
    from tasks.run import run

    commands = TEXT[TEXT.index("set -euo") :].replace("\\\n", " ")
    # not imported here: what the next session in this process binds to is settled when ray is first imported
    known = subprocess.run([BIN / "ray", "start", "--help"], capture_output=True, text=True, check=True).stdout
    started = re.findall(r"ray start (.*) &", commands) + re.findall(r"^node=\((.*)\)$", commands, re.MULTILINE)
    assert len(started) == 3
    assert options(" ".join(started)) <= options(known)
    app = Typer()
    app.command()(run)
    taken = {option for parameter in get_command(app).params for option in parameter.opts}
    (driver,) = re.findall(r"python -m tasks\.run (.*) &", commands)
    assert options(driver) <= taken
    assert "environment.ensure_token()" in commands
    assert callable(environment.ensure_token)


def options(text: str) -> set[str]:
    return set(re.findall(r"--[a-z][a-z-]+", text))


def test_script_asks_for_a_token_and_binds_the_dashboard_to_loopback() -> None:
    assert TEXT.index("export RAY_AUTH_MODE=token") < TEXT.index("ray start --head")
    assert "--dashboard-host=127.0.0.1" in TEXT
    assert "Change every CHANGE-ME:" in TEXT[: TEXT.index("#SBATCH")]
    assert "cluster/slurm/grid.sbatch" in (REPOSITORY / "cluster" / "README.md").read_text()


@pytest.fixture
def job(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a Slurm job on two nodes, of which the other one is only noted."""
    bin_folder = tmp_path / "bin"
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        executable(bin_folder / name, text)
    name = f"test-{os.getpid()}"
    yield {port: str(free_port()) for port in ("GCS_PORT", "P1", "P2", "P3")} | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(REPOSITORY),
        "SLURM_JOB_ID": name,
        "SLURM_JOB_NODELIST": "[first,second]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "2",
        "HEAD_IP": "127.0.0.1",
        "NOTED": str(tmp_path / "noted"),
    }
    shutil.rmtree(f"/tmp/ray-{name}", ignore_errors=True)


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_script_told_to_stop_lets_the_driver_save_and_then_ends_the_head(job: dict[str, str], tmp_path: Path) -> None:
    environment = tmp_path / "venv" / "bin"
    listen = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
    executable(environment / "ray", f'#!/usr/bin/env bash\nexec "{sys.executable}" -c "{listen}" "$GCS_PORT"\n')
    driver = "trap 'sleep 1; echo saved; exit 143' TERM\necho started\nwhile true; do sleep 0.1; done\n"
    executable(environment / "python", f'#!/usr/bin/env bash\n[[ "$1" == -m ]] || exit 0\n{driver}')
    variables = job | {"VIRTUAL_ENV": str(environment.parent)}
    with subprocess.Popen([SCRIPT, "x.yaml", tmp_path], env=variables, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "started\n"
        running.terminate()
        assert running.stdout.readline() == "saved\n"
        assert running.wait(timeout=60) == 143
    assert not answers(int(job["GCS_PORT"]))


@pytest.mark.ray
@pytest.mark.jobs
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_script_runs_a_grid_and_ends_what_it_started(
    ray_variables: dict[str, str], job: dict[str, str], tmp_path: Path
) -> None:
    made = tiny(tmp_path / "experiment", grid={"selections": ["gsm-06.10"], "policies": ["spoof"]})
    made.rendered()
    loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # there is no other node that would have to hear the head
    variables = ray_variables | job | loopback | {"VIRTUAL_ENV": sys.prefix, "COLUMNS": "300"}
    command = [SCRIPT, made.config, made.store.root]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 cells: 1 done" in ended.stderr
    assert f"ray start --address=127.0.0.1:{job['GCS_PORT']} " in (tmp_path / "noted").read_text()
    assert not answers(int(job["GCS_PORT"]))


def answers(port: int, seconds: float = 20) -> bool:
    """Whether something listens there still, after some seconds in which it may end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return False
        time.sleep(0.2)
    return True
