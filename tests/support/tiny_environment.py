"""Makes, in a folder, what an isolated codec of somebody else consists of: a wheel, a checkout, a declaration."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.installed_plugin import install_entry_point

MODULE = "tiny_codec"
SOURCE = """
    import os
    import signal
    import subprocess
    import sys
    import time
    from pathlib import Path

    from grid.codecs.contract import ADAPTERS, Adapter
    from grid.core.errors import MissingRequirementError, RequestError

    def entry(name, **facts):
        row = {"name": name, "family": "Tiny", "design": "both", "native_rate": 16000, "source": "pip",
               "adapter": "tiny-codec", "environment": "isolated:tiny"}
        return {**row, **facts}

    CATALOGUE = [
        entry("tiny"),
        entry("tiny-24khz", native_rate=24000),
        entry("tiny-weighted", weights=[{"path": "tiny-weights/gain.txt"}]),
        entry("tiny-licensed", accept_licence=True, licence="CC-BY-NC-4.0"),
    ]

    @ADAPTERS.register("tiny-codec")
    class TinyAdapter(Adapter):
        revision = 1
        max_batch = 2

        @property
        def delay(self):
            return 3

        def code(self, waveforms, seeds):
            import tiny_upstream  # only its environment has that

            print("upstream code prints what it likes", flush=True)
            subprocess.run(["echo", "and so do its children"])
            wish = {7: "crash", 8: "kill", 9: "request", 10: "missing", 11: "hang", 12: "exit"}.get(seeds[0])
            if wish == "crash":
                print("about to fail", file=sys.stderr)
                raise ArithmeticError("no such thing")
            if wish == "kill":
                print("last words", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            if wish == "exit":
                os._exit(5)
            if wish == "request":
                raise RequestError("not like this")
            if wish == "missing":
                raise MissingRequirementError("nothing there")
            if wish == "hang":
                Path(self.entry.config).write_text(str(os.getpid()))
                time.sleep(600)
            gain = tiny_upstream.GAIN
            if self.entry.weights:
                gain *= float(self.weights.find(self.entry.weights[0]).read_text())
            self.process = os.getpid()
            return waveforms * gain
"""


def make_wheel(folder: Path) -> Path:
    """A wheel with the module of the adapter and its entry points."""
    entry_points = f"[codecgrid.codecs]\ntiny-codec = {MODULE}\n"
    return write_wheel(folder, MODULE, "1.0", {f"{MODULE}.py": textwrap.dedent(SOURCE)}, entry_points)


def write_wheel(folder: Path, name: str, version: str, modules: dict[str, str], entry_points: str = "") -> Path:
    """A wheel of pure Python in `folder`; `modules` are sources by file name."""
    metadata = f"{name}-{version}.dist-info"
    files = {
        **modules,
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{metadata}/entry_points.txt": entry_points,
    }
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{metadata}/RECORD"] = "\n".join([*rows, f"{metadata}/RECORD,,"]) + "\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def make_repository(folder: Path) -> str:
    """A git repository with two commits, whose first has `src/tiny_upstream.py`, a file of weights, and a trap.

    Returns the first commit. The trap is a top-level package `grid`, as an upstream project may well have.
    """
    (folder / "src" / "grid").mkdir(parents=True)
    (folder / "src" / "tiny_upstream.py").write_text("GAIN = 0.5\n")
    (folder / "src" / "grid" / "__init__.py").write_text("raise ImportError('not codecgrid')\n")
    (folder / "gain.txt").write_text("2.0\n")
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "-m", "first")
    first = _git(folder, "rev-parse", "HEAD").strip()
    (folder / "src" / "tiny_upstream.py").write_text("GAIN = 0.25\n")
    _git(folder, "commit", "--quiet", "-am", "second")
    return first


@dataclass(frozen=True)
class Tiny:
    """An isolated codec of somebody else, declared in `declaration`; `site` is what the core's Python sees of it."""

    site: Path
    declaration: Path
    repository: Path
    commit: str


def make_tiny(folder: Path, **changes: object) -> Tiny:
    """All of it; `changes` are fields of the declaration."""
    site, repository = folder / "site", folder / "repository"
    for made in (site / "tiny_environments", repository):
        made.mkdir(parents=True)
    wheel, commit = make_wheel(folder), make_repository(repository)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    install_entry_point(site, "environments", "tiny", "tiny_environments")
    checkout = {"repository": repository.as_uri(), "commit": commit, "folder": "tiny-weights", "paths": ["src"]}
    fields = {"requirements": [f"tiny-codec @ {wheel.as_uri()}"], "checkouts": [checkout], "imports": ["tiny_upstream"]}
    declaration = site / "tiny_environments" / "tiny.yaml"
    declaration.write_text(yaml.safe_dump({**fields, **changes}))
    return Tiny(site, declaration, repository, commit)


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
