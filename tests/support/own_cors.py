"""Gives a tiny corpus CoRS of its own: rows that are coded, rows that are pending, and splits that have neither."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.tiny_grid import SAMPLE_RATE, Tiny, tiny, waveform

CODEC, OTHER = "mu-law", "gsm-06.10"
"""The codec of the rows that `add_cors` writes, and one that no row names."""
OWN = [{"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv", "cors": "own"}]
ADDED = ("codec", "pending")


def own_tiny(folder: Path, *, corpus: dict[str, Any] | None = None, **changes: Any) -> Tiny:
    """The tiny experiment on a corpus with CoRS of its own, which it uses unless `corpora` says otherwise."""
    made = tiny(folder, corpus=corpus, **{"corpora": OWN, "grid": {"selections": [CODEC]}, **changes})
    add_cors(folder / "corpus" / "protocol.csv")
    return made


def add_cors(protocol: Path, coded: tuple[str, ...] = ("train",), pending: tuple[str, ...] = ("dev",)) -> None:
    """Rows of CODEC for each recording: its own in the splits of `coded`, called spoof; still to be made in `pending`.

    The own rows are other audio than CODEC makes, so that a copy can be told from what was coded.
    """
    rows = read_rows(protocol)
    recordings = [row for row in rows if row["key"] == "bonafide" and not row["codec"]]
    for number, row in enumerate(recordings):
        name = row["utterance_id"]
        if row["split"] in coded:
            path = f"{name}-published.wav"
            samples = waveform(path, 150.0, 4800 + 1600 * (number % 2))
            soundfile.write(protocol.parent / path, samples, SAMPLE_RATE, subtype="PCM_16")
            rows.append(row | {"utterance_id": f"{name}_published", "path": path, "key": "spoof", "codec": CODEC})
        if row["split"] in pending:
            rows.append(row | {"utterance_id": f"{name}~{CODEC}", "codec": CODEC, "pending": "yes"})
    write_rows(protocol, rows)


def read_rows(protocol: Path) -> list[dict[str, str]]:
    """The rows of a protocol, with the columns that CoRS need."""
    with protocol.open(encoding="utf-8", newline="") as stream:
        return [{**dict.fromkeys(ADDED, ""), **row} for row in csv.DictReader(stream)]


def write_rows(protocol: Path, rows: list[dict[str, str]]) -> None:
    """Writes a protocol of these rows."""
    with protocol.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def pcm(path: Path) -> bytes:
    """The samples of a WAV file as they are in a shard."""
    return bytes(np.asarray(soundfile.read(path, dtype="int16")[0], dtype="<i2").tobytes())
