"""The audio files of an imported corpus: from the packed copy in the store, else in place on a disk or a bucket."""

from __future__ import annotations

import hashlib

from grid.core.errors import RequestError, one_line
from grid.core.record import read_record
from grid.core.store import Store
from grid.corpus.audio import (
    MISSING,
    UNREADABLE,
    AudioFile,
    ChangedFileError,
    UnusableAudioError,
    read_at_own_rate,
    read_audio,
)
from grid.corpus.location import content_in_place
from grid.corpus.packed import PackedRecordings, packed_folder


class Recordings:
    """Reads the files of the corpus that was imported to `folder` of the store, by their paths in its manifest.

    Its methods raise UnusableAudioError for a file that is missing or cannot be decoded, and ChangedFileError for one
    that is not as it was imported.
    """

    def __init__(self, store: Store, folder: str, audio_root: str) -> None:
        """`audio_root` is the folder that the paths are relative to, where the corpus is not packed."""
        record = read_record(store, packed_folder(folder))
        self.packed = PackedRecordings(store, folder, record) if record is not None else None
        self.audio_root = audio_root

    def read(self, path: str, sha256: str) -> AudioFile:
        """The file, mono at 16 kHz; its digest is compared."""
        return read_audio(self.name(path), content=self._content(path, sha256))

    def read_at_own_rate(self, path: str, sha256: str) -> AudioFile:
        """The file, mono at its own rate; its digest is compared."""
        return read_at_own_rate(self.name(path), content=self._content(path, sha256))

    def name(self, path: str) -> str:
        """What messages call the file."""
        return f"{self.audio_root if self.packed is None else self.packed.uri}/{path}"

    def _content(self, path: str, sha256: str) -> bytes:
        if self.packed is None:
            content = content_in_place(self.audio_root, path)
        else:
            content = self._packed_content(self.packed, path, sha256)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ChangedFileError(self.name(path))
        return content

    def _packed_content(self, packed: PackedRecordings, path: str, sha256: str) -> bytes:
        try:
            content = packed.content(path)
            if hashlib.sha256(content).hexdigest() != sha256 and packed.forget(path):
                content = packed.content(path)  # only the copy of this machine may have been damaged
        except FileNotFoundError as error:
            raise UnusableAudioError(self.name(path), MISSING, one_line(error, kind=False)) from error
        except OSError as error:
            raise UnusableAudioError(self.name(path), UNREADABLE, one_line(error)) from error
        return content


def unreadable(store: Store, folder: str, audio_root: str) -> str:
    """Why this machine cannot read the corpus that was imported to `folder`, "" where it can.

    A packed corpus can be read where the store can; of one in place the shortest and the longest file are read.
    """
    import pyarrow.parquet as pq

    try:
        recordings = Recordings(store, folder, audio_root)
        if recordings.packed is not None:
            return ""
        rows = pq.read_table(store.local(f"{folder}/manifest.parquet"), columns=["path", "seconds"]).sort_by("seconds")
        for path in dict.fromkeys(rows["path"].take([0, rows.num_rows - 1]).to_pylist()):
            content_in_place(audio_root, path)
    except (RequestError, OSError) as error:
        return one_line(error, kind=False, first=True)
    return ""
