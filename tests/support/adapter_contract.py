"""The contract of codec adapters as checks that take a codec or a catalogue entry, for ours and for those of others.

`AdapterCase` declares what the checks need to know of one adapter. Each test module of `tests/codecs/adapters` declares
its cases as `CONTRACT`, and `test_adapter_contract.py` puts all of them through the checks; a package with an adapter
of its own calls the same functions, as `tests/codecs/test_catalogue.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from grid.codecs.contract import ADAPTERS, Adapter, Codec
from grid.codecs.entry import Argument, CatalogueEntry
from grid.codecs.torch_codec import TorchCodec
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.weights import WeightFinder
from tests.support.torch_codec_checks import difference, noise

LENGTHS = (1, 7_993, 8_000, 8_001)
"""Samples at 16 kHz: a single one, and three lengths of which at most one is a multiple of any hop."""
UNKNOWN_ARGUMENT = "no-such-argument"

Make = Callable[[CatalogueEntry], Adapter]
"""The adapter of an entry, around a small model with random weights; RequestError where the two do not fit."""
Change = tuple[Mapping[str, object], str]
"""Fields of the entry and their wrong values, and a regular expression for the error."""


@dataclass(frozen=True)
class AdapterCase:
    """One adapter, or one kind of model of an adapter, as the contract is checked on it."""

    entry: CatalogueEntry
    """States the facts of the small model and, unless the codec has no weights, files that lie nowhere."""
    small: Callable[[Path], AbstractContextManager[Make]]
    """Makes the small model, in an empty folder; skips the test, naming the package, where upstream is absent."""
    facts: tuple[str, ...] = ()
    """Numbers of the entry that the adapter compares with its model: native_rate, hop, codebooks, codebook_size."""
    misfits: Sequence[Change] = ()
    """Further changes of the entry that the small model does not fit."""
    wrong_arguments: Sequence[tuple[Mapping[str, Argument], str]] = ()
    """Arguments that are refused before anything loads, and a regular expression for the error."""
    lengths: tuple[int, ...] = LENGTHS
    exact: bool = False
    """Whether samples are equal to the bit in every batch and every instance, as without torch; else within 1e-5."""
    kind: str = ""
    """Which of several models of the adapter it is."""
    slow: bool = False

    @property
    def name(self) -> str:
        """Identifies the case in the names of tests."""
        return "-".join(part for part in (self.entry.adapter, self.kind) if part)

    def changes(self) -> list[Change]:
        """Every entry that the small model must refuse: each of `facts` one too high, then `misfits`."""
        return [*(wrong_fact(self.entry, fact) for fact in self.facts), *self.misfits]


def adapter_class(entry: CatalogueEntry) -> type[Adapter]:
    """The registered class that the entry names."""
    assert entry.adapter is not None
    return ADAPTERS.get(entry.adapter)


def wrong_fact(entry: CatalogueEntry, fact: str) -> Change:
    """The entry's number `fact` one too high, and the error: what the catalogue says and what the model has."""
    right = getattr(entry, fact)
    assert isinstance(right, int), f"the entry states no {fact}"
    return {fact: right + 1}, rf"says {fact.replace('_', ' ')} {right + 1}, but the model has {right}$"


def around(
    adapter: type[TorchCodec],
    new_model: Callable[[], torch.nn.Module],
    upstream: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Callable[[Path], AbstractContextManager[Make]]:
    """`AdapterCase.small` of a torch codec: every adapter is made around a `new_model()`, inside of `upstream()`."""

    @contextmanager
    def small(_: Path) -> Iterator[Make]:
        with upstream():
            yield lambda entry: adapter.from_model(new_model(), entry)

    return small


@contextmanager
def with_default_weights(_: Path) -> Iterator[Make]:
    """`AdapterCase.small` of an adapter that is made of its entry, with the weights of the default folders, if any."""
    yield lambda entry: adapter_class(entry)(entry)


def check_contract(
    codec: Codec, lengths: Sequence[int] = LENGTHS, *, again: Codec | None = None, exact: bool = False
) -> None:
    """Every length is kept and finite; the same again; and each item is independent of its batch.

    `again`, another instance of the codec, must give the same samples to the bit.
    """
    torch.set_num_threads(1)
    vars(codec.adapter)["cpu_batch"] = None  # both items in one call, as on a GPU
    for samples in lengths:
        waveforms = noise(2, samples)
        output = codec.resynthesise(waveforms, ["a", "b"], seed=3)
        assert output.shape == waveforms.shape
        assert output.dtype == np.float32
        assert np.isfinite(output).all()
    np.testing.assert_array_equal(output, codec.resynthesise(waveforms, ["a", "b"], seed=3))
    if again is not None:
        np.testing.assert_array_equal(output, again.resynthesise(waveforms, ["a", "b"], seed=3))
    alone = codec.resynthesise(waveforms[1:], ["b"], seed=3)[0]
    assert difference(alone, output[1]) <= (0.0 if exact else 1e-5)
    assert difference(output[0], output[1]) > 0.01, "two different items came out the same"


def check_missing_weights(entry: CatalogueEntry, folder: Path) -> None:
    """Nothing lies in `folder`: the error names the file, its source and the place to put it."""
    adapter = adapter_class(entry)(entry, weights=WeightFinder([folder], offline=True))
    with pytest.raises(MissingRequirementError) as caught:
        adapter.code(noise(1, 4_000), [0])
    for part in (entry.weights[0].path, entry.weights[0].source, str(folder / entry.weights[0].path)):
        assert str(part) in str(caught.value)


def check_refused(make: Make, entry: CatalogueEntry, change: Change) -> None:
    """The changed entry is a RequestError, when the adapter is made or at the first sample, that names the codec."""
    fields, message = change
    with pytest.raises(RequestError, match=message) as caught:
        make(entry.model_copy(update=dict(fields))).code(noise(1, 4_000), [0])
    assert f"codec {entry.name}" in str(caught.value)


def check_wrong_arguments(entry: CatalogueEntry, wrong: Sequence[tuple[Mapping[str, Argument], str]] = ()) -> None:
    """An argument that the adapter does not know, and each of `wrong`, is refused before anything loads."""
    unknown = ({**entry.arguments, UNKNOWN_ARGUMENT: 1}, re.escape(UNKNOWN_ARGUMENT))
    for arguments, message in (unknown, *wrong):
        with pytest.raises(RequestError, match=message) as caught:
            adapter_class(entry)(entry.model_copy(update={"arguments": dict(arguments)}))
        assert f"codec {entry.name}" in str(caught.value)
