"""The fixed filter bank: edges in mel, where each filter passes most, and symmetry."""

from __future__ import annotations

import pytest
import torch

from grid.backends._sinc import SincFilters, band_edges, sinc_filters
from grid.errors import RequestError


def test_edges_are_equally_spaced_in_mel_from_0_to_8000_hertz() -> None:
    # 1,000 Hz is 1,000 mel by the definition, and 8,000 Hz is 2,840 mel; so half of the edges lie below 1,420 mel.
    edges = band_edges(70)
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(8000)
    assert edges[35] == pytest.approx(700 * (10 ** (2840.023 / 2 / 2595) - 1), rel=1e-5)


def test_each_filter_passes_its_own_band_most() -> None:
    # Below 150 Hz the bands are narrower than 129 taps can resolve.
    edges = band_edges(70)
    peaks = torch.fft.rfft(torch.from_numpy(sinc_filters(70, 129)), 16_000).abs().argmax(1)  # one bin is one hertz
    resolved = [band for band in range(70) if edges[band] > 150]
    assert len(resolved) > 60
    assert all(edges[band] - 1 <= peaks[band] <= edges[band + 1] + 1 for band in resolved)


def test_filters_are_symmetric() -> None:
    filters = torch.from_numpy(sinc_filters(10, 129))
    assert torch.allclose(filters, filters.flip(1), atol=1e-7)


def test_even_taps_are_refused_with_the_next_odd_number() -> None:
    with pytest.raises(RequestError, match="not 128; use 129"):
        sinc_filters(70, 128)


def test_module_learns_and_stores_nothing() -> None:
    module = SincFilters(70, 129)
    assert not module.state_dict()
    assert not list(module.parameters())
    assert module(torch.zeros(2, 1000)).shape == (2, 70, 872)
