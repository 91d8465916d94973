"""Builds cells: one point of the experiment's axes becomes an identity, whose digest is the cell id, and a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from grid.cells.balance import Balance, balance_of
from grid.cells.job import CellJob, CorsInput, Mixing
from grid.codecs.catalogue import Catalogue
from grid.config.experiment import Experiment, Selection
from grid.config.policy_choice import PolicyChoice
from grid.config.recipe import Recipe
from grid.core.errors import RequestError
from grid.core.identity import Json, canonical_members, digest, digest_of_members, plain
from grid.core.vocabulary import BONAFIDE, NO_SELECTION, SPOOF, Design
from grid.corpus.holdings import CorpusFacts
from grid.detectors.spec import DetectorSpec
from grid.experiment.corpus_use import CorpusUse
from grid.experiment.renditions import ExperimentRenditions
from grid.policies import POLICIES, SpeechClass
from grid.resynthesis.rendition import RAW, Chain, corpus_of

CELL_SCHEMA = 1


@dataclass(frozen=True)
class CellBuilder:
    """Makes the cells of one experiment."""

    experiment: Experiment
    catalogue: Catalogue
    audio: ExperimentRenditions
    recipes: dict[str, Recipe]
    detectors: dict[str, DetectorSpec]

    def cells(
        self, selection: Selection, policy: PolicyChoice, detector: str, seeds: Sequence[int]
    ) -> Iterator[CellJob]:
        """The cells of one selection, policy and detector, one for each seed; all but the seed is made once."""
        if not seeds:
            return
        first = self._cell(selection, policy, detector, seeds[0])
        members = canonical_members(first.identity)
        for seed in seeds:
            cell_id = digest_of_members(members | canonical_members({"seed": seed}))
            yield first.model_copy(
                update={"cell_id": cell_id, "seed": seed, "identity": {**first.identity, "seed": seed}}
            )

    def _cell(self, selection: Selection, policy: PolicyChoice, detector: str, seed: int) -> CellJob:
        targets = self._targets(selection, policy)
        mixing, balance = _mixing(selection, policy, targets), self._balance(selection, policy, list(targets))
        attacks = self.audio.attack_chains(selection)
        dev_targets = self._dev_targets(detector, targets)
        identity = self._identity(policy, detector, seed, targets, dev_targets, attacks, mixing, balance)
        classes = self._classes(policy, detector)
        trains_on_codecs = bool(targets) or any(source.through == "selection" for source in self.audio.trained_attacks)
        recordings, attack_folders = self._folders([RAW]), self._folders(attacks)
        cors = tuple(
            CorsInput(folder=folder, codec=codec, target=target)
            for codec, target in targets.items()
            for folder in self._folders([Chain(codec=codec)])
        )
        dev_cors = self._dev_cors(dev_targets) if dev_targets is not None else None
        coded = dict.fromkeys(cors_input.folder for cors_input in (*cors, *(dev_cors or ())))
        folders = (*recordings, *attack_folders, *coded)
        banks = {name: self.audio.of(bank, RAW).folder for name, bank in self._banks(detector).items()}
        return CellJob(
            cell_id=digest(identity),
            experiment=self.experiment.name,
            selection=selection.name if trains_on_codecs else NO_SELECTION,
            codecs=selection.codecs if trains_on_codecs else (),
            policy=policy.name,
            detector=detector,
            seed=seed,
            identity=identity,
            recordings=recordings,
            attacks=attack_folders,
            cors=cors,
            dev_cors=dev_cors,
            only_train=self._folders_of_split("train", folders),
            only_dev=self._folders_of_split("dev", folders),
            mixing=mixing,
            balance=balance,
            scored=tuple(rendition.folder for rendition in self.audio.scored),
            probed=tuple(rendition.folder for rendition in self.audio.probed),
            classes=classes,
            impulse_responses=banks.get("impulse_responses", ""),
            noises=banks.get("noises", ""),
            detector_spec=self.detectors[detector],
            recipe=self.recipes[detector],
        )

    def _identity(
        self,
        policy: PolicyChoice,
        detector: str,
        seed: int,
        targets: dict[str, float],
        dev_targets: dict[str, float] | None,
        attacks: Sequence[Chain],
        mixing: Mixing,
        balance: Balance | None,
    ) -> dict[str, Any]:
        """All that can change the scores of a cell, as JSON; never a host, a path, a device or a number of workers.

        What dev holds follows from the recipe and from `cors`, except the codecs that training does not use.
        """
        all_in_dev = (dev_targets or {}) if self.recipes[detector].dev_cors == "all" else {}
        dev_cors = [self._cors_identity(codec, target) for codec, target in all_in_dev.items()]
        identity = plain(
            {
                "schema": CELL_SCHEMA,
                "corpora": [use.identity() for use in self.audio.trained],
                "codec_seed": self.experiment.codec_seed,
                "attacks": [self._attack_identity(chain) for chain in attacks],
                "cors": [self._cors_identity(codec, target) for codec, target in targets.items()],
                "policy": {"label": policy.label, "revision": POLICIES.get(policy.label).revision},
                "mixing": mixing,
                **({"balance": balance} if balance else {}),
                **({"dev_cors": dev_cors} if dev_cors else {}),
                "detector": self._detector_identities[detector],
                "recipe": self.recipes[detector],
                "seed": seed,
                **{name: bank.manifest_digest for name, bank in self._banks(detector).items()},
            }
        )
        assert isinstance(identity, dict)
        return identity

    @cached_property
    def _detector_identities(self) -> dict[str, dict[str, Json]]:
        return {name: spec.identity() for name, spec in self.detectors.items()}

    def _attack_identity(self, chain: Chain) -> dict[str, Any]:
        return {
            "attack": self.audio.attack_identities[chain.attack],
            "codec": self.audio.codec_identities[chain.codec] if chain.codec else None,
        }

    def _cors_identity(self, codec: str, target: float) -> dict[str, Any]:
        """The origin of the CoRS of a codec that a cell trains on: the codec where it is applied, and own rows.

        `native` are the corpora whose recordings the codec gets from their files' own rates.
        """
        chain = Chain(codec=codec)
        coded = self.audio.trained_by(chain)
        parts = [(use.facts.manifest_digest, use.trained_cors(codec)) for use in coded]
        applied = any(part.applied for _, part in parts)
        own = [corpus for corpus, part in parts if part.own]
        native = [use.facts.manifest_digest for use in coded if self._trains_on_native(use, chain)]
        codec_identity = self.audio.codec_identities[codec] if applied else {"name": codec}
        of = {} if coded == self.audio.trained else {"of": [use.facts.manifest_digest for use in coded]}
        origins = {name: corpora for name, corpora in (("own", own), ("native", native)) if corpora}
        return {"codec": codec_identity, "target": target, **origins, **of}

    def _trains_on_native(self, use: CorpusUse, chain: Chain) -> bool:
        """Whether a codec that is applied to recordings of a training split gets them from their files' own rates."""
        return use.trained_cors(chain.codec).applied and self.audio.of(use.facts, chain).coded_natively

    def _targets(self, selection: Selection, policy: PolicyChoice) -> dict[str, float]:
        """The training target of each codec's CoRS, without the codecs that the policy leaves out."""
        labelling = POLICIES.get(policy.label)
        targets = {codec: labelling.target(self._design(codec), policy.target) for codec in selection.codecs}
        return {codec: target for codec, target in targets.items() if target is not None}

    def _classes(self, policy: PolicyChoice, detector: str) -> tuple[SpeechClass, ...]:
        """The classes of a policy of several outputs, with its label of CoRS as the key of theirs.

        Raises RequestError for a detector that cannot have an output for each.
        """
        labelling = POLICIES.get(policy.label)
        if not labelling.classes:
            return ()
        try:
            self.detectors[detector].resolved_backend(len(labelling.classes))
        except RequestError as error:
            rule = f"{{policies: [{policy.name}], detectors: [{detector}]}}"
            raise RequestError(f"policy {policy.name!r}: {error}; leave the two out: `exclude: [{rule}]`") from error
        cors_key = BONAFIDE if labelling.target("both", policy.target) == 1 else SPOOF
        return tuple(each.model_copy(update={"key": cors_key}) if each.is_cors else each for each in labelling.classes)

    def _dev_targets(self, detector: str, targets: dict[str, float]) -> dict[str, float] | None:
        """The target in dev of each codec whose CoRS dev holds; None where they are those of training."""
        recipe = self.recipes[detector]
        if recipe.dev_cors == "none":
            return {}
        if recipe.dev_cors == "all":
            return {codec: 1.0 for codec in self.audio.selected_codecs if self.audio.dev_cors(codec)}
        return dict.fromkeys(targets, 1.0) if recipe.dev_labels == "fixed" else None

    def _dev_cors(self, dev_targets: dict[str, float]) -> tuple[CorsInput, ...]:
        return tuple(
            CorsInput(folder=rendition.folder, codec=codec, target=target)
            for codec, target in dev_targets.items()
            for rendition in self.audio.dev_cors(codec)
        )

    def _design(self, codec: str) -> Design:
        """The design aim of a codec: as the experiment states it, else as the catalogue does."""
        return self.experiment.designs.get(codec) or self.catalogue.get(codec).design

    def _balance(self, selection: Selection, policy: PolicyChoice, targets: Sequence[str]) -> Balance | None:
        """How the codecs of `targets` share the utterances, where the selection is balanced and the cell uses it."""
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

    def _banks(self, detector: str) -> dict[str, CorpusFacts]:
        """The corpora that the augmentation of the detector's recipe draws from, by their fields of `CellJob`."""
        return {name: self.audio.banks[name] for name in self.recipes[detector].banks if name in self.audio.banks}

    def _folders(self, chains: Sequence[Chain]) -> tuple[str, ...]:
        """The folders of the renditions of these chains that training uses, one for each chain and corpus."""
        return tuple(self.audio.of(use.facts, chain).folder for chain in chains for use in self.audio.trained_by(chain))

    def _folders_of_split(self, split: str, folders: Sequence[str]) -> tuple[str, ...]:
        """Those of the folders whose corpus is used for this training split (train or dev) alone."""
        corpora = {use.name for use in self.audio.trained if use.training_splits == (split,)}
        return tuple(folder for folder in folders if corpus_of(folder) in corpora)


def _mixing(selection: Selection, policy: PolicyChoice, targets: dict[str, float]) -> Mixing:
    """How CoRS are mixed in; the same for all cells without CoRS, and without a draw where there is one codec."""
    replaces = policy.mixing == "replace"
    return Mixing(
        how=policy.mixing if targets else "append",
        probability=policy.probability if targets and replaces else 1.0,
        draw="one" if len(targets) > 1 and (replaces or selection.draw == "one") else "each",
    )
