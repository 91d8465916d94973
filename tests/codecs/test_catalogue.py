"""The catalogue: complete against the reference, looked up by name and letter, open to third parties."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml

from grid.codecs.catalogue import build, identity, load_catalogue, runnable
from grid.codecs.contract import ADAPTERS, Adapter, Codec, CodecOutputError, Samples
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.weights import WeightFinder
from tests.support.adapter_contract import (
    adapter_class,
    check_contract,
    check_missing_weights,
    check_refused,
    check_wrong_arguments,
    wrong_fact,
)
from tests.support.places import SHARED
from tests.support.torch_codec_checks import make_entry

REFERENCE = SHARED / "reference" / "codecs.yaml"


@pytest.fixture(scope="module")
def reference() -> list[dict[str, Any]]:
    if not REFERENCE.is_file():
        pytest.skip("needs ../shared/reference")
    rows: list[dict[str, Any]] = yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))["codecs"]
    return rows


def test_catalogue_has_the_papers_31_15_and_5_codecs() -> None:
    letters = [entry.letters for entry in load_catalogue()]
    plus = {letter.codecfake_plus for letter in letters} - {None}
    assert len(plus) == 31  # CodecFake+ paper, Table III: A..W
    assert {str(letter)[0] for letter in plus} == set("ABCDEFGHIJKLMPQRSTUVW")
    assert len({letter.codecfake for letter in letters} - {None}) == 15  # CodecFake paper, Table 1
    assert {letter.cdd for letter in letters} - {None} == {"XCodec2", "EnCodec", "Mimi", "DAC", "S3Tokenizer"}
    assert sum(any((letter.codecfake, letter.codecfake_plus, letter.cdd)) for letter in letters) == 45


@pytest.mark.parametrize(
    ("paper", "letter", "name"),
    [
        ("codecfake_plus", "D1", "encodec-24khz-6kbps"),
        ("codecfake_plus", "D2", "encodec-24khz-24kbps"),
        ("codecfake_plus", "B", "dac-24khz"),
        ("codecfake", "D2", "dac-24khz"),
        ("codecfake", "E", "encodec-24khz-1.5kbps"),
        ("codecfake_plus", "U", "mimi-8cb"),
        ("codecfake_plus", "S", "bigcodec"),
        ("codecfake_plus", "F2", "funcodec-zh-en-general-16khz-nq32ds320"),
        ("codecfake", "F2", "funcodec-en-libritts-16khz-gr8nq32ds320"),
        ("cdd", "Mimi", "mimi-32cb"),
    ],
)
def test_by_letter_known_letter_is_that_codec(paper: Any, letter: str, name: str) -> None:
    assert load_catalogue().by_letter(paper, letter).name == name


def test_by_letter_unknown_letter_names_choices() -> None:
    with pytest.raises(RequestError, match=r"unknown codecfake_plus letter 'D9'.*D1"):
        load_catalogue().by_letter("codecfake_plus", "D9")


SETTLED = {
    "editdistance 0.5.2 builds on Python 3.11",  # it does not
    "runs on Python 3.11",  # SoCodec does, with transformers' HuBERT instead of fairseq's
    "everything about the S1-mini codec",  # its code is fish-speech's
    "hub repository fishaudio/openaudio-s1-mini",  # named by fish-speech
    "file codec.pth",  # the same
    "flow noise handling",  # one table from seed 0 for every utterance
    "where s3tokenizer.load_model downloads from",  # the address is in its package
    "bitrate used in CDD",  # still open, but no longer a guess: MARS5's code has 6 kbit/s
}
"""Open points of the reference that reading or building upstream's code has settled."""
DECODERS = {"encodec-24khz-6kbps-mars5": "Freq"}
"""Where the reference has another decoder than the entry, and why: MARS5 decodes EnCodec's codes with Vocos."""


