"""Streams of torch's random numbers: alternating streams draw what each would draw alone."""

from __future__ import annotations

import torch

from grid.core.torch_stream import TorchStream

CPU = torch.device("cpu")


def test_streams_that_take_turns_draw_what_each_draws_alone() -> None:
    expected = {}
    for seed in (1, 2):
        torch.manual_seed(seed)
        expected[seed] = torch.rand(6)
    streams = {seed: TorchStream(CPU) for seed in (1, 2)}
    drawn: dict[int, list[torch.Tensor]] = {1: [], 2: []}
    for seed, stream in streams.items():
        stream.seed(seed)
    for _ in range(3):
        for seed, stream in streams.items():
            with stream:
                drawn[seed].append(torch.rand(2))
    for seed in (1, 2):
        assert torch.equal(torch.cat(drawn[seed]), expected[seed])


def test_a_stream_leaves_the_outer_generator_as_it_was() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    stream = TorchStream(CPU)
    stream.seed(0)
    with stream:
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
