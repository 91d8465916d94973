"""The partitions of CDD: sizes in recordings and speakers, and the draw of the utterances for each codec.

CDD (Xiao et al., ICASSP 2026) is drawn from the bona fide speech of ASVspoof 5. The sizes are those of its Table 2 and
of the release's README (zenodo.org/records/17225924): each generator speaks with 360, 120 and 120 speakers of train,
dev and test, ten texts each. Both sources leave the draw of bona fide speech partly undefined; CHOICES states what is
assumed here. In dev the assumptions give the paper's 719 speakers except for one: the 120 of each of four generators,
and half of the 120 of each of four bona fide sets. In test they give more than its 907.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.core.vocabulary import BONAFIDE
from grid.corpus.protocol import ProtocolRow

CODECS = ("encodec-24khz-6kbps-mars5", "mimi-32cb", "dac-openaudio-s1-mini")
"""The codecs of all partitions: EnCodec, Mimi and DAC."""
TEST_CODECS = ("xcodec2",)
"""The codecs of test only."""

CHOICES = (
    "Only recordings that went through no transmission codec are drawn (in eval, ASVspoof 5 has C01 to C11 besides, "
    "among them EnCodec).",
    "Half of the speakers of each set (the recordings, and each codec's utterances) are speakers that are also "
    "spoofed, half are not, as far as there are such: by the rows of --cdd, else by ASVspoof 5 itself.",
    "A set has 360 speakers in train and 120 in dev and in test, with 10 utterances each where they have as many; "
    "sets of one partition have different speakers as far as there are enough.",
    "Train resynthesises its 3,600 recordings through every codec. Dev and test resynthesise 1,200 utterances for each "
    "codec that are in no other set. For test Table 2 counts 3,600, three codecs' worth, though it tests four: "
    "here each codec has its 1,200.",
)


@dataclass(frozen=True)
class Partition:
    """One split: `recordings` and, for each codec, `resynthesised` utterances, each set of `speakers` speakers.

    With `shared` every codec resynthesises the recordings themselves. `spoofed_share` of the speakers of a set are also
    spoofed.
    """

    split: str
    recordings: int
    resynthesised: int
    speakers: int
    codecs: tuple[str, ...]
    shared: bool
    spoofed_share: float = 0.5


@dataclass(frozen=True)
class Published:
    """A row of Table 2: recordings (R), generated (F) and resynthesised (A) utterances, and speakers of all three."""

    recordings: int
    generated: int
    resynthesised: int
    speakers: int


TABLE_2 = {
    "train": Published(3_600, 14_400, 10_800, 360),
    "dev": Published(1_200, 4_680, 3_600, 719),
    "test": Published(1_200, 7_193, 3_600, 907),
}


def cdd_plan(codecs: Sequence[str] = CODECS, test_codecs: Sequence[str] = TEST_CODECS) -> tuple[Partition, ...]:
    """The partitions in the sizes of the paper, for `codecs`, and in test also for `test_codecs`."""
    common = tuple(dict.fromkeys(codecs))
    return (
        Partition("train", 3_600, 3_600, 360, common, shared=True),
        Partition("dev", 1_200, 1_200, 120, common, shared=False),
        Partition("test", 1_200, 1_200, 120, tuple(dict.fromkeys((*codecs, *test_codecs))), shared=False),
    )


@dataclass(frozen=True)
class Drawn:
    """One utterance of a partition: a recording, and the codec that has still to be applied to it, "" for none."""

    recording: ProtocolRow
    codec: str

    @property
    def utterance_id(self) -> str:
        """`<recording>~<codec>`, or the recording's own."""
        return f"{self.recording.utterance_id}~{self.codec}" if self.codec else self.recording.utterance_id


def draw(partition: Partition, rows: Iterable[ProtocolRow], spoofed: frozenset[str], seed: int) -> list[Drawn]:
    """The utterances of `partition`, its recordings first and then codec by codec, each sorted by id.

    Bona fide rows of its split are drawn from `rows`, whose order does not matter; `spoofed` are the speakers that are
    also spoofed. The draw is a function of the seed and the rows, with generator("build-cdd", seed, split, ...).
    Raises RequestError for too few recordings.
    """
    dealer = _Dealer(partition, _shuffled(partition.split, rows, seed), spoofed)
    recordings = dealer.deal(partition.recordings, "the recordings")
    drawn = [Drawn(row, "") for row in recordings]
    for codec in partition.codecs:
        sources = recordings if partition.shared else dealer.deal(partition.resynthesised, codec)
        drawn += [Drawn(row, codec) for row in sources[: partition.resynthesised]]
    return drawn


def _shuffled(split: str, rows: Iterable[ProtocolRow], seed: int) -> dict[str, list[ProtocolRow]]:
    """The recordings of each speaker, with speakers and recordings in random order."""
    by_speaker: defaultdict[str, list[ProtocolRow]] = defaultdict(list)
    for row in rows:
        if row.split == split and row.key == BONAFIDE:
            by_speaker[row.speaker].append(row)
    speakers = sorted(by_speaker)
    order = generator("build-cdd", seed, split, "speakers").permutation(len(speakers))
    shuffled = {}
    for index in order:
        speaker = speakers[index]
        own = sorted(by_speaker[speaker], key=lambda row: row.utterance_id)
        positions = generator("build-cdd", seed, split, "utterances", speaker).permutation(len(own))
        shuffled[speaker] = [own[i] for i in positions]
    return shuffled


@dataclass
class _Dealer:
    """Deals disjoint sets of utterances; a speaker is in a second set only when no others are left.

    `left` has the recordings of each speaker that are not dealt yet.
    """

    partition: Partition
    left: Mapping[str, list[ProtocolRow]]
    spoofed: frozenset[str]

    def __post_init__(self) -> None:
        self._sets_of: Counter[str] = Counter()

    def deal(self, size: int, label: str) -> list[ProtocolRow]:
        """`size` utterances sorted by id, in turn from each chosen speaker, and from all once these have none left."""
        speakers = self._speakers(-(-size // self.partition.speakers))
        self._sets_of.update(speakers)
        taken: list[ProtocolRow] = []
        while len(taken) < size:
            sources = [name for name in speakers if self.left[name]] or [name for name in self.left if self.left[name]]
            if not sources:
                raise RequestError(
                    f"CDD {self.partition.split}: {label} need {size} recordings of ASVspoof 5 that no other set has, "
                    f"and {len(taken)} are left of {len(self.left)} speakers; is its protocol whole?"
                )
            taken += [self.left[name].pop() for name in sources[: size - len(taken)]]
        return sorted(taken, key=lambda row: row.utterance_id)

    def _speakers(self, share: int) -> list[str]:
        """The speakers of one set: first those with `share` recordings left, then those in fewer sets so far."""
        ranked = sorted(
            (name for name in self.left if self.left[name]),
            key=lambda name: (len(self.left[name]) < share, self._sets_of[name]),
        )
        count = self.partition.speakers
        spoofed = [name for name in ranked if name in self.spoofed][: round(count * self.partition.spoofed_share)]
        others = [name for name in ranked if name not in self.spoofed][: count - len(spoofed)]
        chosen = {*spoofed, *others}
        rest = [name for name in ranked if name not in chosen][: count - len(chosen)]
        return [*spoofed, *others, *rest]
