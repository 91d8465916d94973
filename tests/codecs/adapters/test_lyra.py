"""Lyra v2 against the golden numbers of ../shared/weights/lyra, its frames, and how its weights are fetched."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from grid.codecs.adapters.lyra import FRAME, LyraAdapter
from grid.codecs.catalogue import build, load_catalogue
from grid.codecs.entry import CatalogueEntry
from grid.core import weights as weights_module
from grid.core.errors import MissingRequirementError
from grid.core.identity import file_digest
from grid.core.weights import WeightFinder
from tests.support.adapter_contract import AdapterCase, Make, with_default_weights
from tests.support.lyra_weights import needs_lyra, require_lyra
from tests.support.places import SHARED
from tests.support.speech import UTTERANCES, real, voiced

NAMES = {16: "lyra-v2-3.2kbps", 30: "lyra-v2-6kbps", 46: "lyra-v2-9.2kbps"}


def adapter(stages: int) -> LyraAdapter:
    return LyraAdapter(load_catalogue().get(NAMES[stages]))


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    """The real graphs, which are small enough."""
    require_lyra()
    with with_default_weights(folder) as make:
        yield make


CONTRACT = [
    AdapterCase(
        load_catalogue().get(name),
        small,
        kind=name,
        lengths=(1, 159, 16_000, 48_001),
        exact=True,
        wrong_arguments=[
            (arguments, r"stages: 1\.\.46")
            for arguments in ({}, {"stages": 0}, {"stages": 47}, {"stages": 16, "rate": 3})
        ],
    )
    for name in NAMES.values()
]


@needs_lyra
@pytest.mark.parametrize("stages", list(NAMES))
@pytest.mark.parametrize("utterance_id", UTTERANCES)
def test_lyra_real_speech_matches_golden_codes_and_correlation(
    utterance_id: str, stages: int, shared_speech: Path, shared_weights: Path
) -> None:
    with (shared_weights / "lyra" / "golden.csv").open() as stream:
        rows = {(row["utterance_id"], int(row["num_quantizers"])): row for row in csv.DictReader(stream)}
    golden, speech, codec = rows[utterance_id, stages], real(shared_speech, utterance_id), adapter(stages)
    whole = len(speech) // FRAME * FRAME
    codes = codec.encode(speech[:whole])
    assert " ".join(map(str, codes[10, :8])) == golden["codes_frame10"]
    correlation = np.corrcoef(speech[:whole], codec.decode(codes))[0, 1]
    assert correlation == pytest.approx(float(golden["pearson"]), abs=1e-4)  # printed with four digits


@needs_lyra
def test_lyra_lower_rate_codes_are_the_first_of_the_higher_rate() -> None:
    low, high = adapter(16).encode(voiced(FRAME * 20)), adapter(46).encode(voiced(FRAME * 20))
    np.testing.assert_array_equal(low[:, :16], high[:, :16])
    assert (low[:, 16:] == -1).all()
    assert high.min() >= 0
    assert high.max() <= 15


@needs_lyra
def test_lyra_partial_last_frame_is_coded_and_cropped() -> None:
    speech = voiced(FRAME * 5 + 200)
    output = build(NAMES[46]).resynthesise(speech[None], ["a"])[0]
    assert output.size == speech.size
    assert np.corrcoef(output[FRAME * 5 :], speech[FRAME * 5 :])[0, 1] > 0.5


@needs_lyra
def test_lyra_weights_are_those_of_the_catalogue() -> None:
    codec = adapter(16)
    for weight in codec.entry.weights:
        path = codec.weights.find(weight)
        assert (file_digest(path), path.stat().st_size) == (weight.sha256, weight.bytes)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, CatalogueEntry, WeightFinder]]:
    """A folder on a local HTTP server, the entry with its weights fetched from there, and a finder without others."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(weights_module, "DOWNLOADS", tmp_path / "downloads")
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        entry = load_catalogue().get(NAMES[16])
        place = f"http://127.0.0.1:{server.server_port}"
        weights = [w.model_copy(update={"source": f"{place}/{Path(w.path).name}"}) for w in entry.weights]
        finder = WeightFinder([tmp_path / "downloads"], offline=False)
        yield folder, entry.model_copy(update={"weights": tuple(weights)}), finder
        server.shutdown()
        thread.join()


@needs_lyra
def test_lyra_weights_are_fetched_at_the_first_use_and_found_offline_after_it(
    served: tuple[Path, CatalogueEntry, WeightFinder],
) -> None:
    folder, entry, finder = served
    for weight in entry.weights:
        shutil.copy(SHARED / "weights" / weight.path, folder)
    speech = voiced(FRAME * 5)[None]
    decoded = LyraAdapter(entry, weights=finder).code(speech, [0])
    np.testing.assert_array_equal(decoded, adapter(16).code(speech, [0]))
    offline = WeightFinder(finder.folders, offline=True)
    np.testing.assert_array_equal(LyraAdapter(entry, weights=offline).code(speech, [0]), decoded)


@pytest.mark.parametrize(("content", "reason"), [(b"damaged", "its SHA-256 is"), (None, "HTTP Error 404")])
def test_lyra_weights_that_cannot_be_fetched_name_file_source_and_place_and_leave_nothing(
    served: tuple[Path, CatalogueEntry, WeightFinder], content: bytes | None, reason: str
) -> None:
    folder, entry, finder = served
    weight = entry.weights[0]
    if content is not None:
        (folder / Path(weight.path).name).write_bytes(content)
    with pytest.raises(MissingRequirementError, match=reason) as caught:
        LyraAdapter(entry, weights=finder).code(voiced(FRAME)[None], [0])
    for part in (weight.path, weight.source, str(finder.folders[0] / weight.path)):
        assert str(part) in str(caught.value)
    assert [path for path in finder.folders[0].rglob("*") if path.is_file()] == []
