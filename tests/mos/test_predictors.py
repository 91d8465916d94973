"""MOS predictors: windows and formulas, a real TorchScript module, and errors for missing packages and files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from grid.core.errors import MissingRequirementError, RequestError
from grid.mos import MOS_PREDICTORS
from grid.mos.dnsmos import WINDOW, mean_overall, windows
from tests.support.places import REPOSITORY

RATE = 16_000


class Loudness(torch.nn.Module):
    """Scores by level, with the signature of UTMOS in SpeechMOS."""

    def forward(self, waves: torch.Tensor, sr: int) -> torch.Tensor:
        return 1.0 + 4.0 * waves.abs().mean(dim=1) * (float(sr) / 16000.0)


def test_predictors_are_listed_by_name() -> None:
    assert MOS_PREDICTORS.names() == ["distillmos", "dnsmos", "utmos"]


# ConvTransformerSQAModel of distillmos 0.9.1 with its own weights, on these files; CPU, torch 2.11
@pytest.mark.parametrize(("name", "mos"), [("espeak-caribbean-f5-1", 2.240475), ("espeak-caribbean-f5-2", 2.463215)])
@pytest.mark.slow
def test_distillmos_gives_the_scores_of_its_package(name: str, mos: float) -> None:
    samples, _ = soundfile.read(REPOSITORY / f"grid/corpus/sample/audio/{name}.flac", dtype="float32")
    assert MOS_PREDICTORS.get("distillmos")(None)(samples) == pytest.approx(mos, abs=1e-4)


def test_distillmos_from_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"not weights")
    with pytest.raises(RequestError, match=r"not a weights file of distillmos; leave out --weights"):
        MOS_PREDICTORS.get("distillmos")(path)


# as dnsmos_local.py counts: int(floor(seconds) - 9.01) + 1, and 1 s is doubled to 16 s
@pytest.mark.parametrize(("seconds", "count"), [(1.0, 7), (9.01, 1), (10.9, 1), (11.0, 2), (12.5, 3), (20.0, 11)])
def test_dnsmos_windows_are_counted_as_published(seconds: float, count: int) -> None:
    samples = np.arange(round(seconds * RATE), dtype=np.float32)
    found = windows(samples)
    assert found.shape == (count, WINDOW)
    if seconds >= 9.01:
        assert found[-1][0] == (count - 1) * RATE


def test_dnsmos_window_of_a_short_clip_repeats_it() -> None:
    clip = np.arange(RATE, dtype=np.float32)
    assert np.array_equal(windows(clip)[0], np.tile(clip, 10)[:WINDOW])


def test_dnsmos_overall_is_the_published_polynomial_averaged() -> None:
    raw = [np.array([0.0, 0.0, 3.0]), np.array([0.0, 0.0, 4.0])]
    each = [-0.06766283 * r**2 + 1.11546468 * r + 0.04602535 for r in (3.0, 4.0)]
    assert mean_overall(raw) == pytest.approx(np.mean(each))


@pytest.mark.skipif(find_spec("onnxruntime") is not None, reason="onnxruntime is installed here")
def test_dnsmos_without_onnxruntime_says_what_else_can_be_done() -> None:
    with pytest.raises(MissingRequirementError, match=r"onnxruntime.*codecgrid mos CORPUS --csv FILE"):
        MOS_PREDICTORS.get("dnsmos")(None)


def test_utmos_scores_with_a_torchscript_module(tmp_path: Path) -> None:
    path = tmp_path / "utmos22_strong.pt"
    torch.jit.script(Loudness()).save(str(path))
    predict = MOS_PREDICTORS.get("utmos")(path)
    assert predict(np.full(RATE, 0.5, np.float32)) == pytest.approx(3.0)


def test_utmos_without_its_file_names_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingRequirementError, match=r"utmos/utmos22_strong\.pt"):
        MOS_PREDICTORS.get("utmos")(None)
    with pytest.raises(MissingRequirementError, match="no such file"):
        MOS_PREDICTORS.get("utmos")(tmp_path / "absent.pt")


def test_utmos_from_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"not a module")
    with pytest.raises(RequestError, match="not a TorchScript file"):
        MOS_PREDICTORS.get("utmos")(path)
