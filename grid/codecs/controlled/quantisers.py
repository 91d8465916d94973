"""Quantisers of the controlled family (QUA, on vector-quantize-pytorch), and the vector of an utterance.

All three quantisers have the same rate of 60 bits per frame: six residual codebooks of 1024 vectors; one codebook of
1024 vectors for six tokens of a frame; twenty scalars of eight levels. So they differ in structure, not in bit rate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from grid.codecs.controlled.spec import Quantisation

SCALARS, LEVELS = 32, 8
"""The utterance's vector: 32 scalars of 8 levels, 96 bits per utterance, which is less than two frames."""


@dataclass(frozen=True)
class Quantised:
    """The result of quantising latents `(batch, frames, width)`.

    `latents`, and `first` from the first token alone, have the latents' shape (`first` may be narrower) and pass
    gradients straight through. `codes` are integers `(batch, frames, tokens)`. `commitment` is the commitment loss of
    the encoder.
    """

    latents: torch.Tensor
    first: torch.Tensor
    codes: torch.Tensor
    commitment: torch.Tensor


class FrameQuantiser(nn.Module, ABC):
    """Latents `(batch, frames, width)` to codes and back; `first_width` is the width of `Quantised.first`."""

    first_width: int

    @abstractmethod
    def forward(self, latents: torch.Tensor) -> Quantised:
        """Quantises; in training mode the codebooks are updated too."""

    @abstractmethod
    def latents_of(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes `(batch, frames, tokens)` to latents `(batch, frames, width)`."""


class ResidualCodebooks(FrameQuantiser):
    """`Mvq`: each codebook codes the residual of those before it (Zeghidour and others 2021, algorithm 1)."""

    def __init__(self, width: int, options: Quantisation) -> None:
        super().__init__()
        from vector_quantize_pytorch import ResidualVQ

        _without_warnings()
        self.first_width = width
        self.inner = ResidualVQ(
            dim=width,
            num_quantizers=options.tokens,
            codebook_size=options.size,
            **_codebook_options(options),
        )

    def forward(self, latents: torch.Tensor) -> Quantised:
        quantised, codes, losses, parts = self.inner(latents, return_all_codes=True)
        first = latents + (parts[0] - latents).detach()
        return Quantised(quantised, first, codes, losses.mean())

    def latents_of(self, codes: torch.Tensor) -> torch.Tensor:
        latents: torch.Tensor = self.inner.get_output_from_indices(codes)
        return latents


class SingleCodebook(FrameQuantiser):
    """`Svq`: one codebook for all tokens; a frame is split into equal pieces, one token each."""

    def __init__(self, width: int, options: Quantisation) -> None:
        super().__init__()
        from vector_quantize_pytorch import VectorQuantize

        _without_warnings()
        self.tokens, self.piece = options.tokens, width // options.tokens
        used = self.tokens * self.piece
        self.first_width = self.piece
        self.narrow = nn.Linear(width, used)
        self.widen = nn.Linear(used, width)
        self.inner = VectorQuantize(dim=self.piece, codebook_size=options.size, **_codebook_options(options))

    def forward(self, latents: torch.Tensor) -> Quantised:
        batch, frames, _ = latents.shape
        pieces = self.narrow(latents).reshape(batch, frames * self.tokens, self.piece)
        quantised, codes, loss = self.inner(pieces)
        whole = quantised.reshape(batch, frames, -1)
        return Quantised(self.widen(whole), whole[..., : self.piece], codes.reshape(batch, frames, -1), loss.sum())

    def latents_of(self, codes: torch.Tensor) -> torch.Tensor:
        batch, frames, tokens = codes.shape
        pieces = self.inner.get_codes_from_indices(codes.reshape(batch, frames * tokens))
        latents: torch.Tensor = self.widen(pieces.reshape(batch, frames, -1))
        return latents


class FiniteScalars(FrameQuantiser):
    """`Scq`: a few bounded scalars, each rounded to one of `levels` values (Mentzer and others 2024, section 3)."""

    def __init__(self, width: int, options: Quantisation) -> None:
        super().__init__()
        from vector_quantize_pytorch import FSQ

        self.inner = FSQ(levels=list(options.levels), dim=width, num_codebooks=options.tokens)
        self.first_width = len(options.levels)

    def forward(self, latents: torch.Tensor) -> Quantised:
        inner = self.inner
        bounded = inner.quantize(inner.project_in(latents).unflatten(-1, (inner.num_codebooks, self.first_width)))
        quantised = inner.project_out(bounded.flatten(-2))
        return Quantised(quantised, bounded[..., 0, :], inner.codes_to_indices(bounded), latents.new_zeros(()))

    def latents_of(self, codes: torch.Tensor) -> torch.Tensor:
        latents: torch.Tensor = self.inner.indices_to_codes(codes)
        return latents


def build_quantiser(width: int, options: Quantisation) -> FrameQuantiser:
    """The quantiser of a member for latents of `width`."""
    kinds: dict[str, type[ResidualCodebooks] | type[SingleCodebook] | type[FiniteScalars]] = {
        "residual": ResidualCodebooks,
        "single": SingleCodebook,
        "scalar": FiniteScalars,
    }
    return kinds[options.kind](width, options)


def _codebook_options(options: Quantisation) -> dict[str, bool | int | float]:
    return {
        "kmeans_init": True,
        "kmeans_iters": 10,
        "decay": options.decay,
        "threshold_ema_dead_code": options.least_use,
        "commitment_weight": 1.0,
        "rotation_trick": options.rotation,
    }


def _without_warnings() -> None:
    """Silences the library's warning about a first batch smaller than a codebook: unused vectors are replaced later."""
    from loguru import logger

    logger.disable("vector_quantize_pytorch")


class UtteranceVector(nn.Module):
    """Mean and deviation of the encoder's features over time, in 96 bits, which shift and scale the decoder's frames.

    As in TiCodec (Ren and others 2024), what does not change over time is transmitted once.
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
        """Frames `(batch, channels, frames)`, each channel scaled and shifted by the vector."""
        scale, shift = self.modulation(vector)[..., None].chunk(2, dim=1)
        return frames * (1 + scale) + shift

    def _pooled(self, features: torch.Tensor) -> torch.Tensor:
        """The vector `(batch, 1, 32)` before quantisation."""
        variance = features.var(dim=-1, unbiased=False)
        moments = torch.cat([features.mean(dim=-1), (variance + 1e-5).sqrt()], dim=1)
        narrowed: torch.Tensor = self.narrow(moments)[:, None]
        return narrowed
