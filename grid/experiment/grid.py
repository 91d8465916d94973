"""Resolves an experiment file to a grid: its corpora, renditions and cells, with every name checked.

Resolving trains nothing, writes nothing and loads no weights.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from grid.cells.job import CellJob
from grid.codecs.catalogue import Catalogue, load_catalogue
from grid.config.experiment import CellFilter, CorpusSource, Experiment, Selection
from grid.config.policy_choice import PolicyChoice
from grid.config.recipe import Recipe
from grid.config.yaml_file import YamlFile, parse, read_yaml
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.holdings import CorpusFacts
from grid.corpus.imported import corpus_facts, is_missing, stored_corpus
from grid.detectors.spec import DetectorSpec
from grid.experiment.cell_builder import CellBuilder
from grid.experiment.check_evaluations import check_evaluations, check_ratings
from grid.experiment.check_names import check_names, detectors_of, recipes_of
from grid.experiment.corpus_use import CorpusUse
from grid.experiment.plugin_packages import make_importable, plugin_folders
from grid.experiment.renditions import ExperimentRenditions
from grid.experiment.selections import with_codec_names
from grid.experiment.top_codecs import with_top_codecs
from grid.experiment.value_axes import variants_of, with_variants
from grid.resynthesis.rendition import Chain, Rendition

log = logging.getLogger(__name__)

UNKNOWN_MANIFEST = "unknown"
"""In place of the manifest's digest, for a corpus that is missing."""


@dataclass(frozen=True)
class Grid:
    """An experiment, resolved.

    `corpora` are those of the experiment, in its order, without the corpora that augmentation draws from. With corpora
    that are `missing` the cells are those that a run will have, but not their ids, nor the number of renditions.
    """

    experiment: Experiment
    corpora: tuple[CorpusFacts, ...]
    catalogue: Catalogue
    recipes: dict[str, Recipe]
    detectors: dict[str, DetectorSpec]
    impulse_responses: CorpusFacts | None = None
    noises: CorpusFacts | None = None
    missing: tuple[CorpusSource, ...] = ()

    @cached_property
    def cells(self) -> tuple[CellJob, ...]:
        """The cells in the order of the axes, each identity once."""
        builder = CellBuilder(self.experiment, self.catalogue, self.audio, self.recipes, self.detectors)
        cells: dict[str, CellJob] = {}
        axes = self.experiment.grid
        for detector, selection, policy in product(axes.detectors, axes.selections, axes.policies):
            rules = [rule for rule in axes.exclude if _matches(rule, selection, policy, detector)]
            seeds = [s for s in axes.seeds if not any(rule.seeds is None or s in rule.seeds for rule in rules)]
            for cell in builder.cells(selection, policy, detector, seeds):
                cells.setdefault(cell.cell_id, cell)
        return tuple(cells.values())

    @cached_property
    def renditions(self) -> tuple[Rendition, ...]:
        """All renditions that the cells train on, augment with or score, parents before children."""
        drawn = {name for recipe in self.recipes.values() for name in recipe.banks}
        all_cors_in_dev = any(recipe.dev_cors == "all" for recipe in self.recipes.values())
        return self.audio.needed([n for n in self.audio.banks if n in drawn], all_cors_in_dev=all_cors_in_dev)

    def rendition(self, corpus: CorpusFacts, chain: Chain) -> Rendition:
        """The rendition of a corpus of the experiment by one of its chains."""
        return self.audio.of(corpus, chain)

    @cached_property
    def uses(self) -> tuple[CorpusUse, ...]:
        """Each corpus as the experiment uses it."""
        return tuple(map(CorpusUse, self.experiment.corpora, self.corpora))

    @cached_property
    def audio(self) -> ExperimentRenditions:
        """The renditions that the experiment can use."""
        banks = {"impulse_responses": self.impulse_responses, "noises": self.noises}
        named = {name: bank for name, bank in banks.items() if bank is not None}
        return ExperimentRenditions(self.experiment, self.catalogue, self.uses, named)


