"""Tests of `codecgrid codecs`: the document, the table and one codec in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from grid.codecs.catalogue import build, load_catalogue, runnable
from grid.codecs.isolation.building import build_environment, environment
from grid.codecs.isolation.declaration import declaration
from tests.support.command_line import codecgrid
from tests.support.speech import voiced
from tests.support.tiny_environment import Tiny


def test_codecs_as_json_has_every_codec_in_the_promised_shape() -> None:
    rows = codecgrid("codecs", "--json").json
    assert [row["name"] for row in rows] == load_catalogue().names()
    keys = ["name", "letters", "qua", "aux", "dec", "design", "verified", "runnable"]
    assert all(list(row) == keys for row in rows)
    assert all(set(row["letters"]) == {"codecfake", "codecfake_plus", "cdd"} for row in rows)
    by_name = {row["name"]: row for row in rows}
    # CodecFake+, tables of the codecs: EnCodec at 24 kHz and 6 kbps is D1, several codebooks, no auxiliary, time
    encodec = by_name["encodec-24khz-6kbps"]
    assert (encodec["letters"]["codecfake_plus"], encodec["qua"], encodec["aux"], encodec["dec"]) == (
        "D1",
        "Mvq",
        "None",
        "Time",
    )
    assert by_name["mu-law"]["runnable"] is True
    assert by_name["mu-law"]["qua"] is None


def test_codecs_on_a_terminal_of_eighty_columns_cuts_no_name() -> None:
    out = codecgrid("codecs").out
    assert "…" not in out
    assert all(name in out for name in load_catalogue().names())
    assert max(len(line) for line in out.splitlines()) <= 80


def test_codecs_of_one_name_says_what_it_lacks() -> None:
    assert codecgrid("codecs", "mu-law").out.splitlines()[-1] == "runs here"
    lacking = next((entry, lines) for entry in load_catalogue() if (lines := runnable(entry)))
    said = codecgrid("codecs", lacking[0].name).out
    assert "does not run here:\n" + "".join(f"  {line}\n" for line in lacking[1]) in said


def test_codecs_of_one_name_says_what_a_codec_of_more_than_16_khz_gets() -> None:
    said = " ".join(codecgrid("codecs", "encodec-24khz-6kbps").out.split())
    assert "input: 24 kHz, resampled from the recording's own rate where that is above 16 kHz, else from 16 kHz" in said
    assert "through: 16 kHz" not in codecgrid("codecs", "mu-law").out


def test_codecs_of_an_unknown_name_gives_the_nearest() -> None:
    ended = codecgrid("codecs", "encodec-24khz-6kpbs")
    assert ended.status == 2
    assert "did you mean 'encodec-24khz-6kbps'?" in ended.err


def test_codecs_build_of_a_codec_of_the_core_has_nothing_to_build() -> None:
    ended = codecgrid("codecs", "build", "mu-law")
    assert (ended.status, ended.out) == (0, "mu-law runs in codecgrid's own environment: nothing to build\n")


def test_codecs_build_of_an_unknown_name_gives_the_nearest() -> None:
    ended = codecgrid("codecs", "build", "mu-lav")
    assert ended.status == 2
    assert "did you mean 'mu-law'?" in ended.err


@pytest.mark.slow
def test_codecs_build_and_name_of_an_isolated_codec(tiny: Tiny) -> None:
    name = "tiny-licensed"
    build_environment(declaration("tiny"))
    assert "\nruns here\n" in codecgrid("codecs", name).out
    assert "accept_licence: [tiny-licensed]" in codecgrid("codecs", name).out
    (environment(declaration("tiny")).folder / "record.json").unlink()
    assert f"codecgrid codecs build {name}\n" in codecgrid("codecs", name).out
    ended = codecgrid("codecs", "build", name)
    assert ended.status == 0
    assert ended.out.startswith("tiny: ")
    assert "importing tiny_upstream" in ended.err


@pytest.mark.slow
def test_codecs_check_tells_what_the_codec_did(tiny: Tiny, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", voiced(16_000), 16_000)
    figures = codecgrid("codecs", "check", "tiny", tmp_path / "in.wav", "--json").json
    assert (figures["codec"], figures["environment"]) == ("tiny", "isolated:tiny")
    assert figures["samples_in"] == figures["samples_out"] == 16_000
    assert figures["declared_delay_native_samples"] == 3
    assert figures["lag_samples"] == -3  # it says that it delays by 3 samples, and does not
    assert figures["level_change_db"] == pytest.approx(-6.02, abs=0.05)
    assert figures["repeats_bit_for_bit"] is True
    assert figures["real_time_factor"] > 0
    words = codecgrid("codecs", "check", "mu-law", tmp_path / "in.wav").out
    assert all(word in words for word in ("lag samples", "level change db", "real time factor"))


@pytest.mark.slow
def test_a_file_of_48_khz_reaches_a_codec_of_24_khz_from_its_own_rate(tiny: Tiny, tmp_path: Path) -> None:
    recorded = 0.1 * np.random.default_rng(0).standard_normal(14_401).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", recorded, 48_000, subtype="FLOAT")
    expected = build("tiny-24khz").resynthesise(recorded[None], ["in"], rate=48_000, samples=4_800)[0]
    assert codecgrid("resynth", "tiny-24khz", tmp_path / "in.wav", tmp_path / "out.wav").status == 0
    made, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == 16_000
    np.testing.assert_allclose(made, expected, atol=1 / 32_768)
    figures = codecgrid("codecs", "check", "tiny-24khz", tmp_path / "in.wav", "--json").json
    assert figures["samples_in"] == figures["samples_out"] == 4_800


@pytest.mark.parametrize("command", [("codecs", "check"), ("resynth",)])
@pytest.mark.slow
def test_codec_with_a_licence_to_accept_does_not_run_without(
    tiny: Tiny, tmp_path: Path, command: tuple[str, ...]
) -> None:
    soundfile.write(tmp_path / "in.wav", voiced(1_600), 16_000)
    given = ["tiny-licensed", tmp_path / "in.wav", *([tmp_path / "out.wav"] if command == ("resynth",) else [])]
    ended = codecgrid(*command, *given)
    assert ended.status == 2
    assert "tiny-licensed: CC-BY-NC-4.0" in ended.err
    assert codecgrid(*command, *given, "--accept-licence").status == 0
