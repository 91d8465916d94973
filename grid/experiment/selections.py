"""Resolves the codec words of an experiment file: letters of the papers, and `all`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from grid.codecs.catalogue import Catalogue, Paper, load_catalogue
from grid.config.experiment import ALL, Experiment, Selection, slug
from grid.config.yaml_file import YamlFile
from grid.core.errors import RequestError, unknown_name


def with_codec_names(experiment: Experiment, file: YamlFile) -> Experiment:
    """The experiment with catalogue names for the words of its selections and of `evaluation_codecs`.

    `codecfake-plus:J` is the codec that a paper (codecfake, codecfake-plus, cdd) calls so, `codecfake-plus:all` every
    codec of its table, and `all` every codec that the experiment names elsewhere: in other selections, in attacks and
    in `evaluation_codecs`. RequestError, with the line, for a paper or letter that does not exist.
    """
    catalogue = load_catalogue()
    selections: list[Selection] = []
    for i, selection in enumerate(experiment.grid.selections):
        names: list[str] = []
        for j, word in enumerate(selection.codecs):
            names += _names(word, catalogue, file.where("grid", "selections", i, "codecs", j))
        selections.append(_with_codecs(selection, names))
    tested = [
        name
        for i, word in enumerate(experiment.evaluation_codecs)
        for name in _names(word, catalogue, file.where("evaluation_codecs", i))
    ]
    attacked = [codec for attack in experiment.attacks for codec in attack.codecs(())]
    named = [codec for selection in selections for codec in selection.codecs if codec != ALL]
    every = named + attacked + tested
    for i, selection in enumerate(selections):
        if ALL in selection.codecs:
            if not every:
                raise RequestError(
                    f"{file.where('grid', 'selections', i)}: `all` are the codecs that the experiment names elsewhere, "
                    "and there are none; name them, or take a paper's: codecfake-plus:all"
                )
            selections[i] = selection.model_copy(update={"codecs": tuple(dict.fromkeys(every))})
    resolved = experiment.model_copy(update={"evaluation_codecs": tuple(dict.fromkeys(tested))})
    return resolved.with_selections(selections)


def _with_codecs(selection: Selection, names: Sequence[str]) -> Selection:
    """The selection with these codecs; one that was a single word takes the name of its codec."""
    codecs = tuple(dict.fromkeys(names))
    single = len(codecs) == 1 and selection.name == slug(selection.codecs[0])
    return selection.model_copy(update={"codecs": codecs, **({"name": codecs[0]} if single else {})})


def _names(word: str, catalogue: Catalogue, where: str) -> list[str]:
    """The catalogue names of a word; a word without a colon is a name already."""
    if ":" not in word:
        return [word]
    written, _, letter = word.partition(":")
    papers: dict[str, Paper] = {paper.replace("_", "-"): paper for paper in get_args(Paper)}
    if written not in papers:
        raise unknown_name("paper", written, papers, where=where)
    paper = papers[written]
    if letter == ALL:
        return [entry.name for entry in catalogue if getattr(entry.letters, paper)]
    try:
        return [catalogue.by_letter(paper, letter).name]
    except RequestError as error:
        raise RequestError(f"{where}: {error}") from error
