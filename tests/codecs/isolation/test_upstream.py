"""Two packages whose pins really clash with the core's, each in an environment with its own: DAC and FunCodec."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch

from grid.codecs.adapters.dac import DacAdapter
from grid.codecs.contract import Codec
from grid.codecs.isolation.adapter import IsolatedAdapter
from grid.codecs.isolation.building import VARIABLE, Environment, build_environment, child_variables, installed
from grid.codecs.isolation.declaration import Declaration, declaration, read_declaration
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.codecs.adapters.test_dac import small_entry, small_model
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import check_contract

pytestmark = pytest.mark.index

TRUE_PINS = Path(__file__).resolve().parent / "environments" / "descript-audio-codec.yaml"
NO_INDEX = ("Failed to fetch", "dns error", "Connection", "network was disabled")


@pytest.fixture
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def built(declared: Declaration) -> Environment:
    """Skips where the packages cannot be had; any other failure to build is a failure."""
    try:
        return build_environment(declared)
    except RequestError as error:
        if any(sign in str(error) for sign in NO_INDEX):
            pytest.skip(f"no package index here, and uv has not got the packages: {str(error).splitlines()[1]}")
        raise


def packages(made: Environment) -> dict[str, str]:
    return dict(line.split("==") for line in installed(made) if "==" in line)


@pytest.mark.usefixtures("_one_thread")
def test_dac_with_its_true_pins_gives_the_samples_of_the_core_bit_for_bit(tmp_path: Path) -> None:
    made = built(read_declaration(TRUE_PINS))
    assert packages(made)["protobuf"].startswith("3.19.")  # descript-audiotools 0.7.2 asks for protobuf<3.20
    assert int(version("protobuf").split(".")[0]) >= 5  # and Ray for more than that
    small_model().eval().save(tmp_path / "weights.pth", package=False)
    entry = small_entry(weights=[{"path": "weights.pth"}])
    finder = WeightFinder([tmp_path], offline=True)
    here, there = DacAdapter(entry, weights=finder), IsolatedAdapter(entry, made.declared, weights=finder)
    waveforms = checks.noise(2, 16_001)
    np.testing.assert_array_equal(there.code(waveforms, [0, 0]), here.code(waveforms, [0, 0]))
    ours, theirs = Codec(here), Codec(there)
    np.testing.assert_array_equal(theirs.resynthesise(waveforms, ["a", "b"]), ours.resynthesise(waveforms, ["a", "b"]))
    check_contract(theirs)


def test_funcodec_with_its_pins_builds_and_imports() -> None:
    made = built(declaration("funcodec"))
    found = packages(made)
    assert (found["typeguard"], found["jamo"], found["funcodec"]) == ("2.13.3", "0.4.1", "0.2.0")
    code = "from funcodec.bin.codec_inference import Speech2Token"
    subprocess.run([made.python, "-P", "-c", code], env=child_variables(), check=True, timeout=120)
