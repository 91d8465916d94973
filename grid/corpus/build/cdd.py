"""Builds the protocol of CDD from ASVspoof 5 and writes it with its counts beside those of the paper's Table 2."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grid.core.atomic_write import replacing
from grid.core.errors import RequestError
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.build.cdd_partitions import CHOICES, TABLE_2, Drawn, Partition, cdd_plan, draw
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from grid.corpus.readers.asvspoof5 import SOURCE

PROTOCOL_FILE = "protocol.csv"
COUNTS_FILE = "counts.json"
COUNTS_PAGE = "counts.md"

HEADER = ("utterance_id", "path", "speaker", "split", "key", "attack", "codec", "origin", "source", "pending")
PENDING = "yes"
"""The value of the column `pending` where the path is the recording and the codec has still to be applied."""


@dataclass(frozen=True)
class Count:
    """A line of the table of counts: what is counted in a split, the number here and the paper's (None: not stated)."""

    split: str
    of: str
    ours: int
    published: int | None

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The line as printed."""
        return self.split, self.of, f"{self.ours:,}", "" if self.published is None else f"{self.published:,}"


@dataclass(frozen=True)
class BuiltCdd:
    """The protocol that was written, the folder its paths are relative to, and the counts."""

    protocol: Path
    root: Path
    counts: tuple[Count, ...]

    @property
    def import_command(self) -> str:
        """The command that imports the protocol."""
        return shlex.join(
            ["codecgrid", "import", "csv", str(self.protocol), "--name", "cdd", "--option", f"root={self.root}"]
        )

    @property
    def experiment_line(self) -> str:
        """The line of an experiment file that imports the protocol."""
        path, root = json.dumps(str(self.protocol)), json.dumps(str(self.root))
        return f"{{name: cdd, reader: csv, path: {path}, options: {{root: {root}}}, cors: own}}"


def build_cdd(
    asvspoof5: Path, folder: Path, *, plan: Sequence[Partition] | None = None, seed: int = 0, cdd: Path | None = None
) -> BuiltCdd:
    """Writes protocol.csv, counts.json and counts.md to `folder`; equal arguments write equal bytes.

    `asvspoof5` is the path for that reader; `cdd` is a folder with the authors' pairs of files, whose spoofed rows are
    added. Rows whose codec has still to be applied have the recording's path and are `pending`. Raises
    RequestError for what the readers reject, for too few recordings, and for a drawn audio file that does not exist.
    """
    plan = cdd_plan() if plan is None else tuple(plan)
    names = [partition.split for partition in plan]
    recordings = open_corpus("asvspoof5", asvspoof5, splits=names)
    generated = _generated(cdd, names) if cdd else []
    bona_fide, spoofed = _read(recordings.rows)
    if cdd:
        spoofed = _speakers_of(row for _, row in generated)
    rows = list(_rows(plan, bona_fide, spoofed, seed, recordings.root))
    rows += [_Row(root / row.path, row, row.utterance_id, row.codec, pending=False) for root, row in generated]
    _check_audio(rows)
    root = Path(os.path.commonpath({row.file.parent for row in rows}))
    built = BuiltCdd((folder / PROTOCOL_FILE).resolve(), root, tuple(_counts(plan, rows, spoofed)))
    _write_protocol(built, rows)
    _write_counts(folder, built, plan, seed)
    return built


@dataclass(frozen=True)
class _Row:
    """A line of the protocol: its audio, the original row that it is made from, and its own id and codec."""

    audio: Path
    original: ProtocolRow
    utterance_id: str
    codec: str
    pending: bool

    @property
    def file(self) -> Path:
        return Path(os.path.realpath(self.audio))

    def fields(self, root: Path) -> tuple[str, ...]:
        original = self.original
        origin = original.utterance_id if self.pending else original.origin
        path = self.file.relative_to(root).as_posix()
        labels = (original.speaker, original.split, original.key, original.attack)
        values = (*labels, self.codec, origin, original.source)
        return (self.utterance_id, path, *values, PENDING if self.pending else "")


def _generated(cdd: Path, splits: Sequence[str]) -> list[tuple[Path, ProtocolRow]]:
    """The spoofed rows of the authors' files, each with the folder that its path is relative to."""
    corpus = open_corpus("cdd", cdd)
    generated = [(corpus.root, row) for row in corpus.rows if row.key == SPOOF and row.split in splits]
    if not generated:
        raise RequestError(f"{cdd}: no spoofed rows of {', '.join(splits)}")
    return generated


