"""Language-Codec's adapter: its errors; on the real class with random weights where $CODECGRID_CHECKOUTS holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codecs.adapters.language_codec import CLASSES, LanguageCodecAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from tests.support import encodec_vocos_checks as shared
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

FACTS: dict[str, Any] = {"hop": 320, "codebooks": 8, "codebook_size": 1024}
PARTS = shared.sizes(128)
ENTRY = checks.make_entry("language-codec", 24_000, weights=shared.FILES, **FACTS)


def small_model(folder: Path) -> Any:
    torch.manual_seed(0)
    config = shared.write_config(folder / "model.yaml", CLASSES, PARTS)
    return shared.randomise(LanguageCodecAdapter(ENTRY).new_model(config))


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    commit = declaration("language-codec").checkouts[0].commit
    with imported("jishengpeng/Languagecodec", commit, "languagecodec_encoder", "languagecodec_decoder"):
        model = small_model(folder)
        yield lambda entry: LanguageCodecAdapter.from_model(model, entry)


CONTRACT = [
    AdapterCase(
        ENTRY,
        small,
        facts=("native_rate", "hop", "codebooks", "codebook_size"),
        wrong_arguments=[({"bandwidth": 0.9}, "'bandwidth'")],
    )
]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageCodecAdapter]:
    with small(tmp_path_factory.mktemp("language-codec")) as make:
        yield make(ENTRY)


def test_language_codec_output_is_what_upstream_makes(adapter: LanguageCodecAdapter) -> None:
    shared.check_output_is_what_upstream_makes(adapter)


def test_language_codec_another_codebook_changes_the_output(adapter: LanguageCodecAdapter) -> None:
    shared.check_another_codebook_changes_the_output(adapter)


def test_language_codec_output_sample_is_centred_on_its_input_sample(adapter: LanguageCodecAdapter) -> None:
    shared.check_alignment(adapter)


def test_language_codec_files_of_a_training_load(adapter: LanguageCodecAdapter, tmp_path: Path) -> None:
    shared.check_files(adapter, small_model(tmp_path), PARTS, FACTS, tmp_path)


def test_language_codec_untrained_codebooks_are_refused(adapter: LanguageCodecAdapter) -> None:
    shared.check_untrained_codebooks_are_refused(adapter)


def test_language_codec_catalogue_has_what_the_adapter_needs() -> None:
    entry = load_catalogue().get("language-codec")
    assert isinstance(LanguageCodecAdapter(entry), LanguageCodecAdapter)
    assert entry.isolated == "language-codec"
    assert {Path(weight.path).suffix for weight in entry.weights} == {".yaml", ".ckpt"}


def test_language_codec_config_of_other_classes_is_refused(tmp_path: Path) -> None:
    shared.check_foreign_class_is_refused(LanguageCodecAdapter, tmp_path)
