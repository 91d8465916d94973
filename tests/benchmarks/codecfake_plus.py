"""Makes a store with a made-up corpus of CodecFake+'s size, 44,455 recordings for 31 codecs, without any audio."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

from grid.codecs.catalogue import load_catalogue
from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.holdings import attack_rates, holdings, recorded_rates
from grid.corpus.manifest import MANIFEST_SCHEMA, manifest_digest, write_manifest

UTTERANCES = 44_455
SPEAKERS = 110
CORPUS = "made-up"
SPLITS = ((0.8, "train"), (0.9, "dev"), (1.0, "test"))


@dataclass(frozen=True)
class Place:
    """Where the store and the experiment file lie, and the folder of the corpus in the store."""

    root: Path
    config: Path
    corpus: str


def codec_names() -> list[str]:
    """The 31 codecs of CodecFake+, Table III."""
    return [entry.name for entry in load_catalogue() if entry.letters.codecfake_plus]


def recordings(utterances: int = UTTERANCES) -> pa.Table:
    """A manifest of bona fide recordings, 2 to 8 s each, ids and lengths from a fixed seed."""
    rng = np.random.default_rng(0)
    samples = rng.integers(2 * SAMPLE_RATE, 8 * SAMPLE_RATE, utterances)
    speakers = np.arange(utterances) * SPEAKERS // utterances
    ids = [f"p{225 + speaker}_{number:05d}" for number, speaker in enumerate(speakers)]
    columns = {
        "utterance_id": ids,
        "speaker": [f"p{225 + speaker}" for speaker in speakers],
        "split": [next(name for limit, name in SPLITS if speaker < limit * SPEAKERS) for speaker in speakers],
        "key": ["bonafide"] * utterances,
        "attack": [""] * utterances,
        "codec": [""] * utterances,
        "origin": ids,
        "source": ["vctk"] * utterances,
        "path": [f"wav48/{name[:4]}/{name}.flac" for name in ids],
        "seconds": samples / SAMPLE_RATE,
        "samples": samples,
        "sample_rate": [SAMPLE_RATE] * utterances,
        "channels": [1] * utterances,
        "sha256": [rng.bytes(32).hex() for _ in range(utterances)],
    }
    return pa.Table.from_pydict(columns, schema=MANIFEST_SCHEMA)


def rendered(table: pa.Table, codec: str) -> pa.Table:
    """The manifest that a rendition of `table` through `codec` ("" for none) has, with the column `offset`."""
    columns = {name: table[name] for name in table.column_names}
    if codec:
        columns["utterance_id"] = pa.array([f"{name}~{codec}" for name in table["utterance_id"].to_pylist()])
        columns["codec"] = pa.array([codec] * table.num_rows)
    columns["path"] = pa.array([f"shard-{row * 267 // table.num_rows:05d}.parquet" for row in range(table.num_rows)])
    columns["offset"] = pa.array(np.arange(table.num_rows) * 100_000)
    return pa.table(columns)


def make(folder: Path) -> Place:
    """The store and an experiment with every codec alone and all together, for three policies and detectors."""
    place = Place(folder / "root", folder / "experiment.yaml", f"corpora/{CORPUS}")
    store_corpus(Store.open(place.root), recordings(), folder)
    place.config.write_text(yaml.safe_dump(_experiment()), encoding="utf-8")
    return place


def store_corpus(store: Store, table: pa.Table, audio_root: Path) -> None:
    """Puts the manifest `table` into the store as the imported corpus CORPUS."""
    folder = f"corpora/{CORPUS}"
    with store.writing(f"{folder}/manifest.parquet") as temporary:
        write_manifest(temporary, table)
    facts = {
        "manifest_digest": manifest_digest(table),
        "folder": folder,
        "audio_root": str(audio_root),
        "utterances": table.num_rows,
        "rejected": 0,
        "holdings": [asdict(holding) for holding in holdings(table)],
        "recorded_rates": recorded_rates(table),
        "attack_rates": attack_rates(table),
    }
    store.write_json(f"corpora/{CORPUS}.json", facts)


def _experiment() -> dict[str, object]:
    codecs = codec_names()
    return {
        "name": "codecfake-plus-size",
        "corpora": [{"name": CORPUS}],
        "grid": {
            "selections": [*codecs, {"name": "all", "codecs": codecs}],
            "policies": ["spoof", {"label": "spoof", "mixing": "replace"}, "by-design"],
            "detectors": ["lfcc-lcnn", "aasist", "aasist-l"],
            "seeds": [0, 1, 2],
        },
        "recipe": "cpu-lcnn",
        "evaluations": {"CoRS-spoof": {"bonafide": "raw", "spoof": "cors", "by": "codec"}},
    }
