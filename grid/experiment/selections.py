"""Resolves the codec words of an experiment file: letters of the papers, `all`, and the best codecs of another grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from grid.cells.job import CellJob
from grid.codecs.catalogue import Catalogue, Paper, load_catalogue
from grid.config.experiment import ALL, Experiment, Selection, slug
from grid.config.yaml_file import YamlFile
from grid.core.errors import RequestError, unknown_name
from grid.core.record import read_record
from grid.core.store import Store

CellsOf = Callable[[Path], tuple[CellJob, ...]]
"""Gives the cells of the grid that an experiment file makes over this store."""


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


def with_top_codecs(experiment: Experiment, file: YamlFile, store: Store, cells_of: CellsOf) -> Experiment:
    """The experiment with the codecs of its `top` selections; RequestError, with the line, for one that has none yet.

    The codecs of the other grid that are trained on one by one are ranked by the mean over seeds of the EER on their
    own development set; ties are ordered by name. The ranking needs only the records of finished trainings, and a
    cell's identity contains the codecs, not where they come from.
    """
    selections = []
    for i, selection in enumerate(experiment.grid.selections):
        if selection.top is not None and not selection.codecs:
            where = file.where("grid", "selections", i)
            codecs = _best(selection, experiment.folder / str(selection.of), store, cells_of, where)
            selection = selection.model_copy(update={"codecs": codecs})
        selections.append(selection)
    return experiment.with_selections(selections)


def _best(selection: Selection, path: Path, store: Store, cells_of: CellsOf, where: str) -> tuple[str, ...]:
    cells = [cell for cell in cells_of(path) if len(cell.codecs) == 1 and cell.cors]
    cells = _chosen(cells, "detector", selection.detector, where)
    cells = _chosen(cells, "policy", selection.policy, where)
    rates: defaultdict[str, list[float]] = defaultdict(list)
    missing = 0
    for cell in cells:
        record = read_record(store, cell.folder)
        if record is None:
            missing += 1
        else:
            rates[cell.codecs[0]].append(float(record.results["dev_eer"]))
    if missing:
        raise RequestError(
            f"{where}: the best codecs of {path} are not known before all are trained; {missing} of {len(cells)} "
            f"cells are not finished. Run: codecgrid run {path}"
        )
    ranked = sorted(rates, key=lambda codec: (sum(rates[codec]) / len(rates[codec]), codec))
    if selection.top is None or len(ranked) < selection.top:
        raise RequestError(f"{where}: top {selection.top} of {path}, which trains on {len(ranked)} codecs one by one")
    return tuple(ranked[: selection.top])


def _chosen(cells: list[CellJob], field: str, choice: str | None, where: str) -> list[CellJob]:
    """The cells of one detector or policy: those of `choice`, or of the only one that the cells have."""
    choices = list(dict.fromkeys(str(getattr(cell, field)) for cell in cells))
    if choice is None and len(choices) > 1:
        raise RequestError(f"{where}: the other grid has more than one {field}; give `{field}`: {', '.join(choices)}")
    if choice is not None and choice not in choices:
        raise unknown_name(field, choice, choices, where=where)
    return [cell for cell in cells if choice is None or getattr(cell, field) == choice]
