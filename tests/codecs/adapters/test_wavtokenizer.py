"""WavTokenizer's adapter: its errors; on the real class with random weights where $CODECGRID_CHECKOUTS holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codecs.adapters.wavtokenizer import CLASSES, WavTokenizerAdapter
from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.declaration import declaration
from tests.support import encodec_vocos_checks as shared
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

NAMES = ("wavtokenizer-small", "wavtokenizer-medium")
FACTS: dict[str, Any] = {"hop": 320, "codebooks": 1, "codebook_size": 64}
PARTS = shared.sizes(512, dowmsamples=[8, 5, 4, 2], vq_bins=64, num_quantizers=1)
ENTRY = checks.make_entry("wavtokenizer", 24_000, weights=shared.FILES, **FACTS)


def small_model(folder: Path) -> Any:
    torch.manual_seed(0)
    config = shared.write_config(folder / "model.yaml", CLASSES, PARTS)
    return shared.randomise(WavTokenizerAdapter(ENTRY).new_model(config))


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    commit = declaration("wavtokenizer").checkouts[0].commit
    with imported("jishengpeng/WavTokenizer", commit, "encoder", "decoder"):
        model = small_model(folder)
        yield lambda entry: WavTokenizerAdapter.from_model(model, entry)


CONTRACT = [
    AdapterCase(
        ENTRY,
        small,
        facts=("native_rate", "hop", "codebooks", "codebook_size"),
        wrong_arguments=[({"bandwidth": 0.9}, "'bandwidth'")],
    )
]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WavTokenizerAdapter]:
    with small(tmp_path_factory.mktemp("wavtokenizer")) as make:
        yield make(ENTRY)


def test_wavtokenizer_output_is_what_upstream_makes(adapter: WavTokenizerAdapter) -> None:
    shared.check_output_is_what_upstream_makes(adapter)


def test_wavtokenizer_another_codebook_changes_the_output(adapter: WavTokenizerAdapter) -> None:
    shared.check_another_codebook_changes_the_output(adapter)


def test_wavtokenizer_output_sample_is_centred_on_its_input_sample(adapter: WavTokenizerAdapter) -> None:
    shared.check_alignment(adapter)


def test_wavtokenizer_files_of_a_training_load(adapter: WavTokenizerAdapter, tmp_path: Path) -> None:
    shared.check_files(adapter, small_model(tmp_path), PARTS, FACTS, tmp_path)


def test_wavtokenizer_untrained_codebooks_are_refused(adapter: WavTokenizerAdapter) -> None:
    shared.check_untrained_codebooks_are_refused(adapter)


@pytest.mark.parametrize("name", NAMES)
def test_wavtokenizer_catalogue_has_what_the_adapter_needs(name: str) -> None:
    entry = load_catalogue().get(name)
    assert isinstance(WavTokenizerAdapter(entry), WavTokenizerAdapter)
    assert entry.isolated == "wavtokenizer"
    assert {Path(weight.path).suffix for weight in entry.weights} == {".yaml", ".ckpt"}


def test_wavtokenizer_config_of_other_classes_is_refused(tmp_path: Path) -> None:
    shared.check_foreign_class_is_refused(WavTokenizerAdapter, tmp_path)
