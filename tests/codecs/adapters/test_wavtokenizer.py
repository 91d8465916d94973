"""WavTokenizer's adapter: its errors; on the real class with random weights where $CODECGRID_CHECKOUTS holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grid.codecs.adapters.wavtokenizer import CLASSES, WavTokenizerAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from tests.support import encodec_vocos_checks as shared
from tests.support import torch_codec_checks as checks
from tests.support.checkouts import checkout, importing

NAMES = ("wavtokenizer-small", "wavtokenizer-medium")
FACTS: dict[str, Any] = {"hop": 320, "codebooks": 1, "codebook_size": 64}
PARTS = shared.sizes(512, dowmsamples=[8, 5, 4, 2], vq_bins=64, num_quantizers=1)


@pytest.fixture(scope="module")
def upstream() -> Iterator[None]:
    commit = declaration("wavtokenizer").checkouts[0].commit
    with importing(checkout("jishengpeng/WavTokenizer", commit), "encoder", "decoder"):
        yield


@pytest.fixture(scope="module")
def adapter(upstream: None, tmp_path_factory: pytest.TempPathFactory) -> WavTokenizerAdapter:
    config = shared.write_config(tmp_path_factory.mktemp("wavtokenizer") / "model.yaml", CLASSES, PARTS)
    entry = checks.make_entry("wavtokenizer", 24_000, **FACTS)
    return WavTokenizerAdapter.from_model(shared.randomise(WavTokenizerAdapter(entry).new_model(config)), entry)


def test_wavtokenizer_output_is_what_upstream_makes(adapter: WavTokenizerAdapter) -> None:
    shared.check_output_is_what_upstream_makes(adapter)


def test_wavtokenizer_another_codebook_changes_the_output(adapter: WavTokenizerAdapter) -> None:
    shared.check_another_codebook_changes_the_output(adapter)


def test_wavtokenizer_output_sample_is_centred_on_its_input_sample(adapter: WavTokenizerAdapter) -> None:
    shared.check_alignment(adapter)


def test_wavtokenizer_files_of_a_training_load_and_keep_the_contract(
    adapter: WavTokenizerAdapter, tmp_path: Path
) -> None:
    shared.check_files(WavTokenizerAdapter, adapter.model, PARTS, FACTS, tmp_path)


def test_wavtokenizer_untrained_codebooks_are_refused(adapter: WavTokenizerAdapter) -> None:
    shared.check_untrained_codebooks_are_refused(adapter)


def test_wavtokenizer_entry_that_does_not_fit_the_model_is_an_error(adapter: WavTokenizerAdapter) -> None:
    entry = checks.make_entry("wavtokenizer", 24_000, codebook_size=4096)
    with pytest.raises(RequestError, match="codebook size 4096, but the model has 64"):
        WavTokenizerAdapter.from_model(adapter.model, entry)


@pytest.mark.parametrize("name", NAMES)
def test_wavtokenizer_catalogue_has_what_the_adapter_needs(name: str) -> None:
    entry = load_catalogue().get(name)
    assert isinstance(WavTokenizerAdapter(entry), WavTokenizerAdapter)
    assert entry.isolated == "wavtokenizer"
    assert {Path(weight.path).suffix for weight in entry.weights} == {".yaml", ".ckpt"}


def test_wavtokenizer_arguments_are_refused() -> None:
    with pytest.raises(RequestError, match="'bandwidth'"):
        WavTokenizerAdapter(checks.make_entry("wavtokenizer", 24_000, arguments={"bandwidth": 0.9}))


def test_wavtokenizer_missing_weights_name_file_source_and_place(tmp_path: Path) -> None:
    checks.check_missing_weights(checks.make_entry("wavtokenizer", 24_000, weights=shared.FILES), tmp_path)


def test_wavtokenizer_config_of_other_classes_is_refused(tmp_path: Path) -> None:
    shared.check_foreign_class_is_refused(WavTokenizerAdapter, tmp_path)
