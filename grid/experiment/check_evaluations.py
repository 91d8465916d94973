"""Checks, from the holdings of the corpora and before anything is rendered, that every evaluation can have trials."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.config.experiment import Experiment
from grid.config.yaml_file import YamlFile
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.core.vocabulary import OWN_ATTACKS, SPLITS, Role
from grid.corpus.holdings import CorpusFacts, role_of
from grid.corpus.imported import stored_corpus
from grid.corpus.importing import MANIFEST_FILE
from grid.corpus.ratings import MOS
from grid.experiment.breakdowns import BREAKDOWNS, UtteranceKind
from grid.experiment.corpus_use import CorpusUse

log = logging.getLogger(__name__)


def check_evaluations(experiment: Experiment, corpora: Sequence[CorpusUse], file: YamlFile) -> None:
    """Raises RequestError, with the line, for a split without utterances and for an evaluation without trials.

    An evaluation needs utterances in the test split for both of its classes, in the corpora that it includes: those of
    the corpus, its own CoRS if they are used, and the CoRS and attacks that are rendered from its recordings. Each
    corpus that it names must contribute trials, and each entry of `by` a condition.
    """
    for split in SPLITS:
        if not any(_has(use, split) for use in corpora if split in use.source.splits):
            names = ", ".join(use.name for use in corpora)
            raise RequestError(f"{file.where('corpora')}: no corpus ({names}) has utterances of split {split} to use")
    _check_own_attacks(experiment, corpora, file)
    kinds_of = {use.name: tested_kinds(experiment, use) if use.tested else set() for use in corpora}
    for name, choice in experiment.evaluations.items():
        included = [use.name for use in corpora if use.tested and choice.includes(use.name)]
        kinds = {kind for corpus in included for kind in kinds_of[corpus]}
        gives = f"the test split of {', '.join(included) or 'none of the corpora'} gives {_words(kinds)}"
        for key, roles in (("bonafide", choice.bonafide), ("spoof", choice.spoof)):
            if not _of(kinds, roles):
                where = file.where("evaluations", name, key)
                raise RequestError(
                    f"{where}: evaluation {name!r} can hold no {key} trials: {gives}, not {' or '.join(roles)}"
                )
        for i, corpus in enumerate(choice.corpora or ()):
            if not _of(kinds_of[corpus], (*choice.bonafide, *choice.spoof)):
                where = file.where("evaluations", name, "corpora", i)
                why = f"its test split gives {_words(kinds_of[corpus])}"
                raise RequestError(f"{where}: evaluation {name!r} can hold no trials of corpus {corpus!r}: {why}")
        for i, breakdown in enumerate(choice.by):
            rule = BREAKDOWNS[breakdown]
            if not rule.possible(_of(kinds, choice.bonafide), _of(kinds, choice.spoof)):
                where = file.where("evaluations", name, "by", i)
                raise RequestError(
                    f"{where}: evaluation {name!r} can hold no condition by {breakdown}: that takes {rule.needs}, and "
                    f"{gives}"
                )


def _check_own_attacks(experiment: Experiment, corpora: Sequence[CorpusUse], file: YamlFile) -> None:
    """Raises RequestError for the attack `own` where no corpus has attacks in the splits that it is asked for."""
    for i, source in enumerate(experiment.attacks):
        asked = (*SPLITS[:2], "test") if source.trained else ("test",)
        used = [[split for split in asked if split in use.source.splits] for use in corpora]
        if source.name == OWN_ATTACKS and not any(map(CorpusFacts.has_attacks, (use.facts for use in corpora), used)):
            names = ", ".join(use.name for use in corpora)
            raise RequestError(
                f"{file.where('attacks', i)}: no corpus ({names}) brings attacks of its own in {' or '.join(asked)}; "
                f"leave `own` out, or add a corpus that has spoofed speech"
            )


def tested_kinds(experiment: Experiment, use: CorpusUse) -> set[UtteranceKind]:
    """The kinds of utterances in the test split of a corpus: its own, and those that codecgrid renders."""
    tested = [held for held in use.facts.holdings if held.split == "test"]
    codecs = experiment.codec_names()
    own = {held.codec for held in tested if use.own_cors and held.role == "cors" and held.codec in codecs}
    kinds = {UtteranceKind(held.role, held.codec, made=False) for held in tested if held.role != "cors"}
    kinds |= {UtteranceKind("cors", codec, made=False) for codec in own}
    sources = [source for source in experiment.attacks if source.name != OWN_ATTACKS]
    if use.facts.has_attacks(["test"]):
        coded = {codec for source in experiment.attacks if source not in sources for codec in source.codecs(codecs)}
        kinds |= {UtteranceKind("cosg", codec, made=True) for codec in coded}
    if any(held.is_recorded for held in tested):
        kinds |= {UtteranceKind("cors", codec, made=True) for codec in codecs if use.with_cors and codec not in own}
        for source in sources:
            if source.through == "nothing":
                kinds.add(UtteranceKind("attack", "", made=True))
            kinds |= {UtteranceKind("cosg", codec, made=True) for codec in source.codecs(codecs)}
    return kinds


def _of(kinds: Iterable[UtteranceKind], roles: Sequence[Role]) -> list[UtteranceKind]:
    return [kind for kind in kinds if kind.role in roles]


def _words(kinds: Iterable[UtteranceKind]) -> str:
    return ", ".join(sorted({kind.role for kind in kinds})) or "nothing"


def _has(use: CorpusUse, split: str) -> bool:
    return any(held.split == split for held in use.facts.holdings)


def check_ratings(experiment: Experiment, corpora: Sequence[CorpusUse], store: Store, file: YamlFile) -> None:
    """Raises RequestError, with the line, for an evaluation with `mos_above` that can hold no trials of a class.

    Utterances that codecgrid renders have no MOS. A corpus without ratings causes a warning only: ratings change no
    training and can be added later.
    """
    for name, choice in experiment.evaluations.items():
        if choice.mos_above is None:
            continue
        where = f"{file.where('evaluations', name, 'mos_above')}: evaluation {name!r}"
        included = [use for use in corpora if use.tested and choice.includes(use.name)]
        own = {kind.role for use in included for kind in tested_kinds(experiment, use) if not kind.made}
        rated: set[Role] = set()
        unrated = []
        for use in included:
            above = _rated_above(store, experiment, use, choice.mos_above)
            unrated += [use.name] if above is None else []
            rated |= above or set()
        for key, roles in (("bonafide", choice.bonafide), ("spoof", choice.spoof)):
            if not own & set(roles):
                raise RequestError(
                    f"{where} can hold no {key} trials of a predicted MOS above {choice.mos_above:g}: its {key} trials "
                    "are made by codecgrid, and only utterances that a corpus brings are rated; leave out `mos_above`"
                )
            if not unrated and not rated & set(roles):
                names = ", ".join(use.name for use in included)
                raise RequestError(f"{where}: no {key} trial of {names} has a predicted MOS above {choice.mos_above:g}")
        for corpus in unrated:
            log.warning(
                "%s: corpus %s has no predicted MOS in its test split yet; fill it with `codecgrid mos %s` before the "
                "cells are measured",
                where,
                corpus,
                corpus,
            )


def _rated_above(store: Store, experiment: Experiment, use: CorpusUse, threshold: float) -> set[Role] | None:
    """The roles of the tested utterances of a corpus that are rated above a threshold; None where none is rated."""
    stored = stored_corpus(store, use.name)
    if stored is None or stored.facts.manifest_digest != use.facts.manifest_digest:
        return None
    path = store.local(f"{stored.folder}/{MANIFEST_FILE}")
    if MOS not in pq.read_schema(path).names:
        return None
    table = pq.read_table(path, columns=["key", "attack", "codec", MOS], filters=[("split", "==", "test")])
    if not pc.any(pc.invert(pc.is_nan(table[MOS]))).as_py():
        return None
    kinds = table.filter(pc.greater(table[MOS], threshold)).group_by(["key", "attack", "codec"]).aggregate([])
    tested = {(kind.role, kind.codec) for kind in tested_kinds(experiment, use) if not kind.made}
    rated = {(role_of(row["key"], row["attack"], row["codec"]), row["codec"]) for row in kinds.to_pylist()}
    return {role for role, _ in rated & tested}
