"""Reads ASVspoof 2019 LA from its countermeasure protocols (Wang et al., Computer Speech & Language 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from grid.core.errors import RequestError
from grid.core.vocabulary import SPLITS
from grid.corpus.protocol import (
    Corpus,
    ProtocolRow,
    check_attack,
    parse_choices,
    parse_key,
    protocol_lines,
    require_path,
)
from grid.corpus.readers import READERS

PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
FILES = {
    "train": "ASVspoof2019.LA.cm.train.trn.txt",
    "dev": "ASVspoof2019.LA.cm.dev.trl.txt",
    "test": "ASVspoof2019.LA.cm.eval.trl.txt",
}
AUDIO = {
    "train": "ASVspoof2019_LA_train/flac",
    "dev": "ASVspoof2019_LA_dev/flac",
    "test": "ASVspoof2019_LA_eval/flac",
}

DISJOINT_SPEAKERS = "ASVspoof 2019 (Wang et al. 2020)"
"""The source of the promise that no speaker is in two splits."""


@READERS.register("asvspoof2019")
def rows(path: Path, *, splits: str | Sequence[str] = SPLITS, root: str | None = None) -> Corpus:
    """The utterances of ASVspoof 2019 LA; its eval is test, ids are those of the corpus, such as LA_T_1138215.

    `path` is the folder LA of the release, the one above it, or the folder of the protocols. `root` is the folder that
    holds ASVspoof2019_LA_train and so on (default: searched near the protocols). Raises RequestError for a missing
    protocol of `splits`, and with file and line for fields other than `speaker utterance - attack key`, for a repeated
    id and for a key that contradicts the attack.
    """
    names = parse_choices(splits, "split", SPLITS)
    protocols = _protocols(require_path(path, folder=True))
    missing = [name for split in names if not (protocols / (name := FILES[split])).is_file()]
    if missing:
        raise RequestError(
            f"{protocols}: {', '.join(missing)} is not there; without it, say which splits: --option splits=train,dev"
        )
    return Corpus(Path(root) if root else _root(protocols), _rows(protocols, names), protocols, DISJOINT_SPEAKERS)


def _protocols(path: Path) -> Path:
    for folder in (path, path / PROTOCOLS, path / "LA" / PROTOCOLS):
        if any((folder / name).is_file() for name in FILES.values()):
            return folder
    raise RequestError(
        f"{path}: no {FILES['train']} there, in {PROTOCOLS} or in LA/{PROTOCOLS}. "
        "Give the folder LA of the release or that of its protocols."
    )


def _root(protocols: Path) -> Path:
    holds = (folder for folder in (protocols.parent, protocols) if any((folder / a).is_dir() for a in AUDIO.values()))
    return next(holds, protocols.parent)


def _rows(protocols: Path, splits: tuple[str, ...]) -> Iterator[ProtocolRow]:
    for split in splits:
        for line in protocol_lines(protocols / FILES[split], (5,), id_field=1):
            speaker, utterance, _, system, label = line.fields
            key, attack = parse_key(label, line.where), "" if system == "-" else system
            check_attack(key, attack, line.where)
            yield ProtocolRow(
                utterance_id=utterance,
                path=f"{AUDIO[split]}/{utterance}.flac",
                speaker=speaker,
                split=split,
                key=key,
                attack=attack,
                source="asvspoof2019-la",
                line=line.number,
            )
