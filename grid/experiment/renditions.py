"""The renditions of an experiment's corpora that its cells train on, augment with and score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from grid.attacks import build_attack
from grid.codecs.catalogue import Catalogue
from grid.codecs.catalogue import identity as codec_identity
from grid.config.experiment import AttackSource, Experiment, Selection
from grid.core.identity import Json
from grid.core.vocabulary import NATIVE, NO_CORS, OWN_ATTACKS
from grid.corpus.holdings import CorpusFacts
from grid.experiment.corpus_use import CorpusUse
from grid.experiment.tested_chains import controlled_chains, encoding_chains, evaluated_chains
from grid.resynthesis.rendition import RAW, Chain, Rendition


@dataclass(frozen=True)
class ExperimentRenditions:
    """Every rendition that an experiment can use.

    `uses` are its corpora; `banks` those that augmentation draws from, by their fields of `CellJob`.
    """

    experiment: Experiment
    catalogue: Catalogue
    uses: tuple[CorpusUse, ...]
    banks: dict[str, CorpusFacts]

    def of(self, corpus: CorpusFacts, chain: Chain) -> Rendition:
        """The rendition of a corpus by a chain; the same object for every cell."""
        before = self._by_corpus_and_chain[corpus.name, replace(chain, control="")]
        return replace(before, chain=chain) if chain.control else before

    @cached_property
    def _by_corpus_and_chain(self) -> dict[tuple[str, Chain], Rendition]:
        codecs = ["", *self.codec_identities]
        pairs = [(attack, codec) for attack in ["", *self.attack_identities] for codec in codecs]
        chains = [Chain(attack=attack, codec=codec) for attack, codec in pairs if attack != OWN_ATTACKS or codec]
        own = {use.name for use in self.uses if use.own_cors}
        through = {use.name: use.source.through for use in self.uses}
        corpora = [*(use.facts for use in self.uses), *self.banks.values()]
        return {
            (corpus.name, chain): Rendition(
                corpus=corpus,
                chain=chain,
                attack=self.attack_identities[chain.attack] if chain.attack else None,
                codec=self.codec_identities[chain.codec] if chain.codec else None,
                seed=self.experiment.codec_seed,
                own_cors=corpus.name in own,
                through=through.get(corpus.name, NATIVE),
            )
            for corpus in corpora
            for chain in chains
        }

    @cached_property
    def attack_identities(self) -> dict[str, dict[str, Json]]:
        """What can change the output of each attack; of the corpora's own it is the corpora, which are named apart."""
        names = [source.name for source in self.experiment.attacks]
        names += [OWN_ATTACKS] if self.experiment.encoding_shortcut is not None else []
        return {
            name: {"name": OWN_ATTACKS} if name == OWN_ATTACKS else dict(build_attack(name).identity())
            for name in names
        }

    @cached_property
    def codec_identities(self) -> dict[str, dict[str, Any]]:
        names = self.experiment.codec_names()
        return {name: dict(codec_identity(self.catalogue.get(name))) for name in names}

    @cached_property
    def trained(self) -> tuple[CorpusUse, ...]:
        """The corpora that training uses."""
        return tuple(use for use in self.uses if use.training_splits)

    def trained_by(self, chain: Chain) -> tuple[CorpusUse, ...]:
        """The corpora whose rendition by a chain training uses: for CoRS, and for own attacks, those that have any."""
        if chain.of_own_attacks:
            return tuple(use for use in self.trained if use.facts.has_attacks(use.training_splits))
        is_cors = bool(chain.codec) and not chain.attack
        return tuple(use for use in self.trained if use.with_cors or not is_cors)

    @cached_property
    def selected_codecs(self) -> tuple[str, ...]:
        """The codecs of all selections, once each."""
        selections = self.experiment.grid.selections
        return tuple(dict.fromkeys(codec for selection in selections for codec in selection.codecs))

    def dev_cors(self, codec: str) -> tuple[Rendition, ...]:
        """The CoRS of a codec, one for each corpus that dev uses and that has any."""
        chain = Chain(codec=codec)
        return tuple(self.of(use.facts, chain) for use in self.trained_by(chain) if "dev" in use.training_splits)

    @cached_property
    def trained_attacks(self) -> tuple[AttackSource, ...]:
        return tuple(source for source in self.experiment.attacks if source.trained)

    def attack_chains(self, selection: Selection) -> list[Chain]:
        """The stand-in attacks that the trainings of a selection use."""
        chains: list[Chain] = []
        for source in self.trained_attacks:
            if source.through == "nothing":
                chains.append(Chain(attack=source.name))
            chains += [Chain(attack=source.name, codec=codec) for codec in source.codecs(selection.codecs)]
        return chains

    @cached_property
    def scored(self) -> tuple[Rendition, ...]:
        """The renditions that the evaluations test on: the same for every cell, so that cells can be compared."""
        evaluations = self.experiment.evaluations.values()
        return self._tested(lambda use: evaluated_chains(self.experiment, use, evaluations))

    @cached_property
    def probed(self) -> tuple[Rendition, ...]:
        """The further renditions that the shortcut conditions test on."""
        wanted = self._tested(
            lambda use: [*encoding_chains(self.experiment, use), *controlled_chains(self.experiment, use)]
        )
        return tuple(rendition for rendition in wanted if rendition not in self.scored)

    def _tested(self, chains_of: Callable[[CorpusUse], list[Chain]]) -> tuple[Rendition, ...]:
        """The renditions of the corpora that are tested, by their chains, in the order of the chains."""
        tested = [(use, chains_of(use)) for use in self.uses if use.tested]
        chains = dict.fromkeys(chain for _, of_use in tested for chain in of_use)
        return tuple(self.of(use.facts, chain) for chain in chains for use, of_use in tested if chain in of_use)

    def needed(self, banks: list[str], *, all_cors_in_dev: bool = False) -> tuple[Rendition, ...]:
        """The renditions that the cells train on, score, and augment with from `banks`; parents before children.

        `all_cors_in_dev`: the dev of some cell holds the CoRS of every codec, whatever its policy.
        """
        needed: dict[str, Rendition] = {}
        drawn_from = [self.of(self.banks[bank], RAW) for bank in banks]
        for rendition in [*self._trained_or_scored(all_cors_in_dev), *drawn_from]:
            for link in _ancestry(rendition):
                needed.setdefault(link.folder, link)
        return tuple(needed.values())

    def _trained_or_scored(self, all_cors_in_dev: bool) -> Iterator[Rendition]:
        selections, policies = self.experiment.grid.selections, self.experiment.grid.policies
        chains = [RAW, *(chain for selection in selections for chain in self.attack_chains(selection))]
        if any(policy.label != NO_CORS for policy in policies):
            chains += [Chain(codec=codec) for selection in selections for codec in selection.codecs]
        yield from (self.of(use.facts, chain) for chain in chains for use in self.trained_by(chain))
        if all_cors_in_dev:
            yield from (rendition for codec in self.selected_codecs for rendition in self.dev_cors(codec))
        yield from self.scored
        yield from self.probed


def _ancestry(rendition: Rendition) -> list[Rendition]:
    """The rendition preceded by all renditions it is made from."""
    return [*_ancestry(rendition.parent), rendition] if rendition.parent is not None else [rendition]
