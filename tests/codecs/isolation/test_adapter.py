"""The bridge to an environment, with real processes: same samples, errors, crashes, kills, and a parent that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from grid.codecs.catalogue import build, load_catalogue, require_accepted
from grid.codecs.contract import Adapter, Codec, CodecOutputError, Samples
from grid.codecs.isolation.adapter import IsolatedAdapter
from grid.codecs.isolation.building import build_environment
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import MissingRequirementError, RequestError
from tests.support.places import REPOSITORY
from tests.support.speech import voiced
from tests.support.tiny_environment import Tiny

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny")]


def opened(name: str = "tiny") -> IsolatedAdapter:
    adapter = build(name).adapter
    assert isinstance(adapter, IsolatedAdapter)
    return adapter


def process_of(adapter: IsolatedAdapter) -> subprocess.Popen[bytes]:
    assert adapter._child is not None
    return adapter._child.process


def waveforms(items: int = 2, samples: int = 100) -> Samples:
    return np.random.default_rng(0).standard_normal((items, samples)).astype(np.float32)


def gone(process: int) -> bool:
    """Whether the process ended within ten seconds."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_code_returns_the_adapter_s_samples_exactly_whatever_upstream_prints() -> None:
    adapter, given = opened(), waveforms(2, 100_001)
    np.testing.assert_array_equal(adapter.code(given, [0, 2**63]), given / 2)
    first = process_of(adapter).pid
    np.testing.assert_array_equal(adapter.code(given[:1, :1], [0]), given[:1, :1] / 2)
    assert process_of(adapter).pid == first


def test_code_starts_one_process_at_the_first_code_only() -> None:
    adapter = opened()
    assert adapter._child is None
    assert (adapter.max_batch, adapter.minimum_samples) == (2, 1)
    assert (adapter.delay, adapter.sample_rate) == (3, 16_000)


def test_resynthesise_over_the_bridge_compensates_the_adapter_s_delay() -> None:
    speech = voiced(1_000)[None].repeat(3, axis=0)
    made = build("tiny").resynthesise(speech, ["a", "b", "c"])
    np.testing.assert_array_equal(made[:, :-3], speech[:, 3:] / 2)


def test_resynthesise_over_the_bridge_from_48_khz_is_the_same_as_in_process() -> None:
    class Half(Adapter):
        revision: ClassVar[int] = 1
        delay = 3

        def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
            return waveforms * np.float32(0.5)

    codecs = build("tiny-24khz"), Codec(Half(load_catalogue().get("tiny-24khz")))
    made, expected = (
        codec.resynthesise(waveforms(3, 4_801), list("abc"), rate=48_000, samples=1_600) for codec in codecs
    )
    np.testing.assert_array_equal(made, expected)
    assert made.shape == (3, 1_600)


def test_code_finds_weights_in_a_checkout_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = waveforms()
    np.testing.assert_array_equal(opened("tiny-weighted").code(given, [0, 0]), given)
    other = tmp_path / "tiny-weights" / "gain.txt"
    other.parent.mkdir()
    other.write_text("4.0")
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path))
    np.testing.assert_array_equal(opened("tiny-weighted").code(given, [0, 0]), given * 2)


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (7, CodecOutputError, r"codec tiny in environment tiny: ArithmeticError: no such thing\n(?s:.*)tiny_codec"),
        (9, RequestError, r"^not like this$"),
        (10, MissingRequirementError, r"^nothing there$"),
    ],
)
def test_code_error_of_the_adapter_comes_back_and_the_process_lives_on(
    seed: int, error: type[Exception], message: str
) -> None:
    adapter = opened()
    with pytest.raises(error, match=message) as caught:
        adapter.code(waveforms(), [seed, 0])
    assert type(caught.value) is error
    before = process_of(adapter).pid
    np.testing.assert_array_equal(adapter.code(waveforms(), [0, 0]), waveforms() / 2)
    assert process_of(adapter).pid == before


