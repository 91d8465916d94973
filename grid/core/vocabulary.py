"""The closed word lists of the project: keys, splits, roles, taxonomy, mixing modes, states.

Files, identities and tables use exactly these words. A list whose words appear in experiment or recipe files is
a `Literal`, so that pydantic names the choices; a word that code compares with also has a constant.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

SAMPLE_RATE = 16_000
"""The sampling rate of all audio inside the project, in Hz."""

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

OWN_ATTACKS = "own"
"""The attack that stands for a corpus's own spoofed utterances, which a codec then decodes."""
Control: TypeAlias = Literal["silence-cut", "low-pass-4khz", "equal-level"]
"""What takes a shortcut away from the utterances of a test (grid/resynthesis/controls.py)."""
CONTROLS: tuple[Control, ...] = ("silence-cut", "low-pass-4khz", "equal-level")
NO_CORS = "none"
"""The label of the policy that leaves CoRS out of training: the baseline that the other policies are compared with."""
NO_SELECTION = "none"
"""The selection of a cell without CoRS: a baseline that all selections share."""
MixingMode: TypeAlias = Literal["append", "replace"]
"""CoRS are training items of their own, or replace bona fide items."""
Draw: TypeAlias = Literal["each", "one"]
"""With several codecs every utterance goes through each of them, or through one that is drawn in every epoch."""

CodingRate: TypeAlias = Literal["native", "16 kHz"]
"""What a codec of more than 16 kHz gets: a recording resampled from its file's own rate, or from 16 kHz."""
NATIVE: CodingRate = "native"

ModelSelection: TypeAlias = Literal["best dev EER", "last", "average of improvements", "average of the best"]
"""The weights a training keeps: those of the epoch with the lowest dev EER, of the last epoch, a mean of the epochs
that lowered the dev EER, or a mean of the epochs with the lowest dev EERs."""
LAST: ModelSelection = "last"
AVERAGE_OF_IMPROVEMENTS: ModelSelection = "average of improvements"
AVERAGE_OF_THE_BEST: ModelSelection = "average of the best"

Status: TypeAlias = Literal["done", "failed", "running", "missing"]
"""The state of a cell."""

Breakdown: TypeAlias = Literal["codec", "bonafide-codec", "spoof-codec", "attack", "system", "qua", "aux", "dec"]
"""What the trials of an evaluation can be split by; `grid.experiment.breakdowns` says what each gives and needs."""
POOLED = "pooled"
"""The condition that holds all trials of an evaluation."""
