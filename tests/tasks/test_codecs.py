"""Tests of `codecgrid codecs`: the document, the table and one codec in full."""

from __future__ import annotations

from grid.codecs.catalogue import load_catalogue
from tests.tasks.command_line import codecgrid


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
    lacking = codecgrid("codecs", "facodec-v2-16khz").out
    assert "does not run here:\n  no adapter yet for the family" in lacking


def test_codecs_of_an_unknown_name_gives_the_nearest() -> None:
    ended = codecgrid("codecs", "encodec-24khz-6kpbs")
    assert ended.status == 2
    assert "did you mean 'encodec-24khz-6kbps'?" in ended.err
