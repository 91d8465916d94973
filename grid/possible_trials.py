"""Whether an experiment can be evaluated at all: told from what its corpora hold, before anything is rendered."""

from __future__ import annotations

from collections.abc import Sequence

from grid.config.experiment import Experiment, Role
from grid.config.yaml_file import YamlFile
from grid.corpus.manifest import SPLITS
from grid.corpus_use import CorpusUse
from grid.errors import RequestError


def check_evaluations(experiment: Experiment, corpora: Sequence[CorpusUse], file: YamlFile) -> None:
    """Raises RequestError, with the line, for a split without utterances and for an evaluation without trials.

    An evaluation needs utterances in the test split for both of its classes, in the corpora that it includes: those of
    the corpus, its own CoRS if they are used, and the CoRS and attacks that are made from its recordings.
    """
    for split in SPLITS:
        if not any(_has(use, split) for use in corpora if split in use.source.splits):
            names = ", ".join(use.name for use in corpora)
            raise RequestError(f"{file.where('corpora')}: no corpus ({names}) has utterances of split {split} to use")
    for name, choice in experiment.evaluations.items():
        included = [use for use in corpora if use.tested and choice.includes(use.name)]
        there = {role for use in included for role in tested_roles(experiment, use)}
        for key, roles in (("bonafide", choice.bonafide), ("spoof", choice.spoof)):
            if not there & set(roles):
                names = ", ".join(use.name for use in included) or "none of the corpora"
                raise RequestError(
                    f"{file.where('evaluations', name, key)}: evaluation {name!r} can hold no {key} trials: the test "
                    f"split of {names} gives {', '.join(sorted(there)) or 'nothing'}, not {' or '.join(roles)}"
                )


def tested_roles(experiment: Experiment, use: CorpusUse) -> set[Role]:
    """The roles that the test split of a corpus can give, its own and those that codecgrid makes."""
    held = [held for held in use.facts.holdings if held.split == "test"]
    found: set[Role] = {each.role for each in held if each.role != "cors"}
    if any(each.is_recorded for each in held):
        found |= {"cors"} if use.with_cors else set()
        found |= {"attack" if source.through == "nothing" else "cosg" for source in experiment.attacks}
    codecs = experiment.codec_names()
    if use.own_cors and any(each.role == "cors" and each.codec in codecs for each in held):
        found.add("cors")
    return found


def _has(use: CorpusUse, split: str) -> bool:
    return any(held.split == split for held in use.facts.holdings)
