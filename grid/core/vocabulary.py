"""The closed word lists of the project, each in one place. Files, identities and tables use exactly these words.

A word list that a user can write in an experiment or recipe file is a `Literal`, so that pydantic names the choices;
its parts have a constant of their own where code compares with them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

SAMPLE_RATE = 16_000
"""The rate of all audio inside the project, Hz."""

Key: TypeAlias = Literal["bonafide", "spoof"]
"""The class of an utterance, as its corpus publishes it. Bona fide is 1, and a higher score is more bona fide."""
BONAFIDE: Key = "bonafide"
SPOOF: Key = "spoof"
KEYS: tuple[Key, ...] = (BONAFIDE, SPOOF)

Split: TypeAlias = Literal["train", "dev", "test"]
"""The part of a corpus that an utterance belongs to."""
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

Role: TypeAlias = Literal["raw", "cors", "attack", "cosg"]
"""What an utterance is in the study: a recording, codec-resynthesised speech, an attack, codec-based generation."""

Quantiser: TypeAlias = Literal["Mvq", "Svq", "Scq"]
"""QUA: several vector codebooks, a single one, or scalar quantisation (CodecFake+, Table III)."""
Auxiliary: TypeAlias = Literal["Sem", "Disent", "None"]
"""AUX: semantic distillation, disentanglement, or the paper's label "None"; null is "no place in the taxonomy"."""
Decoder: TypeAlias = Literal["Time", "Freq"]
"""DEC: the decoder makes samples, or spectra that an inverse transform turns into samples."""
Axis: TypeAlias = Literal["qua", "aux", "dec"]
"""An axis of the taxonomy of CodecFake+."""
AXES: tuple[Axis, ...] = ("qua", "aux", "dec")

Design: TypeAlias = Literal["compression", "synthesis", "both"]
"""What a codec is made for; the policy `by-design` labels by it."""
Group: TypeAlias = Literal["neural", "transmission"]
"""Neural codecs have a place in the taxonomy; telephone and streaming codecs have none."""

NO_CORS = "none"
"""The label of the policy that leaves CoRS out of training: the baseline that the other policies are compared with."""
NO_SELECTION = "none"
"""The selection of a cell that no codec feeds: a baseline that all selections share."""
MixingMode: TypeAlias = Literal["append", "replace"]
"""CoRS are items of their own, or stand in the place of bona fide ones."""
Draw: TypeAlias = Literal["each", "one"]
"""With several codecs every utterance goes through each of them, or through one drawn anew in every epoch."""

ModelSelection: TypeAlias = Literal["best dev EER", "last", "average of improvements"]
"""Whose weights a training keeps: of the epoch with the lowest dev EER, the last one, or a mean of the improvements."""
LAST: ModelSelection = "last"
AVERAGE_OF_IMPROVEMENTS: ModelSelection = "average of improvements"

Status: TypeAlias = Literal["done", "failed", "running", "missing"]
"""How far a cell is."""

Breakdown: TypeAlias = Literal["codec", "bonafide-codec", "spoof-codec", "attack", "system", "qua", "aux", "dec"]
"""What the trials of an evaluation can be split by; `grid.experiment.breakdowns` says what each gives and needs."""
POOLED = "pooled"
"""The condition that holds all trials of an evaluation."""
