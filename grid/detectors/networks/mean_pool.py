"""The mean of the frames over time, and one linear layer."""

from __future__ import annotations

from torch import Tensor, nn


class MeanPoolNetwork(nn.Module):
    """Frames `(batch, frames, size)` to logits `(batch, outputs)`; any number of frames.

    The head of AntiDeepfake (Ge et al. 2025): all that it knows, a fine-tuned encoder has learned.
    """

    def __init__(self, size: int, *, outputs: int) -> None:
        super().__init__()
        self.out_layer = nn.Linear(size, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.out_layer(frames.mean(dim=1))
        return logits
