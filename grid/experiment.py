"""Expands an experiment file into its renditions and cells. Runs nothing, writes nothing, loads no weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from grid.attacks.contract import build_attack
from grid.codecs.catalogue import Catalogue, load_catalogue
from grid.codecs.contract import identity as codec_identity
from grid.config.experiment import CellFilter, Experiment, PolicyChoice, Selection
from grid.config.recipe import Recipe, load_recipe
from grid.config.yaml_file import YamlFile, parse, read_yaml
from grid.corpora import corpus_facts
from grid.detector import DetectorSpec, load_detector_spec
from grid.errors import RequestError, unknown_name
from grid.identity import digest, plain
from grid.job import CellJob, CorsInput, MixingInput
from grid.policies import POLICIES
from grid.rendition import RAW, Chain, CorpusFacts, Rendition
from grid.report.papers import PAPER_TABLES
from grid.store import Store

CELL_SCHEMA = 1
NO_SELECTION = "none"
"""The selection of a cell that no codec feeds: a baseline that all selections share."""


@dataclass(frozen=True)
class Grid:
    """An experiment, resolved: every name looked up, every identity known."""

    experiment: Experiment
    corpora: tuple[CorpusFacts, ...]
    catalogue: Catalogue
    recipes: dict[str, Recipe]
    detectors: dict[str, DetectorSpec]

    @cached_property
    def cells(self) -> tuple[CellJob, ...]:
        """The cells in the order of the axes, each identity once."""
        found: dict[str, CellJob] = {}
        axes = self.experiment.grid
        for detector, selection, policy, seed in product(axes.detectors, axes.selections, axes.policies, axes.seeds):
            if not any(_matches(rule, selection, policy, detector, seed) for rule in axes.exclude):
                cell = self._cell(selection, policy, detector, seed)
                found.setdefault(cell.cell_id, cell)
        return tuple(found.values())

    @cached_property
    def renditions(self) -> tuple[Rendition, ...]:
        """All renditions that the cells train on or score, parents before children."""
        chains: dict[Chain, None] = {}
        for chain in [*self._chains()]:
            for link in _ancestry(chain):
                chains.setdefault(link)
        return tuple(self.rendition(corpus, chain) for chain in chains for corpus in self.corpora)

    def rendition(self, corpus: CorpusFacts, chain: Chain) -> Rendition:
        return Rendition(
            corpus=corpus,
            chain=chain,
            attack=self._attack_identities[chain.attack] if chain.attack else None,
            codec=self._codec_identities[chain.codec] if chain.codec else None,
            seed=self.experiment.codec_seed,
        )

    @cached_property
    def _attack_identities(self) -> dict[str, dict[str, Any]]:
        return {source.name: dict(build_attack(source.name).identity()) for source in self.experiment.attacks}

    @cached_property
    def _codec_identities(self) -> dict[str, dict[str, Any]]:
        names = self.experiment.codec_names()
        return {name: dict(codec_identity(self.catalogue.get(name))) for name in names}

    def _chains(self) -> Iterator[Chain]:
        yield RAW
        for selection in self.experiment.grid.selections:
            yield from self._attack_chains(selection)
        trained = any(policy.label != "none" for policy in self.experiment.grid.policies)
        if trained:
            yield from (Chain(codec=codec) for s in self.experiment.grid.selections for codec in s.codecs)
        yield from self._scored_chains()

    def _attack_chains(self, selection: Selection) -> list[Chain]:
        """What stands for spoofed speech in the training of a selection."""
        chains: list[Chain] = []
        for source in self.experiment.attacks:
            if source.through == "nothing":
                chains.append(Chain(attack=source.name))
            else:
                chains += [Chain(attack=source.name, codec=codec) for codec in selection.codecs]
        return chains

    def _scored_chains(self) -> list[Chain]:
        """What the evaluations listen to: the same for every cell, so that cells can be compared."""
        roles = {role for e in self.experiment.evaluations.values() for role in (*e.bonafide, *e.spoof)}
        chains: list[Chain] = []
        if roles & {"raw", "attack", "cosg"}:  # a corpus's own attacks lie beside its recordings
            chains.append(RAW)
        for source in self.experiment.attacks:
            if source.through == "nothing" and "attack" in roles:
                chains.append(Chain(attack=source.name))
            if source.through == "selection" and "cosg" in roles:
                chains += [Chain(attack=source.name, codec=codec) for codec in self.experiment.codec_names()]
        if "cors" in roles:
            chains += [Chain(codec=codec) for codec in self.experiment.codec_names()]
        return chains

    def _cell(self, selection: Selection, policy: PolicyChoice, detector: str, seed: int) -> CellJob:
        targets = self._targets(selection, policy)
        attacks = self._attack_chains(selection)
        fed = bool(targets) or any(chain.codec for chain in attacks)
        # mixing says nothing where no CoRS is mixed in, and drawing nothing where there is one codec
        mixing = MixingInput(
            how=policy.mixing if targets else "append",
            probability=policy.probability if targets and policy.mixing == "replace" else 1.0,
            draw="one" if len(targets) > 1 and (policy.mixing == "replace" or selection.draw == "one") else "each",
        )
        identity = plain(
            {
                "schema": CELL_SCHEMA,
                "corpora": [corpus.manifest_digest for corpus in self.corpora],
                "codec_seed": self.experiment.codec_seed,
                "attacks": [self._chain_identity(chain) for chain in attacks],
                "cors": [
                    {"codec": self._codec_identities[codec], "target": target} for codec, target in targets.items()
                ],
                "policy": {"label": policy.label, "revision": POLICIES.get(policy.label).revision},
                "mixing": mixing,
                "detector": self.detectors[detector].identity(),
                "recipe": self.recipes[detector],
                "seed": seed,
            }
        )
        assert isinstance(identity, dict)
        return CellJob(
            cell_id=digest(identity),
            experiment=self.experiment.name,
            selection=selection.name if fed else NO_SELECTION,
            codecs=selection.codecs if fed else (),
            policy=policy.name,
            detector=detector,
            seed=seed,
            identity=identity,
            recordings=self._folders([RAW]),
            attacks=self._folders(attacks),
            cors=tuple(
                CorsInput(folder=self.rendition(corpus, Chain(codec=codec)).folder, codec=codec, target=target)
                for codec, target in targets.items()
                for corpus in self.corpora
            ),
            mixing=mixing,
            scored=self._folders(self._scored_chains()),
            detector_spec=self.detectors[detector],
            recipe=self.recipes[detector],
        )

    def _targets(self, selection: Selection, policy: PolicyChoice) -> dict[str, float]:
        """The training target of each codec's CoRS; a codec that the policy leaves out is not there."""
        labelling = POLICIES.get(policy.label)
        found = {codec: labelling.target(self.catalogue.get(codec).design, policy.target) for codec in selection.codecs}
        return {codec: target for codec, target in found.items() if target is not None}

    def _chain_identity(self, chain: Chain) -> dict[str, Any]:
        return {
            "attack": self._attack_identities[chain.attack],
            "codec": self._codec_identities[chain.codec] if chain.codec else None,
        }

    def _folders(self, chains: list[Chain]) -> tuple[str, ...]:
        return tuple(self.rendition(corpus, chain).folder for chain in chains for corpus in self.corpora)


