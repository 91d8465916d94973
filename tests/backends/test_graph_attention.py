"""Graph attention over unordered pairs against the plain formula over all ordered pairs; pooling."""

from __future__ import annotations

import torch
from torch.nn import functional

from grid.backends._graph_attention import GraphAttention, GraphPool, HeterogeneousGraphAttention


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
