"""Published counts of a corpus, from papers and releases, and their comparison with an imported manifest.

The counts are in published_counts.yaml. To add a corpus, add a set to its list:

    - reader: my-corpus
      files: [labels.txt]              # optional: only if PATH has such a name or is a folder with such a file
      folder: false                    # optional: only if PATH is the file itself
      options: {part: [null, train]}   # optional: only if the option has one of these values (null: not given)
      stated_in: Author (year), Table II
      counts:
        - {split: train, key: spoof, utterances: 22800, speakers: 20}

A count is over all utterances with the values it states among split, key, role, attack, codec, source, qua, aux, dec;
an attack may be in upper or lower case.
`role` (raw, cors, attack, cosg) separates what papers call bona fide and spoof where resynthesised speech is involved.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from grid.codecs.taxonomy import place_of
from grid.config.yaml_file import load_yaml
from grid.core.vocabulary import Auxiliary, Decoder, Key, Quantiser, Role, Split
from grid.corpus.holdings import role_of
from grid.corpus.readers import READERS

FILE = Path(__file__).resolve().parent / "published_counts.yaml"


class PublishedCount(BaseModel):
    """The published numbers of utterances and speakers with the values stated here; None is any value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Split | None = None
    key: Key | None = None
    role: Role | None = None
    attack: str | None = None
    codec: str | None = None
    source: str | None = None
    qua: Quantiser | None = None
    aux: Auxiliary | None = None
    dec: Decoder | None = None
    utterances: int | None = None
    speakers: int | None = None

    def of(self) -> dict[str, str]:
        """The values stated, such as {"split": "train", "key": "spoof"}; empty for the whole corpus."""
        return self.model_dump(exclude={"utterances", "speakers"}, exclude_none=True)

    @model_validator(mode="after")
    def _has_a_number(self) -> PublishedCount:
        if self.utterances is None and self.speakers is None:
            raise ValueError("a count has utterances, speakers or both")
        return self


class PublishedSet(BaseModel):
    """The counts of one source, and the imports that they apply to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: str
    files: tuple[str, ...] = ()
    folder: bool = True
    options: Mapping[str, Any] = Field(default_factory=dict)
    stated_in: str
    counts: tuple[PublishedCount, ...]

    def is_about(self, path: Path, options: Mapping[str, Any]) -> bool:
        """Whether the counts apply to an import of `path` with these options, defaults included."""
        if path.is_dir() and not self.folder:
            return False
        names = [child.name for child in path.iterdir()] if path.is_dir() else [path.name]
        fits = not self.files or any(fnmatchcase(name, pattern) for name in names for pattern in self.files)
        return fits and all(_allowed(options.get(name), values) for name, values in self.options.items())


@dataclass(frozen=True)
class Comparison:
    """A published count and that of the manifest; a published number is None where the source states none."""

    of: dict[str, str]
    utterances: int
    published_utterances: int | None
    speakers: int
    published_speakers: int | None
    stated_in: str

    @property
    def differs(self) -> bool:
        """Whether a published number differs from that of the manifest."""
        pairs = ((self.utterances, self.published_utterances), (self.speakers, self.published_speakers))
        return any(published is not None and counted != published for counted, published in pairs)


def published_counts(reader: str, path: Path, options: Mapping[str, Any]) -> list[PublishedSet]:
    """The sets that apply to an import of `path` by `reader` with `options`; often none."""
    sets = [item for item in load_published_counts() if item.reader == reader]
    if not sets:
        return []
    parameters = inspect.signature(READERS.get(reader)).parameters.values()
    effective = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY} | dict(options)
    return [item for item in sets if item.is_about(path, effective)]


def compare(manifest: pa.Table, published: Iterable[PublishedSet]) -> list[Comparison]:
    """Each published count and that of `manifest`, in the order of the sets; unnamed speakers are not counted."""
    kinds = list(_kinds(manifest))
    return [_compared(kinds, count, item.stated_in) for item in published for count in item.counts]


@dataclass
class _Kind:
    """The utterances with the same values (`facts`) of everything that a count may state."""

    facts: dict[str, str]
    utterances: int = 0
    speakers: set[str] = field(default_factory=set)


def _kinds(manifest: pa.Table) -> Iterator[_Kind]:
    columns = ["split", "key", "attack", "codec", "source"]
    groups = manifest.group_by([*columns, "speaker"]).aggregate([("utterance_id", "count")])
    kinds: dict[tuple[str, ...], _Kind] = {}
    for row in groups.to_pylist():
        values = tuple(row[name] for name in columns)
        kind = kinds.setdefault(values, _Kind(dict(zip(columns, values, strict=True))))
        kind.utterances += row["utterance_id_count"]
        kind.speakers |= {row["speaker"]} - {""}
    for kind in kinds.values():
        kind.facts["role"] = role_of(kind.facts["key"], kind.facts["attack"], kind.facts["codec"])
        place = place_of(kind.facts["codec"])
        if place is not None:
            kind.facts |= {"qua": place.qua, "aux": place.aux, "dec": place.dec}
        yield kind


def _compared(kinds: list[_Kind], count: PublishedCount, stated_in: str) -> Comparison:
    conditions = count.of()
    sought = _any_case(conditions)
    matching = [kind for kind in kinds if sought.items() <= _any_case(kind.facts).items()]
    return Comparison(
        of=conditions,
        utterances=sum(kind.utterances for kind in matching),
        published_utterances=count.utterances,
        speakers=len(set().union(*(kind.speakers for kind in matching))),
        published_speakers=count.speakers,
        stated_in=stated_in,
    )


def _any_case(facts: Mapping[str, str]) -> dict[str, str]:
    """`facts` with the attack in lower case: readers keep that of the release, which may differ from the paper's."""
    return {name: value.lower() if name == "attack" else value for name, value in facts.items()}


def _allowed(value: Any, values: Any) -> bool:
    choices = values if isinstance(values, list) else [values]
    return any(value is choice or str(value) == str(choice) for choice in choices)


@lru_cache(maxsize=1)
def load_published_counts() -> tuple[PublishedSet, ...]:
    """All sets of published_counts.yaml, in the order of the file."""
    return tuple(PublishedSet.model_validate(item) for item in load_yaml(FILE))
