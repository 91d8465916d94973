"""Makes a third party's package of two codecs that live in an environment of their own, for a requirement that clashes.

`elsewhere` multiplies the samples by what package `clashing` says: 0.5 in version 1.0, which the codecs pin, and 0.25
in version 2.0, which the core has. `elsewhere-dies` ends its process at one utterance, until it is mended.
"""

from __future__ import annotations

import json
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from grid.codecs.isolation.building import VARIABLE as BUILT_BELOW
from grid.codecs.isolation.building import Environment, environment
from grid.codecs.isolation.declaration import read_declaration
from tests.support.installed_plugin import install_entry_point
from tests.support.tiny_environment import write_wheel

MODULE, ENVIRONMENT = "elsewhere_codec", "elsewhere"
VICTIM = "test-s0-u0"
"""The utterance of the tiny corpus at which `elsewhere-dies` ends its process."""
LAST_WORDS = "no memory is left"
PINNED, CORE = ("1.0", 0.5), ("2.0", 0.25)
"""The version of `clashing`, and its gain, in the environment and in the core."""
VARIABLE = "ELSEWHERE_FOLDER"
"""Where the codec writes down which interpreter coded, and where the file `mended` is looked for."""

SOURCE = f"""
    import json
    import os
    import signal
    import sys
    from pathlib import Path

    from grid.codecs.contract import ADAPTERS, Adapter
    from grid.core.randomness import seed_number

    def entry(name):
        return {{"name": name, "family": "Elsewhere", "design": "both", "native_rate": 16000, "source": "pip",
                 "adapter": "elsewhere", "environment": "isolated:{ENVIRONMENT}"}}

    CATALOGUE = [entry("elsewhere"), entry("elsewhere-dies")]

    @ADAPTERS.register("elsewhere")
    class ElsewhereAdapter(Adapter):
        revision = 1

        def code(self, waveforms, seeds):
            import clashing

            folder = Path(os.environ["{VARIABLE}"])
            facts = {{"prefix": sys.prefix, "clashing": clashing.VERSION, "in_ray": "ray" in sys.modules}}
            with (folder / f"{{self.entry.name}}.jsonl").open("a") as stream:
                stream.write(json.dumps(facts) + "\\n")
            victim = seed_number("codec", self.entry.name, 0, "{VICTIM}")
            if self.entry.name == "elsewhere-dies" and victim in seeds and not (folder / "mended").exists():
                print("{LAST_WORDS}", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            return waveforms * clashing.GAIN
"""


@dataclass(frozen=True)
class Elsewhere:
    """The package: `site` is what the core's Python sees of it, `environments` where its environment is built."""

    site: Path
    folder: Path
    declaration: Path
    environments: Path
    requirements: tuple[str, ...]

    @property
    def environment(self) -> Environment:
        """Where its environment belongs; $CODECGRID_ENVIRONMENTS must be `environments`."""
        return environment(read_declaration(self.declaration))

    def coded_by(self, codec: str) -> list[dict[str, Any]]:
        """What the codec wrote down about the interpreter, call by call."""
        return [json.loads(line) for line in (self.folder / f"{codec}.jsonl").read_text().splitlines()]

    @property
    def variables(self) -> dict[str, str]:
        """What the environment of a process must hold that codes; PYTHONPATH comes on top."""
        return {BUILT_BELOW: str(self.environments), VARIABLE: str(self.folder)}

    def declare(self, *, ray: bool) -> None:
        """Declares the environment, as new: nothing has coded; `ray` lets Ray Data use its own Python."""
        content = {"requirements": list(self.requirements), "imports": ["clashing"], "ray": ray}
        self.declaration.write_text(yaml.safe_dump(content))
        read_declaration.cache_clear()
        for left in (*self.folder.glob("*.jsonl"), self.folder / "mended"):
            left.unlink(missing_ok=True)

    def mend(self) -> None:
        """From now on `elsewhere-dies` does not."""
        (self.folder / "mended").touch()


def make_elsewhere(folder: Path) -> Elsewhere:
    """All of it, its environment declared for any Ray."""
    site, wheels = folder / "site", folder / "wheels"
    for place in (site / "elsewhere_environments", wheels):
        place.mkdir(parents=True)
    codec = write_wheel(
        wheels,
        MODULE,
        "1.0",
        {f"{MODULE}.py": textwrap.dedent(SOURCE)},
        f"[codecgrid.codecs]\nelsewhere = {MODULE}\n",
    )
    pinned, newer = (
        write_wheel(wheels, "clashing", version, {"clashing.py": f"VERSION, GAIN = {version!r}, {gain}\n"})
        for version, gain in (PINNED, CORE)
    )
    for wheel in (codec, newer):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    install_entry_point(site, "environments", ENVIRONMENT, "elsewhere_environments")
    requirements = (f"clashing @ {pinned.as_uri()}", f"elsewhere-codec @ {codec.as_uri()}")
    declaration = site / "elsewhere_environments" / f"{ENVIRONMENT}.yaml"
    made = Elsewhere(site, folder, declaration, folder / "environments", requirements)
    made.declare(ray=False)
    return made
