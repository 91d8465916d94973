"""Reads the protocol files of CodecFake+ (Chen et al., 2025): CoRS of 31 codecs and CoSG of 17 generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grid.codecs.taxonomy import parse_place, place_of
from grid.core.errors import RequestError
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.codec_tags import REFUSE, check_unknown_codecs, codec_of, tags_of
from grid.corpus.protocol import Corpus, ProtocolRow, parse_key
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.codecfake_plus_files import Fields, ProtocolFile, lines, protocol_files
from grid.corpus.readers.shared.codecfake_rows import Speakers, layout_of, speaker_splits
from grid.corpus.readers.vctk import DEV_SPEAKERS, TEST_SPEAKERS

SOURCE = "codecfake-plus"
CORS_FOLDER, COSG_FOLDER = "all_data_16k", "SLMdemos_16k"
CORS_FIELDS = ("file", "stem", "speaker", "codec")
COSG_FIELDS = ("file", "stem", "model")

DISJOINT_SPEAKERS = "CodecFake+ (arXiv 2501.08238, section V-B1)"
"""The source of the promise that no speaker of CoRS is in two splits."""

_SUFFIXES = (".wav", ".flac")


@READERS.register("codecfake-plus")
def rows(
    path: Path,
    *,
    kind: str | None = None,
    root: str | None = None,
    layout: str | None = None,
    dev: Speakers = DEV_SPEAKERS,
    test: Speakers = TEST_SPEAKERS,
    unknown_codecs: str = REFUSE,
) -> Corpus:
    """The rows of one protocol file, or of the train, dev and test files of one balanced set in the folder `path`.

    The kind of a file follows from its name, else from its fields, or is `kind` (see
    grid/corpus/readers/shared/codecfake_plus_files.py). Resynthesised speech (CoRS), which the files label spoof, is
    stored with key bonafide, the catalogue's name of its codec, no attack, and its recording as origin if the files
    list it; its label in training is set by the policy. Generated speech (CoSG) has key spoof, the model in lower case
    as attack, and as codec the catalogue's name where it is certain, else its place in the taxonomy, such as
    `mvq-none-freq`; its recordings are bona fide. The source of CoSG is `codecfake-plus/MODEL`, also for recordings,
    and its split is test.

    `root` is the folder of the audio (default: that of the protocol). `layout` is the path of a file in it: for CoRS
    from file, stem, speaker and codec (default `all_data_16k/{file}` if the root has that folder, else `{file}`), for
    CoSG from file, stem and model (default `SLMdemos_16k/{model}/{file}` or `{model}/{file}`). `dev` and `test` are
    speakers, for files whose name has no split. Raises RequestError, with the line, for an unknown tag (unless
    `unknown_codecs=keep`, which uses it as a name), for a label that contradicts the file name and for a wrong line.
    """
    if not path.exists():
        raise RequestError(f"{path}: there is nothing; expected a protocol file of CodecFake+, or their folder")
    files = protocol_files(path, kind)
    check_unknown_codecs(unknown_codecs)
    audio = Path(root) if root else path if path.is_dir() else path.parent
    if files[0].kind.cosg:
        prefix = f"{COSG_FOLDER}/" if (audio / COSG_FOLDER).is_dir() else ""
        place = layout_of(layout or f"{prefix}{{model}}/{{file}}", COSG_FIELDS)
        return Corpus(audio, _Cosg(files[0], place, unknown_codecs).rows(), path)
    prefix = f"{CORS_FOLDER}/" if (audio / CORS_FOLDER).is_dir() else ""
    place = layout_of(layout or f"{prefix}{{file}}", CORS_FIELDS)
    return Corpus(audio, _Cors(files, place, speaker_splits(dev, test), unknown_codecs).rows(), path, DISJOINT_SPEAKERS)


@dataclass(frozen=True)
class _Cors:
    files: Sequence[ProtocolFile]
    place: Callable[..., str]
    splits: Mapping[str, str]
    unknown_codecs: str

    def rows(self) -> Iterator[ProtocolRow]:
        # read twice, as a recording may come after the utterances made from it
        recordings = {stem for file in self.files for _, fields in _checked(file) if (stem := _recording(fields))}
        for file in self.files:
            for number, fields in _checked(file):
                yield self._row(file, number, fields, recordings)

    def _row(self, file: ProtocolFile, number: int, fields: Fields, recordings: set[str]) -> ProtocolRow:
        speaker, where = fields[0], f"{file.path}:{number}"
        name, stem = _file_and_stem(fields[1])
        if not stem.startswith(f"{speaker}_"):
            raise RequestError(f"{where}: {name!r} does not begin with its speaker {speaker!r}")
        take, _, tag = stem[len(speaker) + 1 :].partition("_")
        if (parse_key(fields[-1], where) == BONAFIDE) == bool(tag):
            coding = f"the codec {tag!r}" if tag else "no codec"
            raise RequestError(f"{where}: {name!r} names {coding}, but its label is {fields[-1]!r}")
        recording = f"{speaker}_{take}"
        return ProtocolRow(
            utterance_id=stem,
            path=self.place(file=name, stem=stem, speaker=speaker, codec=tag),
            speaker=speaker,
            split=file.split or self.splits.get(speaker, "train"),
            key=BONAFIDE,
            codec=codec_of(tag, SOURCE, where, self.unknown_codecs) if tag else "",
            origin=recording if tag and recording in recordings else "",
            source=SOURCE,
            line=number,
        )


@dataclass(frozen=True)
class _Cosg:
    file: ProtocolFile
    place: Callable[..., str]
    unknown_codecs: str

    def rows(self) -> Iterator[ProtocolRow]:
        for number, fields in _checked(self.file):
            where = f"{self.file.path}:{number}"
            model, generated = fields[0], parse_key(fields[-1], where) == SPOOF
            name, stem = _file_and_stem(fields[1])
            yield ProtocolRow(
                utterance_id=f"{model}/{stem}",  # some clips of different models share their name
                path=self.place(file=name, stem=stem, model=model),
                split="test",
                key=SPOOF if generated else BONAFIDE,
                attack=model.lower() if generated else "",
                codec=self._codec(model.lower(), fields, where) if generated else "",
                source=f"{SOURCE}/{model.lower()}",
                line=number,
            )

    def _codec(self, model: str, fields: Fields, where: str) -> str:
        """The codec of the model by codec_tags.yaml, or the place that the line states where the two differ."""
        if self.file.kind.name != "cosg":
            return codec_of(model, "cosg", where, self.unknown_codecs)
        stated = parse_place(fields[2], fields[3], fields[4], where)
        codec = tags_of("cosg").get(model, "")
        return codec if place_of(codec) == stated else stated.name


def _checked(file: ProtocolFile) -> Iterator[tuple[int, Fields]]:
    """The lines of `file`; RequestError for a number of fields that its kind does not have."""
    allowed = file.kind.fields
    for number, fields in lines(file.path):
        if len(fields) not in allowed:
            expected = " or ".join(map(str, allowed))
            raise RequestError(
                f"{file.path}:{number}: {len(fields)} fields; a line of {file.kind.name} has {expected}. "
                "If the file is of another kind, give the option kind."
            )
        yield number, fields


def _recording(fields: Fields) -> str:
    """The stem of a CoRS line without a codec, which is a recording; "" for other lines."""
    stem = _file_and_stem(fields[1])[1]
    return "" if "_" in stem[len(fields[0]) + 1 :] else stem


def _file_and_stem(name: str) -> tuple[str, str]:
    """File name and stem; only CoRS_labels.txt has suffixes, and codec tags may have dots (0.35kbps)."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name, name.removesuffix(suffix)
    return f"{name}{_SUFFIXES[0]}", name