def _read(rows: Iterable[ProtocolRow]) -> tuple[list[ProtocolRow], dict[str, frozenset[str]]]:
    """The bona fide rows without transmission codec, and the speakers of each split that are also spoofed."""
    bona_fide: list[ProtocolRow] = []
    spoofed: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.key == SPOOF:
            spoofed[row.split].add(row.speaker)
        elif row.source == SOURCE:
            bona_fide.append(row)
    return bona_fide, {split: frozenset(names) for split, names in spoofed.items()}


def _speakers_of(rows: Iterable[ProtocolRow]) -> dict[str, frozenset[str]]:
    speakers: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        speakers[row.split].add(row.speaker)
    return {split: frozenset(names) for split, names in speakers.items()}


def _rows(
    plan: Sequence[Partition],
    bona_fide: Sequence[ProtocolRow],
    spoofed: dict[str, frozenset[str]],
    seed: int,
    root: Path,
) -> Iterator[_Row]:
    for partition in plan:
        for item in draw(partition, bona_fide, spoofed.get(partition.split, frozenset()), seed):
            yield _row(item, root)


def _row(item: Drawn, root: Path) -> _Row:
    return _Row(root / item.recording.path, item.recording, item.utterance_id, item.codec, pending=bool(item.codec))


def _check_audio(rows: Iterable[_Row]) -> None:
    missing = sorted({str(row.file) for row in rows if not row.file.is_file()})
    if missing:
        raise RequestError(f"{len(missing)} audio files that were drawn are not there, such as {missing[0]}")


def _counts(plan: Sequence[Partition], rows: Sequence[_Row], spoofed: dict[str, frozenset[str]]) -> Iterator[Count]:
    for partition in plan:
        split, paper = partition.split, TABLE_2[partition.split]
        own = [row for row in rows if row.original.split == split]
        bona_fide = [row for row in own if row.original.key == BONAFIDE]
        resynthesised = Counter(row.codec for row in bona_fide if row.pending)
        speakers = {row.original.speaker for row in bona_fide}
        shared = speakers & spoofed.get(split, frozenset())
        yield Count(split, "recordings (R)", len(bona_fide) - resynthesised.total(), paper.recordings)
        yield Count(split, "generated (F)", len(own) - len(bona_fide), paper.generated)
        yield Count(split, "resynthesised (A)", resynthesised.total(), paper.resynthesised)
        yield from (Count(split, f"A, {codec}", resynthesised[codec], None) for codec in partition.codecs)
        yield Count(split, "speakers", len({row.original.speaker for row in own}), paper.speakers)
        yield Count(split, "speakers of R and A", len(speakers), None)
        yield Count(split, "speakers of R and A that are spoofed too", len(shared), None)


def _write_protocol(built: BuiltCdd, rows: Iterable[_Row]) -> None:
    with replacing(built.protocol) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(row.fields(built.root) for row in rows)


def _write_counts(folder: Path, built: BuiltCdd, plan: Sequence[Partition], seed: int) -> None:
    content = {
        "seed": seed,
        "root": str(built.root),
        "plan": [dataclasses.asdict(partition) for partition in plan],
        "counts": [dataclasses.asdict(count) for count in built.counts],
        "choices": CHOICES,
    }
    with replacing(folder / COUNTS_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    lines = ["# CDD, built from ASVspoof 5", "", f"Seed {seed}. `{built.import_command}`", ""]
    lines += ["| split | of | ours | Table 2 |", "|---|---|---:|---:|"]
    lines += [f"| {' | '.join(count.cells)} |" for count in built.counts]
    lines += ["", "What the paper leaves open was settled so:", "", *(f"- {choice}" for choice in CHOICES)]
    with replacing(folder / COUNTS_PAGE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
