"""The vector of a whole utterance, which a disentangled member sends beside its frames."""

from __future__ import annotations

import torch
from torch import nn

SCALARS, LEVELS = 32, 8
"""32 scalars of 8 levels: 96 bits for an utterance, however long, as little as two frames."""


class UtteranceVector(nn.Module):
    """Mean and deviation of the encoder's features over time, in 96 bits, which shift and scale the decoder's frames.

    TiCodec (Ren and others 2024) likewise sends what does not change over time once.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        from vector_quantize_pytorch import FSQ

        self.narrow = nn.Linear(2 * channels, SCALARS)
        self.quantiser = FSQ(levels=[LEVELS], num_codebooks=SCALARS)
        self.modulation = nn.Linear(SCALARS, 2 * channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features `(batch, channels, frames)` to a quantised vector `(batch, 32)`."""
        vector: torch.Tensor = self.quantiser(self._pooled(features))[0][:, 0]
        return vector

    def codes(self, features: torch.Tensor) -> torch.Tensor:
        """The 32 integers `(batch, 32)` of the vector."""
        codes: torch.Tensor = self.quantiser(self._pooled(features))[1][:, 0]
        return codes

    def from_codes(self, codes: torch.Tensor | None) -> torch.Tensor:
        """The vector of `codes`; ValueError when there are none."""
        if codes is None:
            raise ValueError("this member needs the codes of the utterance's vector")
        vector: torch.Tensor = self.quantiser.indices_to_codes(codes[:, None])[:, 0]
        return vector

    def applied(self, frames: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        """Frames `(batch, channels, frames)`, each channel scaled and shifted as the vector says."""
        scale, shift = self.modulation(vector)[..., None].chunk(2, dim=1)
        return frames * (1 + scale) + shift

    def _pooled(self, features: torch.Tensor) -> torch.Tensor:
        """`(batch, 1, 32)`, not yet quantised."""
        variance = features.var(dim=-1, unbiased=False)
        moments = torch.cat([features.mean(dim=-1), (variance + 1e-5).sqrt()], dim=1)
        narrowed: torch.Tensor = self.narrow(moments)[:, None]
        return narrowed
