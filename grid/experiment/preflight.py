"""What stands in the way of a run, found before it begins: faults by cause, each with the command that mends it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from grid.codecs.catalogue import missing_code
from grid.codecs.isolation.building import environment, find_uv
from grid.codecs.isolation.declaration import find_declaration
from grid.config.experiment import CorpusSource, Experiment
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.record import is_finished
from grid.core.store import Store
from grid.core.weights import WeightFinder
from grid.corpus.imported import SAMPLE, source_place
from grid.corpus.location import is_uri
from grid.corpus.packed import packed_folder
from grid.corpus.readers import READERS
from grid.corpus.recordings import unreadable
from grid.experiment.weights_needed import NeededWeights
from grid.experiment.work import Work

Cause = Literal["corpora", "weights", "licences", "software", "disk", "memory", "GPUs", "MLflow"]
GB = 1e9


@dataclass(frozen=True)
class Fault:
    """One thing that a run lacks: its cause, what is wrong, and what mends it, "" where `what` says that already."""

    cause: Cause
    what: str
    mend: str


class PreflightError(RequestError):
    """A run is refused for its `faults`; the message shows them by cause."""

    def __init__(self, faults: Sequence[Fault], advice: str = "") -> None:
        super().__init__(
            "\n".join(["nothing was started, because of", *lines_by_cause(faults), *([advice] * bool(advice))])
        )
        self.faults = tuple(faults)


def lines_by_cause(faults: Sequence[Fault]) -> list[str]:
    """The faults as lines: below each cause what is wrong, and after those that have it in common what mends them."""
    lines: list[str] = []
    order = get_args(Cause)
    for cause, of_cause in groupby(sorted(faults, key=lambda f: order.index(f.cause)), key=lambda f: f.cause):
        lines.append(f"{cause}:")
        for mend, together in groupby(of_cause, key=lambda f: f.mend):
            lines += [f"  {fault.what}" for fault in together]
            lines += [f"    {line}" for line in mend.splitlines()]
    return lines


def preflight(work: Work) -> list[Fault]:
    """The faults that this machine can see in its store, its disk and its files; reads two recordings of each corpus.

    Weights that are not here and can be fetched are no fault (`to_fetch` has them).
    """
    return [
        *corpus_faults(work.grid.missing, work.grid.experiment, work.store),
        *_unreadable(work),
        *_weights(work),
        *licence_faults(work),
        *_software(work),
        *_disk(work),
    ]


def to_fetch(work: Work) -> list[NeededWeights]:
    """The weights that a run would fetch before it begins."""
    finder = WeightFinder()
    return [item for item in work.weights if not item.is_there(work.store, finder) and item.is_fetchable(finder)]


def corpus_faults(missing: Sequence[CorpusSource], experiment: Experiment, store: Store) -> Iterator[Fault]:
    """One fault for each corpus that is neither imported nor where a run would import it from."""
    for source in missing:
        reader, path, what = source.reader or _likely_reader(source.name), "PATH", f"{source.name} is not imported"
        if source.path is not None:
            path = source_place(source, experiment.folder)
            what += f", and there is nothing at {path}" if not is_uri(path) and not Path(path).exists() else ""
        command = f"codecgrid import {reader} {path} --name {source.name} --root {store.root}"
        yield Fault("corpora", what, " ".join([command, *_option_words(source)]))


def _likely_reader(name: str) -> str:
    """The reader whose name the corpus's begins with, such as rirs for `rirs-noises`, else the word READER."""
    return max((reader for reader in READERS.names() if name.startswith(reader)), key=len, default="READER")


def _option_words(source: CorpusSource) -> Iterator[str]:
    """The options of the corpus's reader as a command line has them."""
    for name, value in source.options.items():
        text = value if isinstance(value, str) else json.dumps(value)
        yield f"--option {shlex.quote(f'{name}={text}')}"


def _unreadable(work: Work) -> Iterator[Fault]:
    for corpus in work.corpora_read:
        if reason := unreadable(work.store, corpus.folder, corpus.audio_root):
            yield unreadable_corpus(corpus.facts.name, corpus.audio_root, reason, work.store)