def test_catalogue_facts_are_those_of_the_reference(reference: list[dict[str, Any]]) -> None:
    catalogue = load_catalogue()
    for row, entry in zip(reference, catalogue, strict=False):
        assert entry.letters.codecfake_plus == row["id_codecfake_plus"], entry.name
        assert entry.letters.codecfake == row["id_codecfake"], entry.name
        decoder = DECODERS.get(entry.name, row["dec"])
        assert (entry.qua, entry.aux, entry.dec) == (row["qua"], row["aux"], decoder), entry.name
        assert (entry.design, entry.config) == (row["design"], row["config"]), entry.name
        assert entry.stochastic == row["stochastic"], entry.name
        assert set(row["unverified"]) - SETTLED <= set(entry.unverified), entry.name
        for ours, theirs in [
            (entry.native_rate, "native_sr"),
            (entry.hop, "hop"),
            (entry.bitrate_kbps, "bitrate_kbps"),
        ]:
            assert not isinstance(row[theirs], int | float) or ours == row[theirs], (entry.name, theirs)


def test_taxonomy_of_codecfake_plus_has_the_counts_of_the_reference(reference: list[dict[str, Any]]) -> None:
    theirs = [row for row in reference if row["id_codecfake_plus"]]
    ours = [entry for entry in load_catalogue() if entry.letters.codecfake_plus]
    for field in ("qua", "aux", "dec"):
        assert Counter(getattr(entry, field) for entry in ours) == Counter(row[field] for row in theirs)


def test_transmission_codecs_have_no_place_in_the_taxonomy() -> None:
    for entry in load_catalogue():
        places = {entry.qua is None, entry.aux is None, entry.dec is None}
        assert places == {entry.group == "transmission"}, entry.name


def test_bitrate_of_every_plain_residual_quantiser_follows_from_its_codebooks() -> None:
    # kbit/s = frames per second x codebooks x log2(codebook size) / 1000
    checked = 0
    for entry in load_catalogue():
        facts = (entry.frame_rate, entry.codebooks, entry.codebook_size, entry.bitrate_kbps)
        if None in facts or entry.family in {"SNAC", "SemantiCodec", "SQ-Codec"}:  # streams of several rates or sizes
            continue
        if (entry.family, entry.qua) == ("controlled", "Svq"):  # six codes a frame from one codebook
            facts = (entry.frame_rate, 6, *facts[2:])
        rate, codebooks, size, bitrate = (float(fact) for fact in facts if fact is not None)
        assert rate * codebooks * np.log2(size) / 1000 == pytest.approx(bitrate, rel=0.03), entry.name
        checked += 1
    assert checked >= 35


@pytest.mark.slow
def test_every_adapter_named_exists_and_every_runnable_entry_was_verified() -> None:
    for entry in load_catalogue():
        assert entry.adapter is None or entry.adapter in ADAPTERS.names(), entry.name
        assert (entry.verified == "not run") == (entry.adapter is None), entry.name


def test_get_unknown_name_gives_place_and_nearest_choice() -> None:
    with pytest.raises(
        RequestError, match=r"^demo\.yaml:4: unknown codec 'encodec-24khz-6kbp'; did you mean 'encodec-24"
    ):
        load_catalogue().get("encodec-24khz-6kbp", where="demo.yaml:4")


