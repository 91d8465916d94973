"""The layer-wise bottleneck: in each layer attention over time, a shared bottleneck, the cosine to a centre."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LwbnNetwork(nn.Module):
    """Hidden states `(layers, batch, frames, size)` to cosines `(batch, layers)`, near 1 for bona fide.

    Xiao and Vu 2025, "Layer-Wise Decision Fusion for Fake Audio Detection Using XLS-R", Interspeech, as in the
    authors' code for "How to Label Resynthesized Audio" (ICASSP 2026; XIAOYixuan/IMS-ADD, 8bc6e98, lw_bn.py and
    layer_wise.py). In layer l, with H[t] the state of frame t and w[k] the layer's attention vectors:

        a = softmax over t of log sum_k exp(H[t] . w[k]);   u = sum_t a[t] H[t]
        z = Linear(Dropout(ReLU(u)));                       cosine = z . c / (|z| |c|)

    The linear layer is shared by the layers; w and the centre c are the layer's own. There is no batch norm and no
    mask: every frame counts. `grid.detectors.published_names` translates the tensor names of the authors' files.
    """

    def __init__(self, size: int, *, layers: int, heads: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Parameter(torch.empty(layers, size, heads))
        self.dropout = nn.Dropout(dropout)
        self.bottleneck = nn.Linear(size, bottleneck)
        # Xavier over the tensor of all layers, as published: torch reads fans of size * heads and layers * heads, so
        # the bound is 0.027 at the published sizes, where a matrix of each layer alone would get 0.076
        nn.init.xavier_uniform_(self.attention)
        centres = nn.init.kaiming_uniform_(torch.empty(layers, bottleneck), a=0.25)
        self.centres = nn.Parameter(functional.normalize(centres, dim=1))

    def forward(self, hidden: Tensor) -> Tensor:
        """The cosines, in float32. No tensor of the size of `hidden` is allocated or kept for the backward pass."""
        with torch.autocast(hidden.device.type, enabled=False):  # autocast would keep two copies of `hidden`
            pooled = self._over_time(hidden)
        bottlenecks = self.bottleneck(self.dropout(functional.relu(pooled))).float()
        return functional.cosine_similarity(bottlenecks, self.centres.unsqueeze(1), dim=2).T

    def _over_time(self, hidden: Tensor) -> Tensor:
        """The attention-weighted sum over time `(layers, batch, size)`; `hidden` may be in reduced precision."""
        layers, batch, frames, size = hidden.shape
        states = hidden.reshape(layers, batch * frames, size)
        # attention first: states @ attention and its gradient take 4.8 times as long on an AMD EPYC (batch 8)
        energies = torch.bmm(self.attention.mT.to(hidden.dtype), states.mT).float()
        weights = energies.logsumexp(dim=1).view(layers, batch, frames).softmax(dim=2)
        return torch.einsum("lnt,lntd->lnd", weights.to(hidden.dtype), hidden).float()
