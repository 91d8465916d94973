"""Releases a finished training of a small codec: weights, a card with measured quality, and the catalogue entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from grid.codec_training.quality import Quality, measure
from grid.codec_training.speech import TrainingSpeech
from grid.codec_training.training import WEIGHTS, training_folder
from grid.codecs.adapters.controlled import ControlledAdapter
from grid.codecs.catalogue import build
from grid.codecs.contract import Codec
from grid.codecs.controlled.spec import FRAMES_A_SECOND, CodecSpec, TrainingPlan
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.record import Record, check_outputs, read_record
from grid.core.store import Store
from grid.core.weights import WeightFinder
from grid.corpus.importing import ImportedCorpus

CREDITS = {
    "librispeech": "LibriSpeech: V. Panayotov, G. Chen, D. Povey, S. Khudanpur, ICASSP 2015, "
    "<https://www.openslr.org/12>, CC BY 4.0.",
    "vctk": "CSTR VCTK Corpus: J. Yamagishi, C. Veaux, K. MacDonald, University of Edinburgh, 2019, "
    "<https://doi.org/10.7488/ds/2645>, CC BY 4.0.",
}
LICENCE = "CC BY 4.0, <https://creativecommons.org/licenses/by/4.0/>"
FOLDER = "controlled"
"""The folder of released files below a weights folder, such as grid/codecs/weights."""
COMPARED_CODECS = ("lyra-v2-3.2kbps", "opus-6kbps")
"""The codecs whose quality stands beside a member's on its card."""
QUALITY_SPLIT = "test"
"""The split on which quality is measured; no member is trained on it."""


def card(spec: CodecSpec, record: Record, qualities: Sequence[Quality], sha256: str) -> str:
    """The card in Markdown. `qualities` are those of this codec and of the compared ones, on the same utterances."""
    results = record.results
    facts = {
        "taxonomy": f"QUA {spec.qua}, AUX {spec.aux}, DEC {spec.dec}",
        "rate": f"{spec.bitrate_kbps:g} kbit/s, 100 frames a second, {spec.quantiser.bits:g} bits a frame",
        "size": f"{results['parameters']:,} parameters in float16",
        "training": f"{_stages(spec.training)}, "
        f"{results['seconds'] / 60:.1f} minutes on {results['device']} with {results['threads']} threads",
        "speech": f"{results['recordings']:,} recordings, {results['speakers']:,} speakers, "
        f"{results['speech_seconds'] / 60:.1f} minutes; manifest digest {_speech(record)}",
        "seed": str(spec.seed),
        "made by": f"`codecgrid codecs train {spec.name}`, commit {record.provenance.commit}",
        "SHA-256": sha256,
        "licence": LICENCE,
    }
    lines = [f"# {spec.name}", "", *(f"- {name}: {text}" for name, text in facts.items()), ""]
    lines += ["Trained by this project on:", "", *(f"- {line}" for line in _credits(results)), ""]
    return "\n".join([*lines, *_table(qualities), ""])


def _stages(training: TrainingPlan) -> str:
    """Steps and crops of the first stage, and of the second where there is one."""
    first = f"{training.steps:,} steps of {training.batch} crops of {training.frames / 100:g} s"
    polish = training.polish
    if polish is None:
        return first
    return f"{first}, then {polish.steps:,} of {polish.batch} of {polish.frames / 100:g} s for the decoder alone"


def _speech(record: Record) -> str:
    """The digest of the manifest; a polished codec has it in the identity of its first stage."""
    digest: str = record.identity.get("first", record.identity)["speech"]
    return digest


def _credits(results: dict[str, Any]) -> list[str]:
    """The credit lines of the speech corpora; a source without an entry in CREDITS is named only."""
    lines: dict[str, None] = {}
    for source in results["sources"]:
        line = next((text for name, text in CREDITS.items() if source.lower().startswith(name)), f"{source}.")
        lines[line] = None
    return list(lines) or ["a corpus that names no sources."]


def _table(qualities: Sequence[Quality]) -> list[str]:
    first = qualities[0]
    header = f"Measured on {first.utterances} utterances of {first.speakers} speakers that no member has heard:"
    columns = "| codec | log-spectral distance, dB | STOI | lag, samples | real-time factor |"
    rows = [
        f"| {quality.codec} | {quality.log_spectral_distance:.2f} | {quality.stoi:.3f} | {quality.lag:g} "
        f"| {quality.real_time_factor:.3f} |"
        for quality in qualities
    ]
    return [header, "", columns, "|---|---:|---:|---:|---:|", *rows]


@dataclass(frozen=True)
class Release:
    """The files written, the figures of the card (this codec first), and the entry for the catalogue."""

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
    spec: CodecSpec, corpus: ImportedCorpus, out: Store, folder: Path, compared: Sequence[Quality] = ()
) -> Release:
    """Writes `controlled/NAME.safetensors` and `controlled/NAME.md` below `folder`, a weights folder.

    Quality is measured on the test split of `corpus`; `compared` are other codecs on it (`comparison_qualities`).
    Raises RequestError when the training is not finished.
    """
    source = training_folder(spec, TrainingSpeech(corpus, "train"))
    record = read_record(out, source)
    if record is None:
        raise RequestError(f"{out.uri(source)}: the training of {spec.name} is not finished; run it again")
    check_outputs(out, source, record)
    weights = folder / FOLDER / f"{spec.name}.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(out.read_bytes(f"{source}/{WEIGHTS}"))
    entry = catalogue_entry(spec, weights)
    own = Codec(ControlledAdapter(entry, weights=WeightFinder([folder], offline=True)))
    qualities = [measure(own, TrainingSpeech(corpus, QUALITY_SPLIT)), *compared]
    card_file = weights.with_suffix(".md")
    card_file.write_text(card(spec, record, qualities, file_digest(weights)), encoding="utf-8")
    return Release(weights, card_file, qualities, entry)


def comparison_qualities(corpus: ImportedCorpus, codecs: Sequence[str] = COMPARED_CODECS) -> list[Quality]:
    """The quality of the compared codecs on the utterances of the cards, measured once for all members."""
    return [measure(build(name), TrainingSpeech(corpus, QUALITY_SPLIT)) for name in codecs]


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
