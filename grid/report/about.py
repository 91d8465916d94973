"""The text of a report besides its numbers: what evaluations compare, which data are stand-ins, and how it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grid.analysis.results import GridResults
from grid.codecs.catalogue import load_catalogue
from grid.config.experiment import EvaluationChoice, Experiment
from grid.core.record import read_record
from grid.core.store import Store
from grid.core.vocabulary import OWN_ATTACKS, Role
from grid.corpus.imported import SAMPLE, stored_corpus
from grid.corpus.importing import REJECTED_FILE
from grid.detectors.spec import load_detector_spec
from grid.resynthesis.render import FAILURES_FILE
from grid.resynthesis.rendition import Rendition

ROLES: dict[Role, str] = {
    "raw": "recordings",
    "cors": "recordings resynthesised by a codec (CoRS)",
    "attack": "attacks",
    "cosg": "attacks through a codec (CoSG)",
}
CONVERSION = {"world": "voice conversion with the WORLD vocoder"}


@dataclass(frozen=True)
class About:
    """The facts about an experiment that its results do not hold; all are optional.

    `natively_coded` are pairs of a corpus and the codecs that got its recordings from their files' own rates.
    `cross_testing` is the evaluation whose cross-codec matrix is shown first, `tables` names the paper tables at the
    top, `evaluations` are pairs of a name and a description, `stand_ins` are sentences about stand-in speech, random
    encoders and accepted licences, `left_out` about utterances that could not be used, `command` and `commit` say how
    the report was made.
    """

    cross_testing: str | None = None
    tables: tuple[str, ...] = ()
    evaluations: tuple[tuple[str, str], ...] = ()
    stand_ins: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    natively_coded: tuple[tuple[str, tuple[str, ...]], ...] = ()
    command: str = ""
    commit: str = ""


def describe(
    experiment: Experiment, renditions: Sequence[Rendition] = (), *, command: str = "", commit: str = ""
) -> About:
    """The facts that a reader of the report needs, from the experiment file and the renditions that it makes."""
    return About(
        cross_testing=experiment.cross_testing,
        tables=experiment.report,
        evaluations=tuple((name, _compared(choice)) for name, choice in experiment.evaluations.items()),
        natively_coded=natively_coded(renditions),
        stand_ins=(*stand_ins(experiment), *random_encoders(experiment), *accepted_licences(experiment)),
        command=command,
        commit=commit,
    )


def stand_ins(experiment: Experiment) -> tuple[str, ...]:
    """A sentence about the bundled sample and one about attacks made by codecgrid itself, where these are used."""
    sentences = []
    if any(source.path == SAMPLE for source in experiment.corpora):
        sentences.append(
            "The corpus is a stand-in: the bundled sample is synthetic speech, used as if it were bona fide. Its "
            "numbers show that the path works and mean nothing about human speech."
        )
    made = [source for source in experiment.attacks if source.name != OWN_ATTACKS]
    if made:
        names = dict.fromkeys(source.name for source in made)
        methods = "; ".join(f"{name}: {CONVERSION[name]}" if name in CONVERSION else name for name in names)
        coded = any(source.through != "nothing" for source in made)
        cosg = "; decoded through the codecs, they stand for CoSG" if coded else ""
        sentences.append(
            f"The attacks are stand-ins, made from the corpus itself ({methods}){cosg}. No speech generator made them."
        )
    if len(made) < len(experiment.attacks):
        sentences.append(
            "The CoSG are stand-ins: the corpus's own attacks, decoded through the codecs. Their generators do not "
            "work on codec tokens."
        )
    return tuple(sentences)


def natively_coded(renditions: Sequence[Rendition]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Pairs of a corpus and the codecs that got its recordings from their files' own rates, above 16 kHz."""
    codecs: dict[str, list[str]] = {}
    for rendition in renditions:
        if rendition.coded_natively:
            codecs.setdefault(rendition.corpus.name, []).append(rendition.chain.codec)
    return tuple((corpus, tuple(names)) for corpus, names in codecs.items())


def left_out(store: Store, renditions: Sequence[Rendition]) -> tuple[str, ...]:
    """A sentence for each corpus with rejected rows, and for each finished rendition that lacks some utterances."""
    sentences = []
    for name in dict.fromkeys(rendition.corpus.name for rendition in renditions):
        corpus = stored_corpus(store, name)
        if corpus is not None and corpus.rejected:
            rows = corpus.rejected + corpus.utterances
            where = f"{store.uri(corpus.folder)}/{REJECTED_FILE}"
            sentences.append(f"{corpus.rejected} of {rows} rows of corpus {name} were rejected at its import: {where}.")
    for rendition in renditions:
        record = read_record(store, rendition.folder)
        if record is not None and (failed := record.results["failed"]):
            total = failed + record.results["utterances"]
            what = f"{failed} of {total} utterances of {rendition.chain.name} of corpus {rendition.corpus.name}"
            where = f"{store.uri(rendition.folder)}/{FAILURES_FILE}"
            sentences.append(f"{what} could not be made, and no training or test has them: {where}.")
    return tuple(sentences)


def random_encoders(experiment: Experiment) -> tuple[str, ...]:
    """One sentence about the detectors whose speech encoder has random weights; empty if there are none."""
    names = dict.fromkeys(detector.partition(" ")[0] for detector in experiment.grid.detectors)
    specs = {name: load_detector_spec(name, experiment.folder / "detectors") for name in names}
    random = [name for name, spec in specs.items() if spec.frontend.options.get("weights") == "random"]
    if not random:
        return ()
    return (
        f"The speech encoder of {' and '.join(random)} has random weights: it has learnt nothing. Their numbers show "
        "that the path works and mean nothing about any method.",
    )


def accepted_licences(experiment: Experiment) -> tuple[str, ...]:
    """One sentence with the licence of each codec whose licence the experiment accepted; empty if there are none."""
    restricted = [entry for entry in map(load_catalogue().get, experiment.codec_names()) if entry.accept_licence]
    accepted = [f"{entry.name} ({entry.licence})" for entry in restricted if entry.name in experiment.accept_licence]
    return (f"Accepted licences of codecs, not for every use: {'; '.join(accepted)}.",) if accepted else ()


def provenance(results: GridResults, about: About) -> tuple[tuple[str, str], ...]:
    """Pairs of a name and a value: the experiment, its cells by status, and the command and commit if known."""
    counts = Counter(cell.status for cell in results.cells)
    cells = ", ".join(f"{counts[status]} {status}" for status in ("done", "failed", "missing"))
    running = f", {counts['running']} running" if counts["running"] else ""
    facts = [("experiment", results.name), ("cells", f"{len(results.cells)}: {cells}{running}")]
    for corpus, codecs in about.natively_coded:
        facts.append((f"recordings of {corpus} coded from their files' own rates by", ", ".join(codecs)))
    facts += [(word, value) for word, value in (("command", about.command), ("commit", about.commit)) if value]
    return tuple(facts)


def _compared(choice: EvaluationChoice) -> str:
    """What an evaluation compares, in words."""
    within = f"; of {' and '.join(choice.corpora)} alone" if choice.corpora else ""
    rated = f"; of a predicted MOS above {choice.mos_above:g}" if choice.mos_above is not None else ""
    return f"bona fide: {_words(choice.bonafide)}; spoof: {_words(choice.spoof)}{within}{rated}"


def _words(roles: tuple[Role, ...]) -> str:
    return " and ".join(ROLES[role] for role in roles)