def load_experiment(path: str | Path) -> tuple[Experiment, YamlFile]:
    """The experiment file at `path` with every name in it checked; errors carry file and line."""
    file = read_yaml(path)
    experiment = parse(Experiment, file).model_copy(update={"folder": Path(path).resolve().parent})
    if experiment.plugins:
        make_importable(plugin_folders(experiment.plugins, experiment.folder, file.where("plugins")))
    experiment = with_codec_names(experiment, file)
    check_names(experiment, file)
    return experiment, file


def resolve(
    path: str | Path,
    store: Store,
    _resolving: tuple[Path, ...] = (),
    *,
    without_data: bool = False,
    only_imported: bool = False,
) -> Grid:
    """The experiment at `path` as a grid over `store`; raises RequestError for any error in it.

    A corpus that is missing is an error too, unless `without_data`: then nothing is known of the corpora that are not
    imported, and the grid names those that are missing. With `only_imported` no protocol is read either: a corpus that
    is not in the store counts as missing, wherever it lies. `_resolving` are the files whose `top` selections led
    here, to detect a cycle.
    """
    experiment, file = load_experiment(path)
    files = (*_resolving, Path(path).resolve())
    if files[-1] in _resolving:
        raise RequestError(f"{path}: its `top` selections are the best of itself: {' -> '.join(map(str, files))}")
    experiment = with_top_codecs(experiment, file, store, lambda of: resolve(of, store, files))
    missing = _missing(store, experiment, only_imported=only_imported) if without_data else ()
    variants = variants_of(experiment, file)
    grid = Grid(
        experiment=with_variants(experiment, variants),
        corpora=tuple(_facts(store, experiment, source, missing) for source in experiment.corpora),
        catalogue=load_catalogue(),
        recipes=recipes_of(experiment, variants, file),
        detectors=detectors_of(experiment, variants, file),
        impulse_responses=_bank(store, experiment, experiment.impulse_responses, missing),
        noises=_bank(store, experiment, experiment.noises, missing),
        missing=missing,
    )
    if missing:
        return grid
    check_evaluations(experiment, grid.uses, file)
    check_ratings(experiment, grid.uses, store, file)
    for use in grid.uses:
        if use.leaves_out_pending:
            log.warning("corpus %s: its pending rows are left out; with `cors: own` they are resynthesised", use.name)
    return grid


def _missing(store: Store, experiment: Experiment, *, only_imported: bool) -> tuple[CorpusSource, ...]:
    sources = experiment.all_corpora()
    if only_imported:
        return tuple(source for source in sources if stored_corpus(store, source.name) is None)
    return tuple(source for source in sources if is_missing(store, source, experiment.folder))


def _facts(
    store: Store, experiment: Experiment, source: CorpusSource, missing: tuple[CorpusSource, ...]
) -> CorpusFacts:
    """What is known of a corpus; nothing but its name where some are missing and this one is not imported."""
    if missing and stored_corpus(store, source.name) is None:
        return CorpusFacts(source.name, UNKNOWN_MANIFEST)
    return corpus_facts(store, source, experiment.folder)


def _bank(
    store: Store, experiment: Experiment, source: CorpusSource | None, missing: tuple[CorpusSource, ...]
) -> CorpusFacts | None:
    """A corpus that augmentation draws from, of which it uses the whole split train; RequestError if that is empty."""
    if source is None:
        return None
    facts = _facts(store, experiment, source, missing)
    if facts.manifest_digest == UNKNOWN_MANIFEST:
        return facts
    if not any(held.split == "train" and held.role != "cors" for held in facts.holdings):
        raise RequestError(f"corpus {source.name!r} has nothing of split train that augmentation could draw from")
    return facts


def _matches(rule: CellFilter, selection: Selection, policy: PolicyChoice, detector: str) -> bool:
    """Whether a rule is about these cells, those of some seed at least."""
    pairs = ((rule.selections, selection.name), (rule.policies, policy.name), (rule.detectors, detector))
    return all(allowed is None or value in allowed for allowed, value in pairs)
