"""Forward and backward passes of AASIST-L, to be run in a process of its own, because the allocator is set for good."""

from __future__ import annotations

import time
from typing import Any

import torch

from cluster.runtime.glibc_memory import keep_freed_memory
from grid.detectors.network import build_detector
from grid.detectors.spec import load_detector_spec
from grid.training.losses import ClassWeights, detection_loss

BATCH, SAMPLES, STEPS = 2, 64_600, 3


def aasist_passes(keep: bool) -> dict[str, Any]:
    """Items per second on one thread, after one batch to warm up; `keep`: with `keep_freed_memory`."""
    if keep and not keep_freed_memory():
        raise RuntimeError("this C library has no switch for it")
    torch.set_num_threads(1)
    model = build_detector(load_detector_spec("aasist-l"), seed=0)
    torch.manual_seed(0)
    waveforms, targets = 0.1 * torch.randn(BATCH, SAMPLES), torch.tensor([0.0, 1.0])
    start = 0.0
    for step in range(STEPS + 1):
        if step == 1:
            start = time.perf_counter()
        model.zero_grad(set_to_none=True)
        detection_loss(model(waveforms), targets, ClassWeights()).backward()
    return {"items_per_second": STEPS * BATCH / (time.perf_counter() - start)}
