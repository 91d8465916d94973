"""The controlled family's adapter: contract, delay, and weights whose description must be the catalogue's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codecs.adapters.controlled import ControlledAdapter
from grid.codecs.controlled.network import SmallCodec, weights_bytes
from grid.codecs.controlled.spec import CodecSpec
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
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


FILE = "controlled/tiny.safetensors"


def member_entry(member: CodecSpec, **facts: Any) -> CatalogueEntry:
    taxonomy = {"qua": member.qua, "aux": member.aux, "dec": member.dec, "bitrate_kbps": member.bitrate_kbps}
    weights = [{"path": FILE, "source": "https://nowhere.invalid/tiny"}]
    return checks.make_entry("controlled", 16_000, **{**taxonomy, "weights": weights, **facts})


def write_weights(folder: Path, member: CodecSpec) -> Path:
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(weights_bytes(small_model(member), member.network))
    return path


def small(member: CodecSpec) -> Callable[[Path], AbstractContextManager[Make]]:
    @contextmanager
    def of_member(folder: Path) -> Iterator[Make]:
        write_weights(folder, member)
        yield lambda entry: ControlledAdapter(entry, weights=WeightFinder([folder], offline=True))

    return of_member


CONTRACT = [
    AdapterCase(
        member_entry(member),
        small(member),
        kind="-".join(attributes),
        misfits=[
            ({"qua": qua}, f"the catalogue says QUA {qua}, but the model has {member.qua}"),
            ({"aux": aux}, f"the catalogue says AUX {aux}, but the model has {member.aux}"),
            ({"dec": dec}, f"the catalogue says DEC {dec}, but the model has {member.dec}"),
            ({"bitrate_kbps": 99.0}, f"the catalogue says kbit/s 99.0, but the model has {member.bitrate_kbps}"),
        ],
    )
    for attributes in MEMBERS
    for member in [spec(*attributes)]
    for qua in ["Svq" if member.qua == "Mvq" else "Mvq"]
    for aux in ["Sem" if member.aux == "None" else "None"]
    for dec in ["Freq" if member.dec == "Time" else "Time"]
]


def test_controlled_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = write_weights(tmp_path, spec())
    entry = member_entry(spec(), weights=[{"path": FILE, "sha256": file_digest(path)}])
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RequestError, match="SHA-256"):
        ControlledAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).code(checks.noise(1, 1_600), [0])


def test_controlled_file_of_something_else_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save

    (tmp_path / "other.safetensors").write_bytes(save({"a": torch.zeros(1)}))
    entry = checks.make_entry("controlled", 16_000, weights=[{"path": "other.safetensors"}])
    with pytest.raises(RequestError, match="not a weights file of a small codec"):
        ControlledAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).code(checks.noise(1, 1_600), [0])
