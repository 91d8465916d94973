"""Sensitive layer selection: a weight for each layer of each utterance, their sum as a picture, two dense layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from grid.core.errors import RequestError

POOL = 3
"""The max-pooling takes 3 x 3 values of the picture (frames, size)."""


class SlsNetwork(nn.Module):
    """Hidden states `(layers + 1, batch, frames, size)` to `(batch, outputs)` log probabilities (spoof, bona fide).

    Zhang, Wen, Hu 2024, "Audio deepfake detection with self-supervised XLS-R and SLS classifier", ACM Multimedia. With
    the state H_l of transformer layer l; the input embedding, state 0, is not used:

        w_l = sigmoid(Linear(mean over t of H_l));   X = sum_l w_l H_l
        BN(X) -> SELU -> max-pooling 3 x 3 -> flatten -> Linear -> SELU -> Linear -> SELU -> log softmax

    The dense layer reads every frame at its place, so one length is all that the network can score. The cross-entropy
    of log probabilities is that of logits. The authors' last state is fairseq's, before the encoder's final layer
    norm; here it has gone through that norm.
    """

    def __init__(self, size: int, *, frames: int, hidden: int, outputs: int = 2) -> None:
        super().__init__()
        self.frames = frames
        self.layer_score = nn.Linear(size, 1)
        self.norm = nn.BatchNorm2d(1)
        self.dense = nn.Linear((frames // POOL) * (size // POOL), hidden)
        self.out_layer = nn.Linear(hidden, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """The log probabilities; raises RequestError for another number of frames than that of the option."""
        if hidden.shape[2] != self.frames:
            raise RequestError(
                f"backend 'sls' was built for {self.frames} frames and got {hidden.shape[2]}: its dense layer has one "
                f"length. Set the recipe's crop to the samples of {self.frames} frames, or the backend's option "
                f"frames: {hidden.shape[2]}"
            )
        picture = functional.selu(self.norm(self._weighted_sum(hidden[1:]).unsqueeze(1)))
        values = functional.max_pool2d(picture, POOL).flatten(1)
        logits = functional.selu(self.out_layer(functional.selu(self.dense(values))))
        return functional.log_softmax(logits, dim=1)

    def _weighted_sum(self, layers: Tensor) -> Tensor:
        """The sum over the layers `(batch, frames, size)`."""
        with torch.autocast(layers.device.type, enabled=False):  # autocast would make a copy of `layers`
            weights = self.layer_score(layers.mean(dim=2).float()).sigmoid().squeeze(2)
            return torch.einsum("lb,lbtd->btd", weights.to(layers.dtype), layers)
