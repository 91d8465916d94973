"""Graph attention over unordered pairs against the plain formula over all ordered pairs; pooling."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from grid.core.errors import RequestError
from grid.detectors.networks.aasist_layers import (
    GraphAttention,
    GraphPool,
    HeterogeneousGraphAttention,
    SincFilters,
    band_edges,
    sinc_filters,
)


def nodes(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def test_graph_attention_equals_the_formula_over_all_pairs() -> None:
    layer, given = GraphAttention(6, 4, temperature=2.0, dropout=0.0).eval(), nodes(2, 5, 6)
    expected = torch.empty(2, 5, 4)
    for item in range(2):
        for i in range(5):
            pair_logits = torch.stack(
                [torch.tanh(layer.att_proj(given[item, i] * given[item, j])) @ layer.att_weight for j in range(5)]
            )
            heard = (torch.softmax(pair_logits[:, 0] / 2.0, 0)[:, None] * given[item]).sum(0)
            expected[item, i] = layer.proj_with_att(heard) + layer.proj_without_att(given[item, i])
    expected = functional.selu(layer.bn(expected.flatten(0, 1))).view(2, 5, 4)
    assert torch.allclose(layer(given), expected, atol=1e-6)


def test_heterogeneous_attention_uses_the_vector_of_each_pair_of_kinds() -> None:
    layer = HeterogeneousGraphAttention(6, 4, temperature=3.0, dropout=0.0).eval()
    first, second, master = nodes(1, 2, 6), nodes(1, 3, 6) + 1, nodes(1, 1, 6)
    joined = torch.cat([layer.proj_type1(first), layer.proj_type2(second)], dim=1)[0]
    logits = torch.empty(5, 5)
    for i in range(5):
        for j in range(5):
            both = (i >= 2) + (j >= 2)
            vector = (layer.att_weight11, layer.att_weight12, layer.att_weight22)[both]
            logits[i, j] = (torch.tanh(layer.att_proj(joined[i] * joined[j])) @ vector)[0]
    updated = layer.proj_with_att(torch.softmax(logits / 3.0, 1) @ joined) + layer.proj_without_att(joined)
    expected = functional.selu(layer.bn(updated))
    master_logits = torch.tanh(layer.att_projM(joined * master[0])) @ layer.att_weightM
    heard = torch.softmax(master_logits / 3.0, 0).T @ joined
    left, right, new_master = layer(first, second, master)
    assert torch.allclose(torch.cat([left, right], 1)[0], expected, atol=1e-6)
    assert torch.allclose(new_master[0], layer.proj_with_attM(heard) + layer.proj_without_attM(master[0]), atol=1e-6)


def test_pool_keeps_the_best_nodes_in_falling_order() -> None:
    pool = GraphPool(1, ratio=0.5, dropout=0.0)
    with torch.no_grad():
        pool.proj.weight.fill_(1.0)
        pool.proj.bias.zero_()
    given = torch.tensor([[[1.0], [3.0], [-2.0], [2.0], [0.0]]])
    expected = torch.tensor([3.0, 2.0]) * torch.sigmoid(torch.tensor([3.0, 2.0]))
    assert torch.allclose(pool(given).flatten(), expected)


def test_pool_keeps_at_least_one_node() -> None:
    assert GraphPool(3, ratio=0.1, dropout=0.0)(nodes(2, 4, 3)).shape == (2, 1, 3)


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
