"""Torch's random numbers as one cell sees them, so that cells can take turns in one process."""

from __future__ import annotations

from types import TracebackType

import torch


class TorchStream:
    """A stream of torch's global generators (CPU, and CUDA where the device is one).

    Inside `with stream:` torch draws from this stream alone, and what was there before is put back afterwards: a cell
    draws the same dropout whether it trains alone or between others.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._state = self._now()
        self._outer = self._state

    def seed(self, number: int) -> None:
        """Starts the stream anew from `number`."""
        with self:
            torch.manual_seed(number)

    def __enter__(self) -> None:
        self._outer = self._now()
        self._put(self._state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state = self._now()
        self._put(self._outer)

    def _now(self) -> list[torch.Tensor]:
        cuda = [torch.cuda.get_rng_state(self._device)] if self._device.type == "cuda" else []
        return [torch.get_rng_state(), *cuda]

    def _put(self, state: list[torch.Tensor]) -> None:
        torch.set_rng_state(state[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state[1], self._device)
