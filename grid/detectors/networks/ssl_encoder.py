"""The module of the SSL frontend: input scaling, one pass of the encoder, and a selection of its hidden states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from grid.core.errors import RequestError
from grid.detectors.networks.ssl_input import EncoderInput, input_of
from grid.detectors.networks.ssl_shape import WHISPER

Keep = Callable[[int, Tensor], None]

VARIANCE_FLOOR = 1e-7


class _EnoughError(Exception):
    """Ends a forward pass early, when the layers above are not needed."""


class _OrderedStates:
    """Passes on each hidden state once and in order; a layer that layer drop skips repeats the state before it."""

    def __init__(self, keep: Keep, until: int) -> None:
        self._keep, self._until = keep, until
        self._next = 0
        self._latest: Tensor | None = None

    @property
    def begun(self) -> bool:
        return self._latest is not None

    def add(self, number: int, state: Tensor) -> None:
        while self._next < number and self._latest is not None:
            self._pass_on(self._latest)
        self._pass_on(state)

    def _pass_on(self, state: Tensor) -> None:
        self._keep(self._next, state)
        if self._next == self._until:
            raise _EnoughError
        self._next, self._latest = self._next + 1, state


def transformer_layers(encoder: Any) -> Any:
    """The transformer layers of an encoder of any family."""
    return encoder.layers if encoder.config.model_type == WHISPER else encoder.encoder.layers


def visit_hidden_states(encoder: Any, given: Tensor, keep: Keep, *, until: int | None = None) -> None:
    """One pass over the encoder's input: calls `keep(number, state)` for the hidden states `(batch, frames, size)`.

    Number 0 is the input embedding, number L (the last of L layers) is the encoder's `last_hidden_state`: with
    do_stable_layer_norm, as in XLS-R, and in Whisper it has gone through the final layer norm and the others have not.
    That is what transformers 4 gave as `hidden_states`; in transformers 5 the last of them is the one before that norm.
    The pass ends after number `until`. `keep` must not write into a state.
    """
    layers = transformer_layers(encoder)
    last = len(layers)
    states = _OrderedStates(keep, last if until is None else until)

    def after(number: int) -> Callable[[nn.Module, Any, Any], None]:
        # WavLM's layers return their position bias too
        return lambda module, inputs, output: states.add(number, output[0] if isinstance(output, tuple) else output)

    def embedding(module: nn.Module, inputs: Any) -> None:
        if not states.begun:
            states.add(0, inputs[0])

    with ExitStack() as hooks:
        if encoder.config.model_type == WHISPER:
            # no module ends its embedding: it is what enters the first layer that layer drop does not skip
            for module in (*layers, encoder.layer_norm):
                hooks.enter_context(module.register_forward_pre_hook(embedding))
        else:
            # the last operation before the layers in every other family
            hooks.enter_context(encoder.encoder.dropout.register_forward_hook(after(0)))
        for number, layer in enumerate(layers[:-1], start=1):
            hooks.enter_context(layer.register_forward_hook(after(number)))
        try:
            states.add(last, encoder(given).last_hidden_state)
        except _EnoughError:
            return


def zero_mean_unit_variance(waveforms: Tensor) -> Tensor:
    """Each item of `(batch, samples)` less its mean and over its standard deviation, as the hub's feature extractors.

    The variance is that of the population (divided by the number of samples), with 1e-7 added.
    """
    centred = waveforms - waveforms.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + VARIANCE_FLOOR).sqrt()


@contextmanager
def numpy_seeded_from_torch() -> Iterator[None]:
    """Seeds NumPy's global generator from torch's, and restores it at the end of the block.

    transformers draws SpecAugment's masks from NumPy's generator, while training seeds torch's.
    """
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(torch.randint(2**32, ())))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


class SslEncoder(nn.Module):
    """Waveforms `(batch, samples)` to one hidden state `(batch, frames, size)` or all `(layers, batch, frames, size)`.

    `encoder` is the model of transformers (Wav2Vec2Model, WavLMModel, WhisperEncoder, ...). A frozen one stays in
    evaluation mode after `train()`, so that dropout, layer drop and masks never apply, and computes no gradients. Not
    tested on a GPU.
    """

    # An encoder of XLS-R 300M's size (315,438,720 parameters, 1.26 GB) with random weights, frozen, float32, on one
    # core of a 2-core x86 CPU: 5 to 6 s to build; then, for items of 64,000 samples in batches of 1 and 2, 1.9 to 2.2 s
    # an item for the last hidden state, 2.0 s for all 25, 0.7 to 1.0 s for number 5, which leaves 19 layers out. The
    # process peaked at 2.15 GB with 1 item and 2.28 GB with 2.

    def __init__(
        self,
        encoder: Any,
        *,
        name: str = "the encoder",
        frozen: bool = True,
        layers: Literal["last", "all"] | int = "last",
        scaling: str = "none",
        mask: bool = False,
        gradient_checkpointing: bool = False,
        precision: str = "float32",
        item_by_item: bool = False,
    ) -> None:
        """The arguments are the options of `grid.detectors.frontends.ssl.SslOptions` that concern the pass."""
        super().__init__()
        self.name, self.frozen, self.layers, self.scaling, self.mask = name, frozen, layers, scaling, mask
        self.precision, self.item_by_item = precision, item_by_item
        self.encoder = encoder
        self.input: EncoderInput = input_of(encoder.config)
        self.last = len(transformer_layers(encoder))
        if frozen:
            encoder.requires_grad_(False)
        if gradient_checkpointing:
            encoder.activation_checkpointing_enable({"use_reentrant": False})
        self.train()

    def train(self, mode: bool = True) -> Self:
        """As in torch, but a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, waveforms: Tensor) -> Tensor:
        """`select(encode(waveforms))`, bit for bit; layers above a single selected hidden state are not computed.

        Raises RequestError when there are too few samples for one frame, or more than the encoder can hear.
        """
        if self.layers == "all":
            return self.encode(waveforms)
        number = self.last if self.layers == "last" else self.layers
        with self._pass(waveforms) as items:
            return _joined([self._one(part, number) for part in items], dim=0)

    def encode(self, waveforms: Tensor) -> Tensor:
        """All hidden states `(layers + 1, batch, frames, size)`, float32, the input embedding first."""
        with self._pass(waveforms) as items:
            if torch.is_grad_enabled():
                return _joined([torch.stack(self._all(part)) for part in items], dim=1)
            return self._filled(items)

    def select(self, hidden: Tensor) -> Tensor:
        """The hidden states that the backend takes, from the result of `encode`; copies nothing."""
        if self.layers == "all":
            return hidden
        return hidden[-1 if self.layers == "last" else self.layers]

    @contextmanager
    def _pass(self, waveforms: Tensor) -> Iterator[list[Tensor]]:
        """The batches to send through the encoder; sets gradients, precision and mask draws inside the block."""
        self._check_length(waveforms.shape[-1])
        reduced = self.precision == "bfloat16"
        masking = numpy_seeded_from_torch() if self.mask and self.training else nullcontext()
        gradients = torch.is_grad_enabled() and not self.frozen
        with (
            torch.set_grad_enabled(gradients),
            torch.autocast(waveforms.device.type, dtype=torch.bfloat16, enabled=reduced),
            masking,
        ):
            scaled = waveforms.float()
            if self.scaling == "zero-mean-unit-variance":
                scaled = zero_mean_unit_variance(scaled)
            yield list(scaled.split(1)) if self.item_by_item else [scaled]

    def _visit(self, waveforms: Tensor, keep: Keep, *, until: int | None = None) -> None:
        """`visit_hidden_states` of waveforms `(batch, samples)`; `keep` gets the frames of the waveforms alone."""
        frames = self.input.frames(waveforms.shape[1])
        visit_hidden_states(
            self.encoder, self.input(waveforms), lambda number, state: keep(number, state[:, :frames]), until=until
        )

    def _one(self, waveforms: Tensor, number: int) -> Tensor:
        states: list[Tensor] = []
        self._visit(waveforms, lambda at, state: states.append(state) if at == number else None, until=number)
        return states[0].float()

    def _all(self, waveforms: Tensor) -> list[Tensor]:
        states: list[Tensor] = []
        self._visit(waveforms, lambda at, state: states.append(state.float()))
        return states

    def _filled(self, items: list[Tensor]) -> Tensor:
        """All states in one tensor, filled during the pass, so that they are never in memory twice."""
        batch, hidden, start = sum(map(len, items)), torch.empty(0), 0

        def keep(number: int, state: Tensor) -> None:
            nonlocal hidden
            if not hidden.numel():
                hidden = torch.empty(self.last + 1, batch, *state.shape[1:], device=state.device)
            hidden[number, start : start + len(state)] = state

        for part in items:
            self._visit(part, keep)
            start += len(part)
        return hidden

    def _check_length(self, samples: int) -> None:
        config = self.encoder.config
        masked = self.mask and self.training and config.mask_time_prob > 0
        least, most = self.input.least_samples(config.mask_time_length if masked else 1), self.input.most_samples
        if samples < least:
            why = f" (its masks are {config.mask_time_length} frames long)" if masked else ""
            raise RequestError(f"{self.name} needs at least {least:,} samples{why}, not {samples:,}; use a longer crop")
        if most is not None and samples > most:
            raise RequestError(f"{self.name} hears at most {most:,} samples, not {samples:,}; use a shorter crop")


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=dim)
