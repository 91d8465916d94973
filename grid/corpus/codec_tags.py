"""The codec tags of the corpora, mapped to names of the catalogue, or to a place in the taxonomy where it has no entry.

The tags are in codec_tags.yaml, one table for each corpus, spelt as in the data, errors included.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from grid.config.yaml_file import load_yaml
from grid.core.errors import RequestError, unknown_name

FILE = Path(__file__).resolve().parent / "codec_tags.yaml"
REFUSE, KEEP = "refuse", "keep"
UNKNOWN_CODECS = (REFUSE, KEEP)
"""How a reader treats a tag that is not in its table: it rejects the protocol, or keeps the tag as the codec's name."""


@lru_cache(maxsize=8)
def tags_of(corpus: str) -> Mapping[str, str]:
    """The table of `corpus`: its tag -> the catalogue's name, "" for recordings without a codec."""
    tables = load_yaml(FILE)
    if corpus not in tables:
        raise unknown_name("table of codec tags", corpus, tables)
    return {str(tag): str(name) for tag, name in tables[corpus].items()}


def codec_of(tag: str, corpus: str, where: str, unknown_codecs: str = REFUSE) -> str:
    """The catalogue's name of the codec that `corpus` calls `tag`.

    For a tag that is not in the table: the tag itself with `unknown_codecs` "keep", else RequestError with `where`.
    """
    name = tags_of(corpus).get(tag)
    if name is None and tag and unknown_codecs == KEEP:
        return tag
    if name is None:
        error = unknown_name("codec tag", tag, tags_of(corpus), where=where)
        raise RequestError(f"{error} The option unknown_codecs=keep takes any tag as a name.")
    return name


def check_unknown_codecs(value: str) -> str:
    """`value` if it is refuse or keep, else RequestError."""
    if value not in UNKNOWN_CODECS:
        raise unknown_name("unknown_codecs", value, UNKNOWN_CODECS)
    return value
