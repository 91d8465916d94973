"""Takes the hidden states from one pass of a speech encoder, each as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

Keep = Callable[[int, Tensor], None]


class _EnoughError(Exception):
    """Ends a pass early: the layers above would be computed for nothing."""


class _Visit:
    """Hands on each hidden state once and in order; a layer that layer drop skips repeats the state before it."""

    def __init__(self, keep: Keep, until: int) -> None:
        self._keep, self._until = keep, until
        self._following = 0
        self._latest: Tensor | None = None

    def give(self, number: int, state: Tensor) -> None:
        while self._following < number and self._latest is not None:
            self._hand_on(self._latest)
        self._hand_on(state)

    def _hand_on(self, state: Tensor) -> None:
        self._keep(self._following, state)
        if self._following == self._until:
            raise _EnoughError
        self._following, self._latest = self._following + 1, state


def visit_hidden_states(encoder: Any, waveforms: Tensor, keep: Keep, *, until: int | None = None) -> None:
    """One pass over `(batch, samples)`: calls `keep(number, state)` for the hidden states `(batch, frames, size)`.

    Number 0 is the input embedding, number L (the last of L layers) is the encoder's `last_hidden_state`: with
    do_stable_layer_norm, as in XLS-R, it has gone through the final layer norm and the others have not. That is what
    transformers 4 gave as `hidden_states`; in transformers 5 the last of them is the one before that norm. The pass
    ends after number `until`. Whoever keeps a state must not write into it.
    """
    last = len(encoder.encoder.layers)
    visit = _Visit(keep, last if until is None else until)

    def after(number: int) -> Callable[[nn.Module, Any, Any], None]:
        # WavLM's layers give their position bias too
        return lambda module, given, output: visit.give(number, output[0] if isinstance(output, tuple) else output)

    with ExitStack() as hooks:
        # the last operation before the layers in every family
        hooks.enter_context(encoder.encoder.dropout.register_forward_hook(after(0)))
        for number, layer in enumerate(encoder.encoder.layers[:-1], start=1):
            hooks.enter_context(layer.register_forward_hook(after(number)))
        try:
            visit.give(last, encoder(waveforms).last_hidden_state)
        except _EnoughError:
            return