def load_experiment(path: str | Path) -> tuple[Experiment, YamlFile]:
    """The experiment file at `path` with every name in it checked; errors carry file and line."""
    file = read_yaml(path)
    experiment = parse(Experiment, file).model_copy(update={"folder": Path(path).resolve().parent})
    _check_names(experiment, file)
    return experiment, file


def resolve(path: str | Path, store: Store) -> Grid:
    """The experiment at `path` as a grid over `store`; raises RequestError for anything that is wrong with it."""
    experiment, file = load_experiment(path)
    return Grid(
        experiment=experiment,
        corpora=tuple(corpus_facts(store, source, experiment.folder) for source in experiment.corpora),
        catalogue=load_catalogue(),
        recipes=_recipes(experiment, file),
        detectors=_detectors(experiment, file),
    )


def _recipes(experiment: Experiment, file: YamlFile) -> dict[str, Recipe]:
    """The recipe of each detector."""
    found = {}
    for detector in experiment.grid.detectors:
        own = experiment.recipes.get(detector)
        where = file.where("recipe") if own is None else file.where("recipes", detector)
        found[detector] = load_recipe(own or experiment.recipe, beside=experiment.folder, where=where)
    return found


def _detectors(experiment: Experiment, file: YamlFile) -> dict[str, DetectorSpec]:
    specs = {}
    for i, name in enumerate(experiment.grid.detectors):
        try:
            specs[name] = load_detector_spec(name, experiment.folder / "detectors")
        except RequestError as error:
            raise RequestError(f"{file.where('grid', 'detectors', i)}: {error}") from error
    return specs


