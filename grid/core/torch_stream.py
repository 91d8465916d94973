"""A separate stream of torch's random numbers for each cell, so that cells can alternate in one process."""

from __future__ import annotations

from types import TracebackType

import torch


class TorchStream:
    """A state of torch's global generators: that of the CPU, and that of `device` where it is a CUDA device.

    Inside `with stream:` torch draws from this stream; on exit the previous state is restored. A cell therefore draws
    the same dropout masks whether it trains alone or alternates with others.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._state = self._current()
        self._outer = self._state

    def seed(self, number: int) -> None:
        """Restarts the stream from the seed `number`."""
        with self:
            torch.manual_seed(number)

    def __enter__(self) -> None:
        self._outer = self._current()
        self._restore(self._state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state = self._current()
        self._restore(self._outer)

    def _current(self) -> list[torch.Tensor]:
        cuda = [torch.cuda.get_rng_state(self._device)] if self._device.type == "cuda" else []
        return [torch.get_rng_state(), *cuda]

    def _restore(self, state: list[torch.Tensor]) -> None:
        torch.set_rng_state(state[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state[1], self._device)
