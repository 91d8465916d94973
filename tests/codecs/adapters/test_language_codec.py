"""Language-Codec's adapter: its errors; on the real class with random weights where $CODECGRID_CHECKOUTS holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grid.codecs.adapters.language_codec import CLASSES, LanguageCodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from tests.support import encodec_vocos_checks as shared
from tests.support import torch_codec_checks as checks
from tests.support.checkouts import checkout, importing

FACTS: dict[str, Any] = {"hop": 320, "codebooks": 8, "codebook_size": 1024}
PARTS = shared.sizes(128)


@pytest.fixture(scope="module")
def upstream() -> Iterator[None]:
    commit = declaration("language-codec").checkouts[0].commit
    with importing(checkout("jishengpeng/Languagecodec", commit), "languagecodec_encoder", "languagecodec_decoder"):
        yield


@pytest.fixture(scope="module")
def adapter(upstream: None, tmp_path_factory: pytest.TempPathFactory) -> LanguageCodecAdapter:
    config = shared.write_config(tmp_path_factory.mktemp("language-codec") / "model.yaml", CLASSES, PARTS)
    entry = checks.make_entry("language-codec", 24_000, **FACTS)
    return LanguageCodecAdapter.from_model(shared.randomise(LanguageCodecAdapter(entry).new_model(config)), entry)


def test_language_codec_output_is_what_upstream_makes(adapter: LanguageCodecAdapter) -> None:
    shared.check_output_is_what_upstream_makes(adapter)


def test_language_codec_another_codebook_changes_the_output(adapter: LanguageCodecAdapter) -> None:
    shared.check_another_codebook_changes_the_output(adapter)


def test_language_codec_output_sample_is_centred_on_its_input_sample(adapter: LanguageCodecAdapter) -> None:
    shared.check_alignment(adapter)


def test_language_codec_files_of_a_training_load_and_keep_the_contract(
    adapter: LanguageCodecAdapter, tmp_path: Path
) -> None:
    shared.check_files(LanguageCodecAdapter, adapter.model, PARTS, FACTS, tmp_path)


def test_language_codec_untrained_codebooks_are_refused(adapter: LanguageCodecAdapter) -> None:
    shared.check_untrained_codebooks_are_refused(adapter)


def test_language_codec_entry_that_does_not_fit_the_model_is_an_error(adapter: LanguageCodecAdapter) -> None:
    entry = checks.make_entry("language-codec", 24_000, codebooks=4)
    with pytest.raises(RequestError, match="codebooks 4, but the model has 8"):
        LanguageCodecAdapter.from_model(adapter.model, entry)


def test_language_codec_catalogue_has_what_the_adapter_needs() -> None:
    entry = load_catalogue().get("language-codec")
    assert isinstance(LanguageCodecAdapter(entry), LanguageCodecAdapter)
    assert entry.isolated == "language-codec"
    assert {Path(weight.path).suffix for weight in entry.weights} == {".yaml", ".ckpt"}


def test_language_codec_arguments_are_refused() -> None:
    with pytest.raises(RequestError, match="'bandwidth'"):
        LanguageCodecAdapter(checks.make_entry("language-codec", 24_000, arguments={"bandwidth": 0.9}))


def test_language_codec_missing_weights_name_file_source_and_place(tmp_path: Path) -> None:
    checks.check_missing_weights(checks.make_entry("language-codec", 24_000, weights=shared.FILES), tmp_path)


def test_language_codec_config_of_other_classes_is_refused(tmp_path: Path) -> None:
    shared.check_foreign_class_is_refused(LanguageCodecAdapter, tmp_path)