def _check_names(experiment: Experiment, file: YamlFile) -> None:
    """Every codec, policy, attack, detector, recipe and table exists: told before a corpus is read for hours."""
    _detectors(experiment, file)
    _recipes(experiment, file)
    catalogue = load_catalogue()
    for i, selection in enumerate(experiment.grid.selections):
        for j, codec in enumerate(selection.codecs):
            catalogue.get(codec, where=file.where("grid", "selections", i, "codecs", j))
    for i, codec in enumerate(experiment.evaluation_codecs):
        catalogue.get(codec, where=file.where("evaluation_codecs", i))
    for i, policy in enumerate(experiment.grid.policies):
        where = file.where("grid", "policies", i)
        labelling = POLICIES.get(policy.label, where=where)
        try:
            labelling.target("both", policy.target)
        except RequestError as error:
            raise RequestError(f"{where}: {error}") from error
    for i, attack in enumerate(experiment.attacks):
        try:
            build_attack(attack.name)
        except RequestError as error:
            raise RequestError(f"{file.where('attacks', i)}: {error}") from error
    _check_filters(experiment, file)
    _check_report(experiment, file)


def _check_report(experiment: Experiment, file: YamlFile) -> None:
    """Every table of a paper exists, and every experiment to compare with is one, and another one."""
    for i, name in enumerate(experiment.report):
        PAPER_TABLES.get(name, where=file.where("report", i))
    for i, path in enumerate(experiment.compare):
        where = file.where("compare", i)
        try:
            other = parse(Experiment, read_yaml(experiment.folder / path))
        except RequestError as error:
            raise RequestError(f"{where}: {error}") from error
        if other.name == experiment.name:
            raise RequestError(f"{where}: {path} is experiment {other.name!r} as well; give one of them another name")


def _check_filters(experiment: Experiment, file: YamlFile) -> None:
    axes = experiment.grid
    known: dict[str, list[str]] = {
        "selections": [s.name for s in axes.selections],
        "policies": [p.name for p in axes.policies],
        "detectors": list(axes.detectors),
        "seeds": [str(seed) for seed in axes.seeds],
    }
    for i, rule in enumerate(axes.exclude):
        for axis, choices in known.items():
            for value in getattr(rule, axis) or ():
                if str(value) not in choices:
                    where = file.where("grid", "exclude", i, axis)
                    raise unknown_name(axis, value, choices, where=where)


def _matches(rule: CellFilter, selection: Selection, policy: PolicyChoice, detector: str, seed: int) -> bool:
    pairs = (
        (rule.selections, selection.name),
        (rule.policies, policy.name),
        (rule.detectors, detector),
        (rule.seeds, seed),
    )
    return all(allowed is None or value in allowed for allowed, value in pairs)


def _ancestry(chain: Chain) -> list[Chain]:
    """The chain after all it is made from."""
    return [*_ancestry(chain.parent), chain] if chain.parent is not None else [chain]
