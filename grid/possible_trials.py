"""Whether an experiment can be evaluated at all: told from what its corpora hold, before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grid.config.experiment import EvaluationChoice, Experiment, Role, Split
from grid.config.yaml_file import YamlFile
from grid.corpus.codec_tags import place_of
from grid.corpus.manifest import SPLITS
from grid.corpus_use import CorpusUse
from grid.errors import RequestError

NEEDS: dict[Split, str] = {
    "codec": "spoof trials of a codec, and recordings or bona fide trials of the same codec",
    "bonafide-codec": "bona fide trials of a codec",
    "spoof-codec": "spoof trials of a codec",
    "attack": "spoof trials of an attack",
    "system": "spoof trials of an attack",
    "qua": "spoof trials of a codec that has a place in the taxonomy",
    "aux": "spoof trials of a codec that has a place in the taxonomy",
    "dec": "spoof trials of a codec that has a place in the taxonomy",
}
"""Without which `grid.trials.conditions` gives no condition."""


@dataclass(frozen=True)
class Kind:
    """Tested utterances that are alike: their role, their codec ("" for none), and whether we make them."""

    role: Role
    codec: str
    made: bool


def check_evaluations(experiment: Experiment, corpora: Sequence[CorpusUse], file: YamlFile) -> None:
    """Raises RequestError, with the line, for a split without utterances and for an evaluation without trials.

    An evaluation needs utterances in the test split for both of its classes, in the corpora that it includes: those of
    the corpus, its own CoRS if they are used, and the CoRS and attacks that are made from its recordings. Each corpus
    that it names has to give some, and each entry of `by` a condition.
    """
    for split in SPLITS:
        if not any(_has(use, split) for use in corpora if split in use.source.splits):
            names = ", ".join(use.name for use in corpora)
            raise RequestError(f"{file.where('corpora')}: no corpus ({names}) has utterances of split {split} to use")
    of_corpus = {use.name: tested_kinds(experiment, use) if use.tested else set() for use in corpora}
    for name, choice in experiment.evaluations.items():
        included = [use.name for use in corpora if use.tested and choice.includes(use.name)]
        kinds = {kind for corpus in included for kind in of_corpus[corpus]}
        gives = f"the test split of {', '.join(included) or 'none of the corpora'} gives {_words(kinds)}"
        for key, roles in (("bonafide", choice.bonafide), ("spoof", choice.spoof)):
            if not _of(kinds, roles):
                where = file.where("evaluations", name, key)
                raise RequestError(
                    f"{where}: evaluation {name!r} can hold no {key} trials: {gives}, not {' or '.join(roles)}"
                )
        for i, corpus in enumerate(choice.corpora or ()):
            if not _of(of_corpus[corpus], (*choice.bonafide, *choice.spoof)):
                where = file.where("evaluations", name, "corpora", i)
                why = f"its test split gives {_words(of_corpus[corpus])}"
                raise RequestError(f"{where}: evaluation {name!r} can hold no trials of corpus {corpus!r}: {why}")
        for i, split in enumerate(choice.by):
            if not _parts(kinds, choice, split):
                where = file.where("evaluations", name, "by", i)
                raise RequestError(
                    f"{where}: evaluation {name!r} can hold no condition by {split}: that takes {NEEDS[split]}, and "
                    f"{gives}"
                )


def tested_kinds(experiment: Experiment, use: CorpusUse) -> set[Kind]:
    """What the test split of a corpus can give, of its own and of what codecgrid makes."""
    held = [held for held in use.facts.holdings if held.split == "test"]
    codecs = experiment.codec_names()
    own = {each.codec for each in held if use.own_cors and each.role == "cors" and each.codec in codecs}
    found = {Kind(each.role, each.codec, made=False) for each in held if each.role != "cors"}
    found |= {Kind("cors", codec, made=False) for codec in own}
    if any(each.is_recorded for each in held):
        found |= {Kind("cors", codec, made=True) for codec in codecs if use.with_cors and codec not in own}
        for source in experiment.attacks:
            if source.through == "nothing":
                found.add(Kind("attack", "", made=True))
            found |= {Kind("cosg", codec, made=True) for codec in source.codecs(codecs)}
    return found


def _parts(kinds: Iterable[Kind], choice: EvaluationChoice, split: Split) -> bool:
    """Whether `split` can part the trials of an evaluation into conditions."""
    bonafide, spoof = _of(kinds, choice.bonafide), _of(kinds, choice.spoof)
    if split == "bonafide-codec":
        return any(kind.codec for kind in bonafide)
    if split == "attack" or split == "system":
        return any(kind.role in ("attack", "cosg") for kind in spoof)
    coded = {kind.codec for kind in spoof} - {""}
    if split == "codec":
        return bool(coded) and any(kind.role == "raw" or kind.codec in coded for kind in bonafide)
    return bool(coded) if split == "spoof-codec" else any(place_of(codec) for codec in coded)


def _of(kinds: Iterable[Kind], roles: Sequence[Role]) -> list[Kind]:
    return [kind for kind in kinds if kind.role in roles]


def _words(kinds: Iterable[Kind]) -> str:
    return ", ".join(sorted({kind.role for kind in kinds})) or "nothing"


def _has(use: CorpusUse, split: str) -> bool:
    return any(held.split == split for held in use.facts.holdings)