def unreadable_corpus(name: str, audio_root: str, reason: str, store: Store, where: str = "this machine") -> Fault:
    """The fault of a corpus whose recordings are not packed and cannot be read in place."""
    return Fault(
        "corpora",
        f"{name}: {where} cannot read its recordings: {reason}",
        f"where they are: codecgrid pack {name} --root {store.root}\nor bring them to {audio_root}, on every machine",
    )


def undeclared_places(work: Work) -> Iterator[Fault]:
    """The faults of corpora that are read where they lie, on a cluster of several machines, and not said to be there.

    One worker that reads a corpus does not tell of the others, nor of those to come; the experiment file does.
    """
    sources = {source.name: source for source in work.grid.experiment.all_corpora()}
    for corpus in work.corpora_read:
        source = sources[corpus.facts.name]
        if source.in_place or source.path == SAMPLE or is_finished(work.store, packed_folder(corpus.folder)):
            continue
        yield Fault(
            "corpora",
            f"{source.name}: its recordings lie in {corpus.audio_root}, where not every machine may have them",
            f"codecgrid pack {source.name} --root {work.store.root}\n"
            f"or, where all have them there, in the experiment file: name: {source.name}, in_place: true",
        )


def _weights(work: Work) -> Iterator[Fault]:
    finder = WeightFinder()
    for item in work.weights:
        if not item.is_there(work.store, finder) and not item.is_fetchable(finder):
            yield weights_fault(item, finder.missing_message(item.file), work.store)


def weights_fault(item: NeededWeights, reason: str, store: Store) -> Fault:
    """The fault of weights that cannot be had."""
    mend = f"put them there, or on a machine with a network: codecgrid prefetch CONFIG --root {store.root}"
    return Fault("weights", f"{', '.join(item.used_by)}: {reason}", mend)


def licence_faults(work: Work) -> Iterator[Fault]:
    """One fault for each codec to apply whose licence has to be accepted and is not."""
    accepted = set(work.grid.experiment.accept_licence)
    entries = [work.grid.catalogue.get(name) for name in work.codecs]
    pending = [entry for entry in entries if entry.accept_licence and entry.name not in accepted]
    line = f"accept_licence: [{', '.join(sorted({*accepted, *(entry.name for entry in pending)}))}]"
    for entry in pending:
        yield Fault(
            "licences",
            f"{entry.name}: {entry.licence or 'no licence known'}",
            f"if you may use {'it' if len(pending) == 1 else 'them'}, write in the experiment file: {line}",
        )


def _software(work: Work) -> Iterator[Fault]:
    for entry in map(work.grid.catalogue.get, work.codecs):
        for line in missing_code(entry):
            yield Fault("software", f"codec {entry.name} cannot run: {line}", f"codecgrid codecs {entry.name}")
        declared = find_declaration(entry.isolated) if entry.isolated else None
        if declared is None or environment(declared).built:
            continue
        what = f"codec {entry.name}: its environment {declared.name} is not built and cannot be"
        if declared.checkouts and shutil.which("git") is None:
            yield Fault("software", f"{what}: git is not here", "install git")
        try:
            find_uv()
        except MissingRequirementError:
            yield Fault("software", f"{what}: uv is not here", "python -m pip install uv")


def _disk(work: Work) -> Iterator[Fault]:
    if not work.store.is_local:
        return
    root = Path(work.store.root)
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if work.bytes > free:
        what = (
            f"{len(work.renditions)} renditions will take {work.bytes / GB:.1f} GB, and {place} has {free / GB:.1f} GB"
        )
        yield Fault("disk", f"{what} free", "free some, or give another place with --root")


def gpu_fault(experiment: Experiment, available: float) -> Fault | None:
    """The fault of an experiment that asks for more GPUs than this machine has, where it is to run on it alone."""
    resources = experiment.resources
    asked = {"cell": resources.gpus_per_cell, "codec_worker": resources.gpus_per_codec_worker}
    most = max(asked, key=lambda name: asked[name])
    if asked[most] <= available:
        return None
    return Fault(
        "GPUs",
        f"resources.gpus_per_{most} asks for {asked[most]:g}, and this machine has {available:g}",
        "codecgrid doctor says what it sees; a cluster's: codecgrid submit CONFIG; or set it to 0",
    )
