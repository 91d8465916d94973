"""Finds the sample corpus that lies inside the package: synthetic speech, for trying the path without any download."""

from __future__ import annotations

from pathlib import Path


def sample_root() -> Path:
    """The folder of the sample; the paths of its protocol are relative to it.

    What lies there is synthetic speech used as if it were bona fide: numbers made with it say nothing about human
    speech. `README.md` in the folder names the voices, the programs and their licences.
    """
    return Path(__file__).with_name("sample")


def sample_protocol() -> Path:
    """The protocol of the sample: utterance_id, path, speaker, source, split, key, seconds, sha256."""
    return sample_root() / "protocol.csv"
