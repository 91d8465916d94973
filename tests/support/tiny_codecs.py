"""Makes members of a few channels, a tiny corpus of voiced sounds with speakers, and trainings of seconds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import soundfile

from grid.codecs.controlled.spec import CodecSpec
from grid.corpus.importing import ImportedCorpus, import_corpus, open_imported
from grid.corpus.readers import open_corpus
from tests.support.speech import voiced

QUANTISERS: dict[str, dict[str, Any]] = {
    "residual": {"kind": "residual", "tokens": 3, "size": 16},
    "single": {"kind": "single", "tokens": 3, "size": 16},
    "scalar": {"kind": "scalar", "tokens": 3, "levels": [4, 4]},
}
SIZE = {"channels": 12, "latent": 9, "encoder_blocks": 1, "decoder_blocks": 1, "kernel": 3}
TRAINING: dict[str, Any] = {
    "steps": 6,
    "batch": 3,
    "frames": 20,
    "learning_rate": 0.003,
    "warm_up": 2,
    "save_every": 2,
    "report_every": 3,
}


def spec(quantiser: str = "residual", auxiliary: str = "none", decoder: str = "time", **changes: Any) -> CodecSpec:
    """A tiny member; `changes` are of its training, and `seed`."""
    return CodecSpec.model_validate(
        {
            "name": "tiny",
            "quantiser": QUANTISERS[quantiser],
            "auxiliary": {"kind": auxiliary},
            "decoder": {"kind": decoder},
            "size": SIZE,
            "seed": changes.pop("seed", 0),
            "training": TRAINING | changes,
        }
    )


def corpus(folder: Path, *, speakers: int = 2) -> ImportedCorpus:
    """Half-second recordings of voiced sounds, imported: four of each training speaker, one of each other speaker."""
    rows = [(f"t{s}-{i}", f"s{s}", "train", 90.0 + 40 * s + 7 * i) for s in range(speakers) for i in range(4)]
    for split in ("dev", "test"):
        rows += [(f"{split}-{i}", f"{split}{i}", split, 110.0 + 30 * i) for i in range(2)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "protocol.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["utterance_id", "path", "speaker", "split", "source"])
        for name, speaker, split, pitch in rows:
            soundfile.write(folder / f"{name}.wav", voiced(8_000, pitch), 16_000)
            writer.writerow([name, f"{name}.wav", speaker, split, "librispeech_made-up"])
    import_corpus(open_corpus("csv", folder / "protocol.csv"), folder / "imported")
    return open_imported(folder / "imported")
