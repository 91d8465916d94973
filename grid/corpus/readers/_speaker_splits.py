"""Owns the division of VCTK by speaker that CodecFake made and CodecFake+ kept: p226, p229 dev; p227, p228 test."""

from __future__ import annotations

from collections.abc import Sequence

from grid.corpus.reader_options import listed
from grid.corpus.readers.vctk import DEV_SPEAKERS, TEST_SPEAKERS
from grid.errors import RequestError

Speakers = str | Sequence[str]
"""Names of speakers: a list in an experiment file, `p226,p229` on the command line."""


def speaker_splits(dev: Speakers = DEV_SPEAKERS, test: Speakers = TEST_SPEAKERS) -> dict[str, str]:
    """speaker -> dev or test; whoever is not there is train. RequestError for a speaker in both."""
    dev, test = listed(dev), listed(test)
    both = sorted(set(dev) & set(test))
    if both:
        raise RequestError(f"speakers {', '.join(both)} are in both dev and test")
    return dict.fromkeys(dev, "dev") | dict.fromkeys(test, "test")
