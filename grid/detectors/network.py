"""The torch module of a detector: input level, frontend and backend in one forward pass, and scores of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from grid.core.randomness import seed_number

if TYPE_CHECKING:
    from grid.detectors.contract import Head
    from grid.detectors.spec import DetectorSpec, InputSpec

BONAFIDE = 1
"""The column of the bona fide logit."""


def scores_of(outputs: Tensor, head: Head = "logits", bonafide: Sequence[bool] = ()) -> Tensor:
    """Scores `(batch,)` of a backend's outputs `(batch, outputs)`; higher is more bona fide.

    With `bonafide`, which says it of each output: the log-sum-exp of those that are minus that of the others, the log
    odds. Without:
    Two logits: the second one, as AASIST's authors do (not the difference, and not a probability). One logit: itself.
    Cosines: their sum, as LWBN's authors do.
    """
    if head == "cosines":
        return outputs.sum(dim=1)
    if bonafide:
        mask = torch.tensor(bonafide, device=outputs.device)
        logits = outputs.double()
        return logits[:, mask].logsumexp(dim=1) - logits[:, ~mask].logsumexp(dim=1)
    return outputs[:, BONAFIDE] if outputs.shape[1] == 2 else outputs[:, 0]


def at_level(waveforms: Tensor, dbfs: float, *, clip: bool = False) -> Tensor:
    """Each item of `(batch, samples)` scaled to a root mean square of `dbfs` dB re full scale; silence stays silence.

    Without `clip` single samples may exceed 1.
    """
    target = 10 ** (dbfs / 20)
    rms = waveforms.square().mean(dim=-1, keepdim=True).sqrt()
    scaled = waveforms * (target / rms.clamp(min=1e-8))
    return scaled.clamp(-1, 1) if clip else scaled


def pre_emphasised(waveforms: Tensor, coefficient: float) -> Tensor:
    """x[t] - coefficient * x[t - 1] of `(batch, samples)`; the first sample stays as it is."""
    return torch.cat([waveforms[:, :1], waveforms[:, 1:] - coefficient * waveforms[:, :-1]], dim=1)


class Detector(nn.Module):
    """Waveforms `(batch, samples)`, float32 at 16,000 Hz, to outputs `(batch, outputs)`."""

    def __init__(
        self,
        spec: InputSpec,
        frontend: nn.Module,
        backend: nn.Module,
        outputs: int,
        head: Head = "logits",
        bonafide: Sequence[bool] = (),
    ) -> None:
        """`bonafide` says of each output whether it is bona fide, for scores that are log odds; see `scores_of`."""
        super().__init__()
        self.level = spec
        self.frontend = frontend
        self.backend = backend
        self.outputs = outputs
        self.head = head
        self.bonafide = tuple(bonafide)

    def forward(self, waveforms: Tensor) -> Tensor:
        """The outputs `(batch, outputs)` of the backend, logits or cosines; see `grid.detectors.contract.Backend`."""
        outputs: Tensor = self.backend(self.frontend(self.levelled(waveforms)))
        return outputs

    def levelled(self, waveforms: Tensor) -> Tensor:
        """The waveforms at the input level, then with pre-emphasis, as the detector's file has them.

        The level over a whole utterance is set before the crop, not here.
        """
        if self.level.dbfs is not None and self.level.over != "utterance":
            waveforms = at_level(waveforms, self.level.dbfs, clip=self.level.clip)
        return waveforms if self.level.pre_emphasis is None else pre_emphasised(waveforms, self.level.pre_emphasis)

    @torch.no_grad()
    def score(self, waveforms: Tensor) -> Tensor:
        """Scores `(batch,)` without gradients; call `eval()` first, else dropout and batch norm are active."""
        return scores_of(self(waveforms), self.head, self.bonafide)

    def learned_state(self) -> dict[str, Tensor]:
        """The state dict without a frozen frontend: the tensors that training changes and saves."""
        frozen = not any(parameter.requires_grad for parameter in self.frontend.parameters())
        state: dict[str, Tensor] = self.state_dict()
        return {name: tensor for name, tensor in state.items() if not (frozen and name.startswith("frontend."))}


def build_detector(
    spec: DetectorSpec, seed: int, frontend: nn.Module | None = None, bonafide: Sequence[bool] = ()
) -> Detector:
    """The detector's module on the CPU, in train mode, with the initial weights that belong to `seed`.

    `frontend` is a module to use instead of a new one: a frozen encoder that several detectors share. `bonafide` says
    of each class of a policy of several outputs whether it is bona fide in a score; empty for detection. The state of
    torch's global generator neither matters nor changes.
    """
    frontend_spec, backend_spec = spec.resolved_frontend(), spec.resolved_backend(len(bonafide) or None)
    if spec.score == "log odds" and not bonafide:
        bonafide = (False, True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_number("initialise", seed))
        frontend_module = frontend_spec.build() if frontend is None else frontend
        torch.manual_seed(seed_number("initialise", seed))  # the frontend may have drawn numbers
        backend_module = backend_spec.build(frontend_spec.features)
        return Detector(spec.input, frontend_module, backend_module, backend_spec.outputs, backend_spec.head, bonafide)
