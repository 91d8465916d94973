"""The contract of attacks: arguments are checked before the conversion, results after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.attacks import ATTACKS, Attack, build_attack
from grid.core.errors import RequestError
from grid.core.identity import Json


class _Shortening(Attack):
    name: ClassVar[str] = "shortening"
    revision: ClassVar[int] = 1

    def convert_batch(
        self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str], seed: int
    ) -> NDArray[np.float32]:
        return waveforms[:, 1:]

    def identity(self) -> dict[str, Json]:
        return {"name": self.name, "revision": self.revision}


@pytest.mark.parametrize("shape", [(100,), (1, 1, 100), (2, 100)])
def test_convert_of_a_wrong_shape_says_what_is_taken(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match=r"\(batch, samples\) and one utterance_id for each row"):
        build_attack("world").convert(np.zeros(shape, dtype=np.float32), ["a"], seed=0)


def test_convert_of_a_sample_that_is_not_finite_names_the_utterance() -> None:
    batch = np.zeros((2, 100), dtype=np.float32)
    batch[1, 50] = np.nan
    with pytest.raises(RequestError, match="'bad'"):
        build_attack("world").convert(batch, ["good", "bad"], seed=0)


def test_convert_of_an_attack_that_changes_the_length_is_refused() -> None:
    with pytest.raises(RequestError, match="must keep the shape"):
        _Shortening().convert(np.zeros((1, 100), dtype=np.float32), ["a"], seed=0)


def test_build_attack_of_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(RequestError, match="did you mean 'world'"):
        build_attack("wrold")


def test_attacks_are_the_files_of_the_folder() -> None:
    assert ATTACKS.names() == ["world"]
