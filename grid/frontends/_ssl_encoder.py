"""The module of the SSL frontend: input scaling, one pass of the encoder, and the hidden states that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from grid.errors import RequestError
from grid.frontends._ssl_hidden_states import visit_hidden_states

if TYPE_CHECKING:
    from grid.frontends.ssl import SslOptions

VARIANCE_FLOOR = 1e-7


def zero_mean_unit_variance(waveforms: Tensor) -> Tensor:
    """Each item of `(batch, samples)` less its mean and over its standard deviation, as the hub's feature extractors.

    The variance is that of the population (divided by the number of samples), with 1e-7 added.
    """
    centred = waveforms - waveforms.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + VARIANCE_FLOOR).sqrt()


def least_samples(kernels: list[int], strides: list[int], frames: int = 1) -> int:
    """The fewest samples from which convolutions without padding make `frames` frames."""
    samples = frames
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


@contextmanager
def masks_that_follow_torch() -> Iterator[None]:
    """transformers draws SpecAugment's masks from NumPy's global generator; training seeds torch's."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(torch.randint(2**32, ())))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


class SslEncoder(nn.Module):
    """Waveforms `(batch, samples)` to one hidden state `(batch, frames, size)` or all `(layers, batch, frames, size)`.

    `encoder` is the model of transformers (Wav2Vec2Model, WavLMModel, ...). A frozen one stays in evaluation mode
    whatever `train` is told, so that neither dropout nor layer drop nor masks touch it, and gives no gradients.
    On a GPU it was not run.
    """

    # An encoder of XLS-R 300M's size (315,438,720 parameters, 1.26 GB) with random weights, frozen, float32, on one
    # core of a 2-core x86 CPU: 5 to 6 s to build; then, for items of 64,000 samples in batches of 1 and 2, 1.9 to 2.2 s
    # an item for the last hidden state, 2.0 s for all 25, 0.7 to 1.0 s for number 5, which leaves 19 layers out. The
    # process peaked at 2.15 GB with 1 item and 2.28 GB with 2.

    def __init__(self, options: SslOptions, encoder: Any) -> None:
        super().__init__()
        self.options = options
        self.encoder = encoder
        self.last = int(encoder.config.num_hidden_layers)
        if options.frozen:
            encoder.requires_grad_(False)
        if options.gradient_checkpointing:
            encoder.activation_checkpointing_enable({"use_reentrant": False})
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Evaluation mode for a frozen encoder, always."""
        super().train(mode)
        if self.options.frozen:
            self.encoder.eval()
        return self

    def forward(self, waveforms: Tensor) -> Tensor:
        """`select(encode(waveforms))`, bit for bit; of one hidden state alone, the layers above it are not computed.

        Raises RequestError when there are too few samples for one frame.
        """
        if self.options.layers == "all":
            return self.encode(waveforms)
        number = self.last if self.options.layers == "last" else self.options.layers
        with self._pass(waveforms) as items:
            return _joined([self._one(part, number) for part in items], dim=0)

    def encode(self, waveforms: Tensor) -> Tensor:
        """All hidden states `(layers + 1, batch, frames, size)`, float32, the input embedding first."""
        with self._pass(waveforms) as items:
            if torch.is_grad_enabled():
                return _joined([torch.stack(self._all(part)) for part in items], dim=1)
            return self._filled(items)

    def select(self, hidden: Tensor) -> Tensor:
        """Of what `encode` gave, what the backend takes; copies nothing."""
        if self.options.layers == "all":
            return hidden
        return hidden[-1 if self.options.layers == "last" else self.options.layers]

    @contextmanager
    def _pass(self, waveforms: Tensor) -> Iterator[list[Tensor]]:
        """The batches to send through the encoder, and the modes in which to do it."""
        self._check_length(waveforms.shape[-1])
        reduced = self.options.precision == "bfloat16"
        masking = masks_that_follow_torch() if self.options.mask and self.training else nullcontext()
        gradients = torch.is_grad_enabled() and not self.options.frozen
        with (
            torch.set_grad_enabled(gradients),
            torch.autocast(waveforms.device.type, dtype=torch.bfloat16, enabled=reduced),
            masking,
        ):
            given = waveforms.float()
            if self.options.scaling == "zero-mean-unit-variance":
                given = zero_mean_unit_variance(given)
            yield list(given.split(1)) if self.options.item_by_item else [given]

    def _one(self, waveforms: Tensor, number: int) -> Tensor:
        found: list[Tensor] = []
        visit_hidden_states(
            self.encoder, waveforms, lambda at, state: found.append(state) if at == number else None, until=number
        )
        return found[0].float()

    def _all(self, waveforms: Tensor) -> list[Tensor]:
        states: list[Tensor] = []
        visit_hidden_states(self.encoder, waveforms, lambda at, state: states.append(state.float()))
        return states

    def _filled(self, items: list[Tensor]) -> Tensor:
        """One tensor that takes each state as it comes: at no time are all of them in memory twice."""
        batch, hidden, start = sum(map(len, items)), torch.empty(0), 0

        def keep(number: int, state: Tensor) -> None:
            nonlocal hidden
            if not hidden.numel():
                hidden = torch.empty(self.last + 1, batch, *state.shape[1:], device=state.device)
            hidden[number, start : start + len(state)] = state

        for part in items:
            visit_hidden_states(self.encoder, part, keep)
            start += len(part)
        return hidden

    def _check_length(self, samples: int) -> None:
        config = self.encoder.config
        masked = self.options.mask and self.training and config.mask_time_prob > 0
        least = least_samples(config.conv_kernel, config.conv_stride, config.mask_time_length if masked else 1)
        if samples < least:
            why = f" (its masks are {config.mask_time_length} frames long)" if masked else ""
            raise RequestError(
                f"{self.options.model} needs at least {least:,} samples{why}, not {samples:,}; use a longer crop"
            )


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=dim)