def test_runnable_without_weights_says_what_to_put_where(tmp_path: Path) -> None:
    lines = runnable(load_catalogue().get("lyra-v2-6kbps"), WeightFinder([tmp_path], offline=True))
    assert len(lines) == 3
    assert f"put the file at {tmp_path / 'lyra/quantizer.tflite'}" in lines[1]
    assert "google/lyra/47698dadf0010abff6a848e02642f55f806d4842/lyra/model_coeffs/quantizer.tflite" in lines[1]


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of somebody else, installed as far as importlib can tell: a module and its dist-info."""
    (tmp_path / "half_codec.py").write_text(
        textwrap.dedent("""
            from grid.codecs.contract import ADAPTERS, Adapter

            from grid.core.errors import RequestError

            FACTS = {"family": "Half", "design": "compression", "native_rate": 16000,
                     "source": "pip", "adapter": "half"}
            CATALOGUE = [
                {"name": "half", **FACTS},
                {"name": "gain", **FACTS, "hop": 1,
                 "weights": [{"path": "half/gain.txt", "source": "https://nowhere.invalid/gain.txt"}]},
            ]

            @ADAPTERS.register("half")
            class HalfAdapter(Adapter):
                revision = 3

                def __init__(self, entry, **options):
                    super().__init__(entry, **options)
                    if entry.arguments:
                        raise RequestError(f"codec {entry.name}: takes no arguments, not {entry.arguments}")

                def code(self, waveforms, seeds):
                    gains = [float(self.weights.find(weight).read_text()) for weight in self.entry.weights]
                    if self.entry.hop not in (None, 1):
                        hop = self.entry.hop
                        raise RequestError(
                            f"codec {self.entry.name}: the catalogue says hop {hop}, but the model has 1"
                        )
                    return waveforms * sum(gains) if gains else waveforms / 2
            """)
    )
    info = tmp_path / "half_codec-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: half-codec\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[codecgrid.codecs]\nhalf = half_codec\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_catalogue.cache_clear()
    yield tmp_path
    load_catalogue.cache_clear()
    sys.modules.pop("half_codec", None)
    ADAPTERS._found.pop("half", None)


def test_third_party_adapter_keeps_the_contract_by_the_same_checks(third_party: Path, tmp_path: Path) -> None:
    def make(entry: CatalogueEntry) -> Adapter:
        return adapter_class(entry)(entry, weights=WeightFinder([third_party / "weights"], offline=True))

    entry = load_catalogue().get("gain")
    check_missing_weights(entry, third_party / "empty")
    check_wrong_arguments(entry)
    (third_party / "weights" / "half").mkdir(parents=True)
    (third_party / "weights" / "half" / "gain.txt").write_text("0.25")
    check_contract(Codec(make(entry)), again=Codec(make(entry)), exact=True)
    check_refused(make, entry, wrong_fact(entry, "hop"))


@pytest.mark.parametrize("fault", ["one item less", "by the batch", "other samples each time"])
def test_contract_checks_find_a_codec_that_does_not_keep_it(fault: str) -> None:
    class Faulty(Adapter):
        revision: ClassVar[int] = 1
        calls = 0

        def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
            self.calls += 1
            divisor = {"by the batch": len(waveforms), "other samples each time": self.calls}.get(fault, 1)
            return waveforms[: -1 if fault == "one item less" else None] / divisor

    codec = Codec(Faulty(make_entry("half", 16_000)))
    with pytest.raises((AssertionError, CodecOutputError)):
        check_contract(codec)


def test_contract_checks_find_an_adapter_that_compares_no_hop() -> None:
    class Faulty(Adapter):
        revision: ClassVar[int] = 1

        def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
            return waveforms

    entry = make_entry("half", 16_000, hop=160)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_refused(Faulty, entry, wrong_fact(entry, "hop"))


@pytest.mark.usefixtures("third_party")
def test_third_party_codec_comes_in_through_its_entry_point() -> None:
    entry = load_catalogue().get("half")
    assert runnable(entry) == []
    assert identity(entry)["revision"] == 3
    speech = np.full((1, 50), 0.5, dtype=np.float32)
    np.testing.assert_array_equal(build("half").resynthesise(speech, ["a"]), speech / 2)


def test_third_party_entry_with_a_wrong_field_names_module_codec_and_field(third_party: Path) -> None:
    module = third_party / "half_codec.py"
    module.write_text(module.read_text().replace('"design": "compression"', '"design": "smaller"'))
    with pytest.raises(RequestError, match=r"half_codec: codec 'half': design: .*'compression'"):
        load_catalogue()


def test_build_codec_without_adapter_says_so(third_party: Path) -> None:
    module = third_party / "half_codec.py"
    module.write_text(module.read_text().replace(', "adapter": "half"', ""))
    with pytest.raises(MissingRequirementError, match=r"codec half cannot run here: no adapter yet for the family"):
        build("half")
