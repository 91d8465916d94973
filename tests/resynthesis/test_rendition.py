"""Rendition ids: they change with everything that can change a sample, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from grid.attacks import build_attack
from grid.codecs.catalogue import identity as codec_identity
from grid.codecs.catalogue import load_catalogue
from grid.corpus.holdings import CorpusFacts
from grid.resynthesis.rendition import RAW, Chain, Rendition

CORPUS = CorpusFacts("speech", "0123456789abcdef")
CODEC: dict[str, Any] = dict(codec_identity(load_catalogue().get("opus-6kbps")))
ATTACK: dict[str, Any] = dict(build_attack("world").identity())
COSG = Rendition(CORPUS, Chain("world", "opus-6kbps"), ATTACK, CODEC, seed=0)


def test_id_changes_with_everything_that_changes_samples() -> None:
    arguments = {**CODEC["arguments"], "compression_level": 0.5}
    others = [
        COSG,
        replace(COSG, attack={**ATTACK, "revision": ATTACK["revision"] + 1}),
        replace(COSG, codec={**CODEC, "arguments": arguments}),
        replace(COSG, codec={**CODEC, "revision": CODEC["revision"] + 1}),
        replace(COSG, codec={**CODEC, "weights": [{"path": "w", "source": "s", "sha256": "0" * 64}]}),
        replace(COSG, seed=1),
        replace(COSG, corpus=CorpusFacts("speech", "fedcba9876543210")),
        replace(COSG, chain=Chain("", "opus-6kbps"), attack=None),
    ]
    assert len({rendition.id for rendition in others}) == len(others)


def test_id_does_not_know_the_name_of_the_corpus() -> None:
    assert replace(COSG, corpus=CorpusFacts("other", CORPUS.manifest_digest)).id == COSG.id


def test_identity_names_no_path_host_or_number_of_workers() -> None:
    assert set(COSG.identity()) == {"revision", "corpus", "attack", "codec", "seed"}


def test_recordings_do_not_depend_on_the_seed() -> None:
    raw = Rendition(CORPUS, RAW, None, None, seed=0)
    assert raw.id == replace(raw, seed=7).id


def test_folder_has_a_name_for_people_and_the_id() -> None:
    assert COSG.folder == f"audio/speech/world~opus-6kbps-{COSG.id[:12]}"
    assert replace(COSG, chain=RAW, attack=None, codec=None).folder.startswith("audio/speech/raw-")


def test_parents_lead_back_to_the_recordings() -> None:
    chain = Chain("world", "opus-6kbps")
    assert chain.parent == Chain("world")
    assert Chain("", "opus-6kbps").parent == RAW
    assert Chain("world").parent == RAW
    assert RAW.parent is None
