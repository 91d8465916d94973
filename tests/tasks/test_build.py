"""`codecgrid build`: CDD in the sizes of the paper, what is printed of it, and requests that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import codecgrid
from tests.support.fake_asvspoof5 import Size, write_asvspoof5


@pytest.fixture(scope="module")
def asvspoof5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many recordings as the paper's sizes take."""
    return write_asvspoof5(
        tmp_path_factory.mktemp("asvspoof5"),
        {"train": Size(400, 10, 400), "dev": Size(480, 10, 240), "test": Size(600, 10, 300)},
    )


@pytest.mark.slow
def test_build_in_the_sizes_of_the_paper_counts_them(asvspoof5: Path, tmp_path: Path) -> None:
    ended = codecgrid("build", "cdd", "--asvspoof5", asvspoof5, "--out", tmp_path, "--json")
    assert ended.status == 0, ended.err
    counts = {(item["split"], item["of"]): item["ours"] for item in ended.json["counts"]}
    assert [counts[split, "recordings (R)"] for split in ("train", "dev", "test")] == [3600, 1200, 1200]
    assert [counts[split, "resynthesised (A)"] for split in ("train", "dev", "test")] == [10800, 3600, 4800]
    assert [counts[split, "speakers of R and A"] for split in ("train", "dev", "test")] == [360, 480, 600]
    assert [counts[split, "speakers of R and A that are spoofed too"] for split in ("dev", "test")] == [240, 300]
    assert counts["test", "A, xcodec2"] == 1200
    assert len((tmp_path / "protocol.csv").read_text().splitlines()) == 1 + 14_400 + 4_800 + 6_000


@pytest.mark.slow
def test_build_prints_the_counts_the_choices_and_what_to_do_next(asvspoof5: Path, tmp_path: Path) -> None:
    ended = codecgrid(
        "build", "cdd", "--asvspoof5", asvspoof5, "--out", tmp_path, "--codecs", "opus-6kbps", "--test-codecs", "none"
    )
    assert ended.status == 0, ended.err
    assert "A, opus-6kbps" in ended.out
    assert "xcodec2" not in ended.out
    assert "10,800" in ended.out  # of Table 2, beside our 3,600
    assert "no transmission codec" in ended.out
    assert f"codecgrid import csv {tmp_path}/protocol.csv --name cdd --option root={asvspoof5}" in ended.out
    line = f'{{name: cdd, reader: csv, path: "{tmp_path}/protocol.csv", options: {{root: "{asvspoof5}"}}, cors: own}}'
    assert line in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ccd", "--asvspoof5", "x", "--out", "y"), "unknown corpus to build 'ccd'; did you mean 'cdd'?"),
        (("cosg-pairs", "--out", "y"), "codecgrid build cosg-pairs needs --protocol"),
        (("cdd", "--asvspoof5", "x", "--out", "y", "--codecs", "mimi-32c"), "unknown codec 'mimi-32c'; did you mean"),
        (("cdd", "--asvspoof5", "x", "--out", "y"), "x: expected a folder, there is nothing"),
        (("cdd", "--out", "y"), "--asvspoof5"),
    ],
)
def test_build_asked_for_wrongly_ends_with_two(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = codecgrid("build", *arguments)
    assert ended.status == 2
    assert said in ended.err


def test_build_cosg_pairs_says_what_to_do_next(tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text("utterance_id,path,speaker,text\nu1,u1.wav,s,one\nu2,u2.wav,s,two\nv1,v1.wav,t,three\n")
    ended = codecgrid("build", "cosg-pairs", "--protocol", given, "--out", tmp_path / "set", "--system", "ns3")
    assert ended.status == 0, ended.err
    assert "2 pairs of 1 speakers; 1 speakers have one utterance and are left out" in ended.out
    assert f"codecgrid import cosg-folder {tmp_path}/set/protocol.csv --option root={tmp_path}" in ended.out
    again = codecgrid("build", "cosg-pairs", "--protocol", given, "--out", tmp_path / "set", "--json")
    assert (again.json["pairs"], again.json["alone"]) == (2, ["t"])
