"""What `Codec` does around an adapter: length, delay, level, seeds, errors; golden values of codecs with real weights.

The contract of each adapter is in tests/codecs/adapters/test_adapter_contract.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from grid.codecs.catalogue import build, identity, load_catalogue, runnable
from grid.codecs.contract import ADAPTERS, Adapter, Codec, CodecOutputError, Samples, resample
from grid.codecs.entry import CatalogueEntry
from grid.codecs.fidelity import inspect_pair, lag
from grid.core.errors import RequestError
from tests.support.lyra_weights import needs_lyra
from tests.support.speech import UTTERANCES, real, voiced

ADAPTERS_WITH_GOLDEN_VALUES = ("classical", "lyra")

# Correlation and log-spectral distance (dB) of input and output, averaged over the four utterances of
# tests/support/speech.py; measured with this code, libsndfile 1.2.2 (soundfile 0.14.0) and ai-edge-litert 2.3.0.
GOLDEN = {
    "lyra-v2-3.2kbps": (0.8644, 4.770),
    "lyra-v2-6kbps": (0.9124, 4.469),
    "lyra-v2-9.2kbps": (0.9282, 4.327),
    "opus-6kbps": (0.8925, 5.737),
    "opus-16kbps": (0.9860, 2.991),
    "vorbis-25kbps": (0.9877, 3.625),
    "mp3-32kbps": (0.9940, 2.718),
    "gsm-06.10": (0.9666, 5.543),
    "mu-law": (0.9915, 4.101),
}
CODECS = [pytest.param(name, marks=[needs_lyra] if name.startswith("lyra") else []) for name in GOLDEN]
CORRELATION_TOLERANCE, DISTANCE_TOLERANCE = 0.003, 0.1


class Echo(Adapter):
    """Repeats its input `late` samples late, with noise from the seed; `broken` puts a NaN into the last item."""

    revision: ClassVar[int] = 1
    late = 0
    noise = 0.0
    broken = False
    seen: Samples

    @property
    def delay(self) -> int:
        return self.late

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        self.seen = waveforms
        noise = np.stack([np.random.default_rng(seed).standard_normal(waveforms.shape[1]) for seed in seeds])
        shifted = np.pad(waveforms, ((0, 0), (max(self.late, 0), 0)))[:, max(-self.late, 0) :]
        output = shifted[:, : waveforms.shape[1]].copy()
        output += self.noise * noise[:, : output.shape[1]].astype(np.float32)
        if self.broken:
            output[-1, 0] = np.nan
        return output


def echo_entry(native_rate: int = 16_000, level: str = "none") -> CatalogueEntry:
    return CatalogueEntry(name="echo", family="Echo", design="both", native_rate=native_rate, level=level, source="git")


def test_golden_values_cover_lyra_and_every_classical_codec() -> None:
    named = [entry.name for entry in load_catalogue() if entry.adapter in ADAPTERS_WITH_GOLDEN_VALUES]
    assert sorted(named) == sorted(GOLDEN)


@pytest.mark.parametrize("name", CODECS)
def test_codec_with_golden_values_lacks_nothing_here(name: str) -> None:
    assert runnable(load_catalogue().get(name)) == []


@pytest.mark.parametrize("name", CODECS)
def test_resynthesise_silence_stays_silent(name: str) -> None:
    output = build(name).resynthesise(np.zeros((1, 16_000), dtype=np.float32), ["a"])
    assert np.abs(output).max() < 2e-3  # Lyra's decoder hums at 0.0009, GSM's at 0.0006


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.slow
def test_resynthesise_real_speech_is_aligned_and_as_good_as_measured(name: str, shared_speech: Path) -> None:
    codec = build(name)
    found = []
    for utterance_id in UTTERANCES:
        speech = real(shared_speech, utterance_id)
        decoded = codec.resynthesise(speech[None], [utterance_id])[0]
        found.append(inspect_pair(speech, decoded))
    assert max(abs(item.lag) for item in found) <= (2 if codec.entry.native_rate == 8_000 else 1)
    assert max(abs(item.level_change) for item in found) < 1.7  # opus-6kbps loses 1.64 dB, everything else less
    correlation, distance = GOLDEN[name]
    assert np.mean([item.correlation for item in found]) == pytest.approx(correlation, abs=CORRELATION_TOLERANCE)
    measured = float(np.mean([item.log_spectral_distance for item in found]))
    assert measured == pytest.approx(distance, abs=DISTANCE_TOLERANCE)


@pytest.mark.parametrize("late", [-37, 0, 250])
@pytest.mark.parametrize("native_rate", [8_000, 16_000, 24_000])
def test_resynthesise_codec_with_delay_is_compensated(late: int, native_rate: int) -> None:
    adapter = Echo(echo_entry(native_rate))
    adapter.late = late
    speech = voiced(8_000)
    decoded = Codec(adapter).resynthesise(speech[None], ["a"])[0]
    assert lag(speech, decoded) == 0
    tail = slice(-800, -20)  # what a positive delay would have pushed out of the end is there
    if late >= 0:
        assert np.corrcoef(speech[tail], decoded[tail])[0, 1] > 0.97


def test_resynthesise_short_item_reaches_adapter_with_its_minimum_length() -> None:
    adapter = Echo(echo_entry())
    adapter.minimum_samples = 640  # type: ignore[misc]
    assert Codec(adapter).resynthesise(voiced(10)[None], ["a"]).shape == (1, 10)
    assert adapter.seen.shape == (1, 640)


def test_resynthesise_stochastic_codec_depends_on_utterance_and_seed_only() -> None:
    adapter = Echo(echo_entry())
    adapter.noise = 0.1
    codec, speech = Codec(adapter), voiced(500)
    both = codec.resynthesise(np.stack([speech, speech]), ["a", "b"])
    np.testing.assert_array_equal(both[1], codec.resynthesise(speech[None], ["b"])[0])
    assert not np.array_equal(both[0], both[1])
    assert not np.array_equal(both[0], codec.resynthesise(speech[None], ["a"], seed=1)[0])


def test_resynthesise_nan_from_codec_names_codec_and_utterance() -> None:
    adapter = Echo(echo_entry())
    adapter.broken = True
    with pytest.raises(CodecOutputError, match=r"codec echo: NaN or infinite samples in second$"):
        Codec(adapter).resynthesise(np.stack([voiced(100)] * 2), ["first", "second"])


@pytest.mark.parametrize(
    ("waveforms", "ids", "message"),
    [
        (np.zeros(100, dtype=np.float32), ["a"], r"\(batch, samples\)"),
        (np.zeros((1, 0), dtype=np.float32), ["a"], r"\(batch, samples\)"),
        (np.zeros((2, 100), dtype=np.float32), ["a"], "1 utterance_ids for 2 waveforms"),
        (np.full((1, 100), np.inf, dtype=np.float32), ["a"], "in the input of a"),
    ],
)
def test_resynthesise_wrong_input_says_what_is_wrong(waveforms: Samples, ids: list[str], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Codec(Echo(echo_entry())).resynthesise(waveforms, ids)


def test_identity_holds_what_changes_samples_and_tells_two_bitrates_apart() -> None:
    catalogue = load_catalogue()
    low, high = (identity(catalogue.get(name)) for name in ("lyra-v2-3.2kbps", "lyra-v2-6kbps"))
    assert low["revision"] == ADAPTERS.get("lyra").revision
    assert low["arguments"] == {"stages": 16}
    assert low["resampler"] is None
    assert low != high
    assert json.dumps(low)
    digests = [weight["sha256"] for weight in low["weights"]]  # type: ignore[index, call-overload, union-attr]
    assert all(len(str(digest)) == 64 for digest in digests)


@pytest.mark.slow
def test_identity_of_every_entry_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from grid.codecs.catalogue import identity, load_catalogue, runnable\n"
        "assert all(identity(entry) for entry in load_catalogue())\n"
        "[runnable(entry) for entry in load_catalogue()]\n"
        "heavy = {'torch', 'transformers', 'encodec', 'dac', 'snac', 'bigcodec', 'ai_edge_litert', 'scipy.signal'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("device", "sizes"), [("cpu", [2, 2, 1]), ("cuda", [5])])
def test_codec_gives_a_cpu_no_more_items_at_once_than_pay_there(device: str, sizes: list[int]) -> None:
    class Counting(Echo):
        cpu_batch: ClassVar[int | None] = 2
        calls: ClassVar[list[int]] = []

        def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
            assert len(waveforms) == len(seeds)
            self.calls.append(len(waveforms))
            return super().code(waveforms, seeds)

    waveforms = np.linspace(-1, 1, 5 * 800, dtype=np.float32).reshape(5, 800)
    output = Codec(Counting(echo_entry(), device=device)).resynthesise(waveforms, list("abcde"))
    np.testing.assert_array_equal(output, waveforms)
    assert Counting.calls == sizes


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_resynthesise_from_another_rate_is_aligned_and_as_long_as_said(rate: int) -> None:
    adapter = Echo(echo_entry(24_000))
    adapter.late = 37
    speech = voiced(8_000)
    recorded = resample(speech[None], 16_000, rate)
    decoded = Codec(adapter).resynthesise(recorded, ["a"], rate=rate, samples=8_000)
    assert decoded.shape == (1, 8_000)
    assert lag(speech, decoded[0]) == 0
    assert np.corrcoef(speech[:-20], decoded[0, :-20])[0, 1] > 0.99


def test_resynthesise_from_48_khz_gives_the_adapter_what_is_between_8_and_12_khz() -> None:
    adapter = Echo(echo_entry(24_000))
    tone = np.sin(2 * np.pi * 10_000 * np.arange(48_000) / 48_000).astype(np.float32)[None]
    decoded = Codec(adapter).resynthesise(tone, ["a"], rate=48_000, samples=16_000)
    assert adapter.seen.shape == (1, 24_000)
    assert np.sqrt(np.mean(adapter.seen**2)) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert np.abs(decoded[0, 500:-500]).max() < 1e-4  # the output is at 16 kHz


def test_resynthesise_from_another_rate_applies_the_level_there() -> None:
    adapter = Echo(echo_entry(48_000, level="peak 0.95"))
    recorded = 0.1 * np.random.default_rng(0).standard_normal((1, 4_800)).astype(np.float32)
    Codec(adapter).resynthesise(recorded, ["a"], rate=48_000, samples=1_600)
    assert np.abs(adapter.seen).max() == pytest.approx(0.95)


def test_resynthesise_from_another_rate_asks_for_the_length() -> None:
    with pytest.raises(
        RequestError, match=r"codec echo: say how many `samples` at 16 kHz a waveform at 48000 Hz becomes"
    ):
        Codec(Echo(echo_entry())).resynthesise(voiced(100)[None], ["a"], rate=48_000)


class Grouped(Echo):
    """Late, noisy, and given up to three items at once."""

    cpu_group: ClassVar[int] = 3
    late = 7
    noise = 0.1
    lengths: tuple[int, ...] = ()

    def code_each(self, waveforms: Sequence[Samples], seeds: Sequence[int]) -> list[Samples]:
        self.lengths = tuple(len(row) for row in waveforms)
        return super().code_each(waveforms, seeds)


def test_resynthesise_each_gives_what_resynthesise_gives_one_by_one() -> None:
    adapter = Grouped(echo_entry(native_rate=32_000, level="peak 0.95"))
    codec = Codec(adapter)
    items, ids = [voiced(n) for n in (900, 1_601, 10)], ["a", "b", "c"]
    made = codec.resynthesise_each(items, ids, seed=4)
    assert adapter.lengths == (1_807, 3_209, 27)
    assert [row.dtype for row in made] == [np.float32] * 3
    for row, item, key in zip(made, items, ids, strict=True):
        np.testing.assert_array_equal(row, codec.resynthesise(item[None], [key], seed=4)[0])
    lengths = (300, 534, 3)
    from_48_khz = codec.resynthesise_each(items, ids, seed=4, rate=48_000, samples=lengths)
    for row, item, key, samples in zip(from_48_khz, items, ids, lengths, strict=True):
        alone = codec.resynthesise(item[None], [key], seed=4, rate=48_000, samples=samples)[0]
        np.testing.assert_array_equal(row, alone)


def test_resynthesise_each_wrong_input_or_output_is_an_error() -> None:
    class Losing(Echo):
        def code_each(self, waveforms: Sequence[Samples], seeds: Sequence[int]) -> list[Samples]:
            return super().code_each(waveforms, seeds)[:-1]

    codec = Codec(Losing(echo_entry()))
    with pytest.raises(CodecOutputError, match=r"output \[\(100,\)\] for 2 items"):
        codec.resynthesise_each([voiced(100), voiced(200)], ["a", "b"])
    with pytest.raises(RequestError, match="1 utterance_ids for 2 waveforms"):
        codec.resynthesise_each([voiced(100), voiced(200)], ["a"])


@pytest.mark.parametrize(("device", "group"), [("cpu", 3), ("cuda", 1)])
def test_adapter_takes_items_of_different_lengths_together_on_a_cpu_only(device: str, group: int) -> None:
    assert Grouped(echo_entry(), device=device).group == group
