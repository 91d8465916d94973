"""Whether evaluations above a predicted MOS can hold trials: told from the ratings of the corpora before training."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.config.experiment import Experiment, Role
from grid.config.yaml_file import YamlFile
from grid.corpora import stored_corpus
from grid.corpus.importing import MANIFEST_FILE
from grid.corpus.mos import MOS
from grid.corpus.roles import role_of
from grid.corpus_use import CorpusUse
from grid.errors import RequestError
from grid.possible_trials import tested_kinds
from grid.store import Store

log = logging.getLogger(__name__)


def check_ratings(experiment: Experiment, corpora: Sequence[CorpusUse], store: Store, file: YamlFile) -> None:
    """Raises RequestError, with the line, for an evaluation with `mos_above` that can hold no trials of a class.

    What codecgrid makes has no MOS. A corpus without any rating yet is a warning: ratings change no training, and can
    come before or after it.
    """
    for name, choice in experiment.evaluations.items():
        if choice.mos_above is None:
            continue
        where = f"{file.where('evaluations', name, 'mos_above')}: evaluation {name!r}"
        included = [use for use in corpora if use.tested and choice.includes(use.name)]
        own = {kind.role for use in included for kind in tested_kinds(experiment, use) if not kind.made}
        good: set[Role] = set()
        unrated = []
        for use in included:
            above = _rated_above(store, experiment, use, choice.mos_above)
            unrated += [use.name] if above is None else []
            good |= above or set()
        for key, roles in (("bonafide", choice.bonafide), ("spoof", choice.spoof)):
            if not own & set(roles):
                raise RequestError(
                    f"{where} can hold no {key} trials of a predicted MOS above {choice.mos_above:g}: its {key} trials "
                    "are made by codecgrid, and only utterances that a corpus brings are rated; leave out `mos_above`"
                )
            if not unrated and not good & set(roles):
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
    found = {(role_of(row["key"], row["attack"], row["codec"]), row["codec"]) for row in kinds.to_pylist()}
    return {role for role, _ in found & tested}
