"""Multi-head factorised attentive pooling: keys and values from two mixtures of layers, attention over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MhfaPooling(nn.Module):
    """Hidden states `(layers, batch, frames, size)` to embeddings `(batch, embedding)`; any number of frames.

    Peng et al. 2022, "An attention-based backend allowing efficient fine-tuning of transformer models for speaker
    verification", SLT. With the state H_l of layer l, and one learned weight for each layer in a and in b:

        k = Linear(sum_l softmax(a)_l H_l);   v = Linear(sum_l softmax(b)_l H_l)
        A = softmax over t of Linear(k);      pooled_h = sum_t A[t, h] v[t]

    The pooled vectors of all heads, side by side, go through one more linear layer.
    """

    def __init__(self, size: int, *, layers: int, heads: int, compression: int, embedding: int) -> None:
        super().__init__()
        self.layer_weights = nn.Parameter(torch.ones(2, layers))
        """Row 0 weights the layers for the keys, row 1 for the values; equal weights at first."""
        self.keys = nn.Linear(size, compression)
        self.values = nn.Linear(size, compression)
        self.attention = nn.Linear(compression, heads)
        self.embedding = nn.Linear(heads * compression, embedding)

    def forward(self, hidden: Tensor) -> Tensor:
        """The embeddings. No tensor of the size of `hidden` is allocated or kept for the backward pass."""
        keys, values = self._mixtures(hidden)
        values = self.values(values)
        attention = self.attention(self.keys(keys)).softmax(dim=1)
        pooled = attention.to(values.dtype).transpose(1, 2) @ values  # (batch, heads, compression)
        embeddings: Tensor = self.embedding(pooled.flatten(1))
        return embeddings

    def _mixtures(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted sums over the layers, each `(batch, frames, size)`, in one pass over `hidden`."""
        with torch.autocast(hidden.device.type, enabled=False):  # autocast would make a copy of `hidden`
            weights = self.layer_weights.softmax(dim=1).to(hidden.dtype)
            keys, values = (weights @ hidden.flatten(1)).view(2, *hidden.shape[1:])
        return keys, values


class MhfaNetwork(nn.Module):
    """Hidden states `(layers, batch, frames, size)` to logits `(batch, outputs)`.

    The published counts of parameters are those of `pooling`, without the layer of the classes.
    """

    def __init__(self, size: int, *, layers: int, heads: int, compression: int, embedding: int, outputs: int) -> None:
        super().__init__()
        self.pooling = MhfaPooling(size, layers=layers, heads=heads, compression=compression, embedding=embedding)
        self.out_layer = nn.Linear(embedding, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.out_layer(self.pooling(hidden))
        return logits
