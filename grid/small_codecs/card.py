"""The card beside a member's weights: what it is, what it was trained on, how good it is, and whose speech it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grid.record import Record
from grid.small_codecs.quality import Quality
from grid.small_codecs.spec import CodecSpec, Training

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


def _stages(training: Training) -> str:
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
