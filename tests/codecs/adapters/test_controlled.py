"""The controlled family's adapter: contract, delay, and weights whose description must be the catalogue's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codecs.adapters.controlled import ControlledAdapter
from grid.codecs.contract import Codec
from grid.codecs.controlled.network import SmallCodec, weights_bytes
from grid.codecs.controlled.spec import CodecSpec
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.tiny_codecs import spec

MEMBERS = [
    ("residual", "none", "time"),
    ("single", "none", "time"),
    ("scalar", "none", "frequency"),
    ("residual", "disentangled", "frequency"),
]


def small_model(member: CodecSpec) -> SmallCodec:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    codec = SmallCodec(member.network)
    codec(torch.from_numpy(checks.noise(4, 3_200)))
    return codec.eval()


def adapter(folder: Path, member: CodecSpec, **facts: Any) -> ControlledAdapter:
    """The adapter of a weights file in `folder`; `facts` change the catalogue entry."""
    path = folder / "controlled" / "tiny.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(weights_bytes(small_model(member), member.network))
    weights = [{"path": "controlled/tiny.safetensors", "sha256": file_digest(path)}]
    taxonomy = {"qua": member.qua, "aux": member.aux, "dec": member.dec, "bitrate_kbps": member.bitrate_kbps}
    entry = checks.make_entry("controlled", 16_000, **{**taxonomy, "weights": weights, **facts})
    return ControlledAdapter(entry, weights=WeightFinder([folder], offline=True))


@pytest.mark.parametrize(("quantiser", "auxiliary", "decoder"), MEMBERS)
def test_controlled_odd_lengths_keep_shape_and_items_are_independent(
    quantiser: str, auxiliary: str, decoder: str, tmp_path: Path
) -> None:
    checks.check_contract(Codec(adapter(tmp_path, spec(quantiser, auxiliary, decoder))))


def test_controlled_wrong_taxonomy_is_refused_before_a_sample_is_coded(tmp_path: Path) -> None:
    codec = adapter(tmp_path, spec("single"), qua="Mvq")
    with pytest.raises(RequestError, match="the catalogue says QUA Mvq, but the model has Svq"):
        codec.code(checks.noise(1, 1_600), [0])


def test_controlled_damaged_weights_are_refused(tmp_path: Path) -> None:
    codec = adapter(tmp_path, spec())
    path = tmp_path / "controlled" / "tiny.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RequestError, match="SHA-256"):
        codec.code(checks.noise(1, 1_600), [0])


def test_controlled_file_of_something_else_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save

    (tmp_path / "other.safetensors").write_bytes(save({"a": torch.zeros(1)}))
    entry = checks.make_entry("controlled", 16_000, weights=[{"path": "other.safetensors"}])
    with pytest.raises(RequestError, match="not a weights file of a small codec"):
        ControlledAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).code(checks.noise(1, 1_600), [0])
