"""Puts a finished training where the catalogue finds it: weights, a card with measured quality, and the entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from grid.codecs.catalogue import build
from grid.codecs.contract import Codec
from grid.codecs.controlled import ControlledAdapter
from grid.codecs.entry import CatalogueEntry
from grid.codecs.weights import WeightFinder
from grid.corpus.importing import ImportedCorpus
from grid.errors import RequestError
from grid.identity import file_digest
from grid.record import check_outputs, read_record
from grid.small_codecs.card import card
from grid.small_codecs.quality import Quality, measure
from grid.small_codecs.spec import FRAMES_A_SECOND, CodecSpec
from grid.small_codecs.speech import Speech
from grid.small_codecs.training import WEIGHTS, training_folder
from grid.store import Store

FOLDER = "controlled"
"""Below a weights folder, such as grid/codecs/weights."""
BESIDE = ("lyra-v2-3.2kbps", "opus-6kbps")
UNHEARD = "test"


@dataclass(frozen=True)
class Release:
    """What was written, the figures of the card (this codec first), and the entry for the catalogue."""

    weights: Path
    card: Path
    qualities: list[Quality]
    entry: CatalogueEntry

    @property
    def entry_text(self) -> str:
        """The entry as YAML, without the fields that are at their defaults."""
        fields = self.entry.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump([fields], sort_keys=False, width=110, allow_unicode=True)


def release(
    spec: CodecSpec, corpus: ImportedCorpus, out: Store, folder: Path, beside: Sequence[Quality] = ()
) -> Release:
    """Writes `controlled/NAME.safetensors` and `controlled/NAME.md` below `folder`, a weights folder.

    Quality is measured on the test split of `corpus`, and stands beside that of other codecs (`qualities_beside`).
    Raises RequestError when the training is not finished.
    """
    trained = training_folder(spec, Speech(corpus, "train"))
    record = read_record(out, trained)
    if record is None:
        raise RequestError(f"{out.uri(trained)}: the training of {spec.name} is not finished; run it again")
    check_outputs(out, trained, record)
    weights = folder / FOLDER / f"{spec.name}.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(out.read_bytes(f"{trained}/{WEIGHTS}"))
    entry = catalogue_entry(spec, weights)
    own = Codec(ControlledAdapter(entry, weights=WeightFinder([folder], offline=True)))
    qualities = [measure(own, Speech(corpus, UNHEARD)), *beside]
    text = weights.with_suffix(".md")
    text.write_text(card(spec, record, qualities, file_digest(weights)), encoding="utf-8")
    return Release(weights, text, qualities, entry)


def qualities_beside(corpus: ImportedCorpus, codecs: Sequence[str] = BESIDE) -> list[Quality]:
    """What members are compared with on their cards, on the same utterances: measured once for all of them."""
    return [measure(build(name), Speech(corpus, UNHEARD)) for name in codecs]


def catalogue_entry(spec: CodecSpec, weights: Path) -> CatalogueEntry:
    """The catalogue's row of a member whose weights file is `weights`."""
    quantiser = spec.quantiser
    codebooks = 1 if quantiser.kind == "single" else quantiser.tokens
    size = round(2 ** (quantiser.bits / quantiser.tokens))
    return CatalogueEntry(
        name=spec.name,
        family="controlled",
        config=f"{spec.qua} x {spec.aux} x {spec.dec}, {spec.bitrate_kbps:g} kbit/s, seed {spec.seed}",
        qua=spec.qua,
        aux=spec.aux,
        dec=spec.dec,
        taxonomy_source=f"configs/codecs/{spec.name}.yaml",
        design="compression",
        design_reason="trained to reconstruct speech",
        native_rate=16_000,
        frame_rate=FRAMES_A_SECOND,
        hop=160,
        codebooks=codebooks,
        codebook_size=size,
        bitrate_kbps=spec.bitrate_kbps,
        training_seed=spec.seed,
        source="bundled",
        package="vector-quantize-pytorch",
        imports=("torch", "vector_quantize_pytorch"),
        upstream="this project",
        weights=(
            {  # type: ignore[arg-type]  # pydantic makes a WeightFile of it
                "path": f"{FOLDER}/{weights.name}",
                "sha256": file_digest(weights),
                "bytes": weights.stat().st_size,
            },
        ),
        licence="CC-BY-4.0",
        adapter="controlled",
        batching="equal lengths",
        verified="real weights",
    )
