"""Expands an experiment file into its renditions and cells. Runs nothing, writes nothing, loads no weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from grid.attacks.contract import build_attack
from grid.balance import Balance, balance_of
from grid.codecs.catalogue import Catalogue, load_catalogue
from grid.codecs.contract import identity as codec_identity
from grid.codecs.entry import Design
from grid.config.experiment import AttackSource, CellFilter, CorpusSource, Experiment, PolicyChoice, Selection
from grid.config.recipe import Recipe
from grid.config.yaml_file import YamlFile, parse, read_yaml
from grid.corpora import corpus_facts
from grid.corpus_use import CorpusUse
from grid.detector import DetectorSpec
from grid.errors import RequestError
from grid.experiment_names import augmentation_kinds, check_names, detectors_of, recipes_of
from grid.identity import digest, plain
from grid.job import CellJob, CorsInput, MixingInput
from grid.policies import POLICIES
from grid.possible_ratings import check_ratings
from grid.possible_trials import check_evaluations
from grid.rendition import RAW, Chain, CorpusFacts, Rendition, corpus_of
from grid.selection_words import with_codec_names
from grid.store import Store
from grid.top_codecs import with_top_codecs

log = logging.getLogger(__name__)

CELL_SCHEMA = 1
NO_SELECTION = "none"
"""The selection of a cell that no codec feeds: a baseline that all selections share."""


@dataclass(frozen=True)
class Grid:
    """An experiment, resolved: every name looked up, every identity known.

    `corpora` are those of the experiment, in its order; the banks of augmentation are apart.
    """

    experiment: Experiment
    corpora: tuple[CorpusFacts, ...]
    catalogue: Catalogue
    recipes: dict[str, Recipe]
    detectors: dict[str, DetectorSpec]
    impulse_responses: CorpusFacts | None = None
    noises: CorpusFacts | None = None

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
        """All renditions that the cells train on, augment with or score, parents before children."""
        found: dict[str, Rendition] = {}
        for rendition in [*self._heard(), *(self.rendition(bank, RAW) for bank in self._banks().values())]:
            for link in _ancestry(rendition):
                found.setdefault(link.folder, link)
        return tuple(found.values())

    def rendition(self, corpus: CorpusFacts, chain: Chain) -> Rendition:
        """A corpus of the experiment after a chain of it; made once, because every cell asks for the same ones."""
        place = corpus.name, chain
        if place not in self._known:
            self._known[place] = Rendition(
                corpus=corpus,
                chain=chain,
                attack=self._attack_identities[chain.attack] if chain.attack else None,
                codec=self._codec_identities[chain.codec] if chain.codec else None,
                seed=self.experiment.codec_seed,
                own_cors=corpus.name in self._with_own_cors,
            )
        return self._known[place]

    @cached_property
    def _known(self) -> dict[tuple[str, Chain], Rendition]:
        return {}

    @cached_property
    def uses(self) -> tuple[CorpusUse, ...]:
        """Each corpus as the experiment uses it."""
        return tuple(map(CorpusUse, self.experiment.corpora, self.corpora))

    @cached_property
    def _with_own_cors(self) -> set[str]:
        return {use.name for use in self.uses if use.own_cors}

    @cached_property
    def _trained(self) -> tuple[CorpusUse, ...]:
        return tuple(use for use in self.uses if use.training_splits)

    def _trained_by(self, chain: Chain) -> tuple[CorpusUse, ...]:
        """The corpora of which training hears a chain: CoRS only of those that have any."""
        is_cors = bool(chain.codec) and not chain.attack
        return tuple(use for use in self._trained if use.with_cors or not is_cors)

    @cached_property
    def _tested(self) -> tuple[CorpusUse, ...]:
        return tuple(use for use in self.uses if use.tested)

    def _banks(self, *recipes: Recipe) -> dict[str, CorpusFacts]:
        """The corpora that the augmentation of `recipes` (default: of all) draws from, by their fields in a job."""
        kinds = {kind for recipe in recipes or self.recipes.values() for kind in augmentation_kinds(recipe)}
        banks = (("rir", "impulse_responses", self.impulse_responses), ("noise", "noises", self.noises))
        return {field: bank for kind, field, bank in banks if kind in kinds and bank is not None}

    @cached_property
    def _attack_identities(self) -> dict[str, dict[str, Any]]:
        return {source.name: dict(build_attack(source.name).identity()) for source in self.experiment.attacks}

    @cached_property
    def _codec_identities(self) -> dict[str, dict[str, Any]]:
        names = self.experiment.codec_names()
        return {name: dict(codec_identity(self.catalogue.get(name))) for name in names}

    def _heard(self) -> Iterator[Rendition]:
        """The renditions of the corpora that cells train on or score."""
        selections, policies = self.experiment.grid.selections, self.experiment.grid.policies
        chains = [RAW, *(chain for selection in selections for chain in self._attack_chains(selection))]
        if any(policy.label != "none" for policy in policies):
            chains += [Chain(codec=codec) for selection in selections for codec in selection.codecs]
        yield from (self.rendition(use.facts, chain) for chain in chains for use in self._trained_by(chain))
        yield from self._scored

    def _attack_chains(self, selection: Selection) -> list[Chain]:
        """What stands for spoofed speech in the training of a selection."""
        chains: list[Chain] = []
        for source in self._trained_attacks:
            if source.through == "nothing":
                chains.append(Chain(attack=source.name))
            chains += [Chain(attack=source.name, codec=codec) for codec in source.codecs(selection.codecs)]
        return chains

    @cached_property
    def _trained_attacks(self) -> tuple[AttackSource, ...]:
        return tuple(source for source in self.experiment.attacks if source.trained)

    @cached_property
    def _scored(self) -> tuple[Rendition, ...]:
        """What the evaluations listen to: the same for every cell, so that cells can be compared."""
        of_corpus = {use.name: self._scored_chains(use) for use in self._tested}
        chains = dict.fromkeys(chain for found in of_corpus.values() for chain in found)
        return tuple(
            self.rendition(use.facts, chain) for chain in chains for use in self._tested if chain in of_corpus[use.name]
        )

    def _scored_chains(self, use: CorpusUse) -> list[Chain]:
        """What the evaluations that include a corpus listen to of it."""
        asked = [choice for choice in self.experiment.evaluations.values() if choice.includes(use.name)]
        roles = {role for choice in asked for role in (*choice.bonafide, *choice.spoof)}
        chains: list[Chain] = []
        if roles & {"raw", "attack", "cosg"}:  # a corpus's own attacks lie beside its recordings
            chains.append(RAW)
        for source in self.experiment.attacks:
            if source.through == "nothing" and "attack" in roles:
                chains.append(Chain(attack=source.name))
            if "cosg" in roles:
                every = source.codecs(self.experiment.codec_names())
                chains += [Chain(attack=source.name, codec=codec) for codec in every]
        if "cors" in roles and use.with_cors:
            chains += [Chain(codec=codec) for codec in self.experiment.codec_names()]
        return chains

    def _cell(self, selection: Selection, policy: PolicyChoice, detector: str, seed: int) -> CellJob:
        targets = self._targets(selection, policy)
        attacks = self._attack_chains(selection)
        fed = bool(targets) or any(source.through == "selection" for source in self._trained_attacks)
        # mixing says nothing where no CoRS is mixed in, and drawing nothing where there is one codec
        mixing = MixingInput(
            how=policy.mixing if targets else "append",
            probability=policy.probability if targets and policy.mixing == "replace" else 1.0,
            draw="one" if len(targets) > 1 and (policy.mixing == "replace" or selection.draw == "one") else "each",
        )
        balance = self._balance(selection, policy, list(targets))
        recipe, banks = self.recipes[detector], self._banks(self.recipes[detector])
        identity = plain(
            {
                "schema": CELL_SCHEMA,
                "corpora": [use.identity() for use in self._trained],
                "codec_seed": self.experiment.codec_seed,
                "attacks": [self._chain_identity(chain) for chain in attacks],
                "cors": [self._cors_identity(codec, target) for codec, target in targets.items()],
                "policy": {"label": policy.label, "revision": POLICIES.get(policy.label).revision},
                "mixing": mixing,
                **({"balance": balance} if balance else {}),
                "detector": self.detectors[detector].identity(),
                "recipe": recipe,
                "seed": seed,
                **{field: bank.manifest_digest for field, bank in banks.items()},
            }
        )
        assert isinstance(identity, dict)
        recordings, attack_folders = self._folders([RAW]), self._folders(attacks)
        cors = tuple(
            CorsInput(folder=folder, codec=codec, target=target)
            for codec, target in targets.items()
            for folder in self._folders([Chain(codec=codec)])
        )
        folders = (*recordings, *attack_folders, *(given.folder for given in cors))
        audio = {field: self.rendition(bank, RAW).folder for field, bank in banks.items()}
        return CellJob(
            cell_id=digest(identity),
            experiment=self.experiment.name,
            selection=selection.name if fed else NO_SELECTION,
            codecs=selection.codecs if fed else (),
            policy=policy.name,
            detector=detector,
            seed=seed,
            identity=identity,
            recordings=recordings,
            attacks=attack_folders,
            cors=cors,
            only_train=self._of_split_alone("train", folders),
            only_dev=self._of_split_alone("dev", folders),
            mixing=mixing,
            balance=balance,
            scored=tuple(rendition.folder for rendition in self._scored),
            impulse_responses=audio.get("impulse_responses", ""),
            noises=audio.get("noises", ""),
            detector_spec=self.detectors[detector],
            recipe=recipe,
        )

    def _balance(self, selection: Selection, policy: PolicyChoice, targets: Sequence[str]) -> Balance | None:
        """How the codecs of `targets` share the utterances, where the selection is balanced and feeds a cell."""
        if selection.balance is None or not targets:
            return None
        try:
            if policy.mixing == "replace":
                raise RequestError(
                    f"its CoRS are appended, and policy {policy.name} replaces; exclude the two together"
                )
            return balance_of(selection.balance, selection.scale, targets, self.catalogue)
        except RequestError as error:
            raise RequestError(f"selection {selection.name}: {error}") from error

    def _targets(self, selection: Selection, policy: PolicyChoice) -> dict[str, float]:
        """The training target of each codec's CoRS; a codec that the policy leaves out is not there."""
        labelling = POLICIES.get(policy.label)
        found = {codec: labelling.target(self._design(codec), policy.target) for codec in selection.codecs}
        return {codec: target for codec, target in found.items() if target is not None}

    def _design(self, codec: str) -> Design:
        """What a codec is made for: as the experiment says, else as the catalogue does."""
        return self.experiment.designs.get(codec) or self.catalogue.get(codec).design

    def _chain_identity(self, chain: Chain) -> dict[str, Any]:
        return {
            "attack": self._attack_identities[chain.attack],
            "codec": self._codec_identities[chain.codec] if chain.codec else None,
        }

    def _cors_identity(self, codec: str, target: float) -> dict[str, Any]:
        """What makes the CoRS of a codec that a cell trains on: the codec where it is applied, and own rows."""
        coded = self._trained_by(Chain(codec=codec))
        parts = [(use.facts.manifest_digest, use.trained_cors(codec)) for use in coded]
        applied = any(each.applied for _, each in parts)
        own = [corpus for corpus, each in parts if each.own]
        made_by = self._codec_identities[codec] if applied else {"name": codec}
        of = {} if coded == self._trained else {"of": [use.facts.manifest_digest for use in coded]}
        return {"codec": made_by, "target": target, **({"own": own} if own else {}), **of}

    def _folders(self, chains: list[Chain]) -> tuple[str, ...]:
        """The renditions that training hears of these chains: of each, one for each corpus."""
        return tuple(self.rendition(use.facts, chain).folder for chain in chains for use in self._trained_by(chain))

    def _of_split_alone(self, split: str, folders: Sequence[str]) -> tuple[str, ...]:
        """Those of the folders whose corpus is used for train alone, or for dev alone."""
        corpora = {use.name for use in self._trained if use.training_splits == (split,)}
        return tuple(folder for folder in folders if corpus_of(folder) in corpora)