@pytest.mark.parametrize(
    ("seed", "message"),
    [(8, r"environment tiny was killed by SIGKILL(?s:.*)last words"), (12, r"environment tiny ended with status 5")],
)
def test_code_process_that_dies_is_said_and_the_next_item_gets_another(seed: int, message: str) -> None:
    adapter = opened()
    adapter.code(waveforms(), [0, 0])
    before = process_of(adapter).pid
    with pytest.raises(CodecOutputError, match=message):
        adapter.code(waveforms(), [seed, 0])
    np.testing.assert_array_equal(adapter.code(waveforms(), [0, 0]), waveforms() / 2)
    assert process_of(adapter).pid != before


def test_code_process_killed_between_two_items_is_replaced() -> None:
    adapter = opened()
    adapter.code(waveforms(), [0, 0])
    process_of(adapter).kill()
    process_of(adapter).wait(10)
    np.testing.assert_array_equal(adapter.code(waveforms(), [0, 0]), waveforms() / 2)


def test_close_and_garbage_end_the_process() -> None:
    adapter = opened()
    adapter.code(waveforms(), [0, 0])
    first = process_of(adapter).pid
    adapter.close()
    assert gone(first)
    adapter.code(waveforms(), [0, 0])
    second = process_of(adapter).pid
    del adapter
    assert gone(second)


@pytest.mark.parametrize("given", [signal.SIGKILL, signal.SIGTERM])
def test_child_in_the_middle_of_its_work_dies_with_its_parent(
    tiny: Tiny, tmp_path: Path, given: signal.Signals
) -> None:
    build_environment(declaration("tiny"))
    busy = tmp_path / "busy"
    code = (
        "import sys, numpy as np\n"
        "from grid.codecs.catalogue import load_catalogue\n"
        "from grid.codecs.isolation.declaration import declaration\n"
        "from grid.codecs.isolation.adapter import IsolatedAdapter\n"
        "entry = load_catalogue().get('tiny').model_copy(update={'config': sys.argv[1]})\n"
        "IsolatedAdapter(entry, declaration('tiny')).code(np.zeros((1, 10), np.float32), [11])\n"
    )
    paths = os.pathsep.join([str(tiny.site), *sys.path])
    parent = subprocess.Popen([sys.executable, "-c", code, str(busy)], env={**os.environ, "PYTHONPATH": paths})
    for _ in range(600):
        if busy.exists() and busy.read_text():
            break
        time.sleep(0.05)
    child = int(busy.read_text())
    parent.send_signal(given)
    parent.wait(10)
    assert gone(child)


def test_a_licence_that_is_not_accepted_says_licence_and_line() -> None:
    entries = [load_catalogue().get(name) for name in ("mu-law", "tiny-licensed")]
    with pytest.raises(RequestError, match=r"tiny-licensed: CC-BY-NC-4.0(?s:.*)accept_licence: \[a, tiny-licensed\]"):
        require_accepted(entries, ["a"])
    require_accepted(entries, ["tiny-licensed"])


def test_build_inside_the_environment_needs_no_bridge(tiny: Tiny) -> None:
    made = build_environment(declaration("tiny"))
    code = (
        "import numpy as np\n"
        "from grid.codecs.catalogue import build\n"
        "adapter = build('tiny').adapter\n"
        "print(type(adapter).__name__, adapter.code(np.ones((1, 2), np.float32), [0]).tolist())\n"
    )
    # what Ray's workers have besides: the folder of our packages, and the light packages that they import anyway; not
    # tiny.site, in which the environment is declared
    yaml_folder = Path(sys.modules["yaml"].__file__ or "").parents[1]
    light = made.folder / "light"
    light.mkdir(exist_ok=True)
    if not (light / "yaml").exists():
        (light / "yaml").symlink_to(yaml_folder / "yaml")
    paths = os.pathsep.join(map(str, [REPOSITORY, light]))
    variables = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([made.python, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["TinyAdapter [[0.5, 0.5]]"], done.stderr
    assert load_catalogue().get("tiny").isolated == "tiny"
