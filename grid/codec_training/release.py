"""Puts a finished training where the catalogue finds it: weights, a card with measured quality, and the entry."""

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


def card(spec: CodecSpec, record: Record, qualities: Sequence[Quality], sha256: str) -> str:
    """Markdown. `qualities` are of this codec and of those it is compared with, on the same utterances."""
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
    said = f"{training.steps:,} steps of {training.batch} crops of {training.frames / 100:g} s"
    polish = training.polish
    if polish is None:
        return said
    return f"{said}, then {polish.steps:,} of {polish.batch} of {polish.frames / 100:g} s for the decoder alone"


def _speech(record: Record) -> str:
    """The digest of the manifest; what was polished has it in the identity of its first stage."""
    digest: str = record.identity.get("first", record.identity)["speech"]
    return digest


def _credits(results: dict[str, Any]) -> list[str]:
    """The speech corpora by the names of their sources; one that is not known here goes by its name alone."""
    found: dict[str, None] = {}
    for source in results["sources"]:
        known = next((text for name, text in CREDITS.items() if source.lower().startswith(name)), f"{source}.")
        found[known] = None
    return list(found) or ["a corpus that names no sources."]


def _table(qualities: Sequence[Quality]) -> list[str]:
    first = qualities[0]
    header = f"Measured on {first.utterances} utterances of {first.speakers} speakers that no member has heard:"
    columns = "| codec | log-spectral distance, dB | STOI | lag, samples | real-time factor |"
    rows = [
        f"| {each.codec} | {each.log_spectral_distance:.2f} | {each.stoi:.3f} | {each.lag:g} "
        f"| {each.real_time_factor:.3f} |"
        for each in qualities
    ]
    return [header, "", columns, "|---|---:|---:|---:|---:|", *rows]


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
    trained = training_folder(spec, TrainingSpeech(corpus, "train"))
    record = read_record(out, trained)
    if record is None:
        raise RequestError(f"{out.uri(trained)}: the training of {spec.name} is not finished; run it again")
    check_outputs(out, trained, record)
    weights = folder / FOLDER / f"{spec.name}.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(out.read_bytes(f"{trained}/{WEIGHTS}"))
    entry = catalogue_entry(spec, weights)
    own = Codec(ControlledAdapter(entry, weights=WeightFinder([folder], offline=True)))
    qualities = [measure(own, TrainingSpeech(corpus, UNHEARD)), *beside]
    text = weights.with_suffix(".md")
    text.write_text(card(spec, record, qualities, file_digest(weights)), encoding="utf-8")
    return Release(weights, text, qualities, entry)


def qualities_beside(corpus: ImportedCorpus, codecs: Sequence[str] = BESIDE) -> list[Quality]:
    """What members are compared with on their cards, on the same utterances: measured once for all of them."""
    return [measure(build(name), TrainingSpeech(corpus, UNHEARD)) for name in codecs]


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
