"""Owns the partitions of CDD: how many recordings of how many speakers, and which of them each codec resynthesises.

CDD (Xiao et al., ICASSP 2026) is drawn from the bona fide speech of ASVspoof 5. The sizes are those of its Table 2 and
of the release's README (zenodo.org/records/17225924): each generator speaks with 360, 120 and 120 speakers of train,
dev and test, ten texts each. What could be read of both leaves the draw of bona fide speech open in part; CHOICES says
how that is settled here. In dev the choices give the paper's 719 speakers but for one: the 120 of each of four
generators, and half of the 120 of each of four bona fide sets. In test the like gives more than its 907.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grid.core.vocabulary import BONAFIDE
from grid.corpus.protocol import ProtocolRow
from grid.core.errors import RequestError
from grid.core.randomness import generator

CODECS = ("encodec-24khz-6kbps-mars5", "mimi-32cb", "dac-openaudio-s1-mini")
"""The codecs of all partitions: EnCodec, Mimi and DAC."""
TEST_CODECS = ("xcodec2",)
"""Those of test alone."""

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

    With `shared` the recordings themselves are resynthesised through each codec. `spoofed_share` of a set's speakers
    are such as are also spoofed.
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
    """The partitions in the sizes of the paper, through `codecs`, and in test through `test_codecs` too."""
    every = tuple(dict.fromkeys(codecs))
    return (
        Partition("train", 3_600, 3_600, 360, every, shared=True),
        Partition("dev", 1_200, 1_200, 120, every, shared=False),
        Partition("test", 1_200, 1_200, 120, tuple(dict.fromkeys((*codecs, *test_codecs))), shared=False),
    )


@dataclass(frozen=True)
class Drawn:
    """One utterance of a partition: a recording, and the codec it has still to go through ("": it stays as it is)."""

    recording: ProtocolRow
    codec: str

    @property
    def utterance_id(self) -> str:
        """`<recording>~<codec>`, or the recording's own."""
        return f"{self.recording.utterance_id}~{self.codec}" if self.codec else self.recording.utterance_id


def draw(partition: Partition, rows: Iterable[ProtocolRow], spoofed: frozenset[str], seed: int) -> list[Drawn]:
    """The utterances of `partition`, its recordings first and then codec by codec, each sorted by id.

    `rows` are those of its split in any order, of which the bona fide ones are drawn from; `spoofed` are the speakers
    that are also spoofed. A function of the seed and of what is there: generator("build-cdd", seed, split, speaker).
    Raises RequestError when there are too few recordings.
    """
    left = _shuffled(partition.split, rows, seed)
    dealer = _Dealer(partition, left, spoofed)
    recordings = dealer.deal(partition.recordings, "the recordings")
    found = [Drawn(row, "") for row in recordings]
    for codec in partition.codecs:
        fresh = recordings if partition.shared else dealer.deal(partition.resynthesised, codec)
        found += [Drawn(row, codec) for row in fresh[: partition.resynthesised]]
    return found


def _shuffled(split: str, rows: Iterable[ProtocolRow], seed: int) -> dict[str, list[ProtocolRow]]:
    """The recordings of each speaker, speakers and recordings in the order they are drawn in."""
    by_speaker: defaultdict[str, list[ProtocolRow]] = defaultdict(list)
    for row in rows:
        if row.split == split and row.key == BONAFIDE:
            by_speaker[row.speaker].append(row)
    speakers = sorted(by_speaker)
    order = generator("build-cdd", seed, split, "speakers").permutation(len(speakers))
    found = {}
    for index in order:
        speaker = speakers[index]
        own = sorted(by_speaker[speaker], key=lambda row: row.utterance_id)
        shuffle = generator("build-cdd", seed, split, "utterances", speaker).permutation(len(own))
        found[speaker] = [own[i] for i in shuffle]
    return found


@dataclass
class _Dealer:
    """Deals sets of utterances, no utterance twice and no speaker twice while there are others."""

    partition: Partition
    left: Mapping[str, list[ProtocolRow]]
    spoofed: frozenset[str]

    def __post_init__(self) -> None:
        self._sets_of: Counter[str] = Counter()

    def deal(self, size: int, what: str) -> list[ProtocolRow]:
        """`size` utterances, one after the other from each speaker chosen, from all when those have none; sorted."""
        speakers = self._speakers(-(-size // self.partition.speakers))
        self._sets_of.update(speakers)
        taken: list[ProtocolRow] = []
        while len(taken) < size:
            giving = [name for name in speakers if self.left[name]] or [name for name in self.left if self.left[name]]
            if not giving:
                raise RequestError(
                    f"CDD {self.partition.split}: {what} need {size} recordings of ASVspoof 5 that no other set has, "
                    f"and {len(taken)} are left of {len(self.left)} speakers; is its protocol whole?"
                )
            taken += [self.left[name].pop() for name in giving[: size - len(taken)]]
        return sorted(taken, key=lambda row: row.utterance_id)

    def _speakers(self, share: int) -> list[str]:
        """Speakers of one set: those that have a whole share left first, then those that served fewer sets."""
        ranked = sorted(
            (name for name in self.left if self.left[name]),
            key=lambda name: (len(self.left[name]) < share, self._sets_of[name]),
        )
        wanted = self.partition.speakers
        spoofed = [name for name in ranked if name in self.spoofed][: round(wanted * self.partition.spoofed_share)]
        others = [name for name in ranked if name not in self.spoofed][: wanted - len(spoofed)]
        chosen = {*spoofed, *others}
        rest = [name for name in ranked if name not in chosen][: wanted - len(chosen)]
        return [*spoofed, *others, *rest]