def load_experiment(path: str | Path) -> tuple[Experiment, YamlFile]:
    """The experiment file at `path` with every name in it checked; errors carry file and line."""
    file = read_yaml(path)
    experiment = parse(Experiment, file).model_copy(update={"folder": Path(path).resolve().parent})
    experiment = with_codec_names(experiment, file)
    check_names(experiment, file)
    return experiment, file


def resolve(path: str | Path, store: Store, _above: tuple[Path, ...] = ()) -> Grid:
    """The experiment at `path` as a grid over `store`; raises RequestError for anything that is wrong with it."""
    experiment, file = load_experiment(path)
    line = (*_above, Path(path).resolve())
    if line[-1] in _above:
        raise RequestError(f"{path}: its `top` selections are the best of itself: {' -> '.join(map(str, line))}")
    experiment = with_top_codecs(experiment, file, store, lambda other: resolve(other, store, line).cells)
    grid = Grid(
        experiment=experiment,
        corpora=tuple(corpus_facts(store, source, experiment.folder) for source in experiment.corpora),
        catalogue=load_catalogue(),
        recipes=recipes_of(experiment, file),
        detectors=detectors_of(experiment, file),
        impulse_responses=_bank(store, experiment, experiment.impulse_responses),
        noises=_bank(store, experiment, experiment.noises),
    )
    check_evaluations(experiment, grid.uses, file)
    check_ratings(experiment, grid.uses, store, file)
    for use in grid.uses:
        if use.leaves_out_pending:
            log.warning("corpus %s: its pending rows are left out; with `cors: own` they are resynthesised", use.name)
    return grid


def _bank(store: Store, experiment: Experiment, source: CorpusSource | None) -> CorpusFacts | None:
    """A corpus that augmentation draws from, which is all of its split train."""
    if source is None:
        return None
    facts = corpus_facts(store, source, experiment.folder)
    if not any(held.split == "train" and held.role != "cors" for held in facts.holdings):
        raise RequestError(f"corpus {source.name!r} has nothing of split train that augmentation could draw from")
    return facts


def _matches(rule: CellFilter, selection: Selection, policy: PolicyChoice, detector: str, seed: int) -> bool:
    pairs = (
        (rule.selections, selection.name),
        (rule.policies, policy.name),
        (rule.detectors, detector),
        (rule.seeds, seed),
    )
    return all(allowed is None or value in allowed for allowed, value in pairs)


def _ancestry(rendition: Rendition) -> list[Rendition]:
    """The rendition after all it is made from."""
    return [*_ancestry(rendition.parent), rendition] if rendition.parent is not None else [rendition]
