"""RAPTOR, the network of DF-Arena: gated layers of a speech encoder, and conformer blocks with a class token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def sinusoids(frames: int, size: int, device: torch.device) -> Tensor:
    """`(frames, size)`: sines in the even columns, cosines in the odd, two columns of one frequency (Vaswani 2017)."""
    column = torch.arange(size, device=device)
    frequency = 10_000.0 ** (-2 * torch.div(column, 2, rounding_mode="floor") / size)
    angle = torch.arange(frames, device=device)[:, None] * frequency
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


class FeedForward(nn.Module):
    """`(batch, frames, size)` to the same; half of the result is added to the input (Gulati et al. 2020, eq. 1)."""

    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.enter = nn.Linear(size, inner)
        self.leave = nn.Linear(inner, size)

    def forward(self, frames: Tensor) -> Tensor:
        return frames + 0.5 * self.leave(functional.silu(self.enter(self.norm(frames))))


class HeadTokenAttention(nn.Module):
    """Self-attention over a class token, frames and one token for each head; `(batch, 1 + frames, size)` to the same.

    Lu, Xie, Liu, Zhang 2022, "Bridging the gap between vision transformers and convolutional neural networks on small
    datasets" (NeurIPS, arXiv 2210.05958), as DF-Arena's conformer.py has it: a head's token is made from the mean over
    time of that head's share of the values. After the attention the means of the head tokens and of the frames are
    added to the class token.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads, share = heads, size // heads
        self.norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size, bias=False)
        self.project = nn.Linear(size, size)
        self.to_token = nn.Linear(share, size)
        self.token_norm = nn.LayerNorm(share)
        self.token_position = nn.Parameter(torch.zeros(1, heads, size))

    def forward(self, frames: Tensor) -> Tensor:
        tokens = self.norm(frames)
        batch, length, size = tokens.shape
        with_heads = torch.cat([tokens, self._head_tokens(tokens)], dim=1)
        shape = (batch, length + self.heads, 3, self.heads, size // self.heads)
        query, key, value = self.qkv(with_heads).view(shape).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        first, others, of_heads = self.project(attended).split([1, length - 1, self.heads], dim=1)
        first = first + of_heads.mean(dim=1, keepdim=True) + others.mean(dim=1, keepdim=True)
        return frames + torch.cat([first, others], dim=1)

    def _head_tokens(self, tokens: Tensor) -> Tensor:
        """One token `(batch, heads, size)` for each head."""
        shares = tokens.mean(dim=1).unflatten(1, (self.heads, -1))
        wide = self.to_token(shares).unflatten(2, (self.heads, -1))
        return functional.gelu(self.token_norm(wide)).flatten(2) + self.token_position


class Convolution(nn.Module):
    """The convolution module of a conformer: pointwise with a gate, depthwise, pointwise; `(batch, frames, size)`."""

    def __init__(self, size: int, expansion: int, kernel: int) -> None:
        super().__init__()
        inner = size * expansion
        self.norm = nn.LayerNorm(size)
        self.enter = nn.Conv1d(size, 2 * inner, 1)
        self.depthwise = nn.Conv1d(inner, inner, kernel, groups=inner, padding="same")
        self.depthwise_norm = nn.BatchNorm1d(inner)
        self.leave = nn.Conv1d(inner, size, 1)

    def forward(self, frames: Tensor) -> Tensor:
        gated = functional.glu(self.enter(self.norm(frames).transpose(1, 2)), dim=1)
        mixed = functional.silu(self.depthwise_norm(self.depthwise(gated)))
        return frames + self.leave(mixed).transpose(1, 2)


class ConformerBlock(nn.Module):
    """Gulati et al. 2020, "Conformer", figure 1, with the attention of `HeadTokenAttention`."""

    def __init__(self, size: int, *, heads: int, feed_forward: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.before = FeedForward(size, size * feed_forward)
        self.attention = HeadTokenAttention(size, heads)
        self.convolution = Convolution(size, expansion, kernel)
        self.after = FeedForward(size, size * feed_forward)
        self.norm = nn.LayerNorm(size)

    def forward(self, frames: Tensor) -> Tensor:
        mixed = self.convolution(self.attention(self.before(frames)))
        result: Tensor = self.norm(self.after(mixed))
        return result


class RaptorNetwork(nn.Module):
    """Hidden states `(layers, batch, frames, size)`, the input embedding first, to logits `(batch, outputs)`.

    With the state H_l of each layer, t over frames:

        p_l = sum_t softmax_t(a . H_l[t]) H_l[t];   g_l = sigmoid(Linear(p_l));   X = sum_l g_l H_l
        BN(X) -> SELU -> + positions -> class token in front -> conformer blocks -> Linear of the class token

    Kulkarni et al. 2026, "Do compact SSL backbones matter for audio deepfake detection? A controlled study with
    RAPTOR" (arXiv 2603.06164); details from backbone.py and conformer.py of the hub's DF_Arena_1B_V_1.
    Any number of frames from one on.
    """

    def __init__(
        self, size: int, *, heads: int, feed_forward: int, expansion: int, kernel: int, blocks: int, outputs: int
    ) -> None:
        super().__init__()
        self.frame_score = nn.Linear(size, 1, bias=False)
        self.layer_gate = nn.Linear(size, 1)
        self.norm = nn.BatchNorm2d(1)
        self.class_token = nn.Parameter(torch.rand(1, size))
        self.blocks = nn.ModuleList(
            ConformerBlock(size, heads=heads, feed_forward=feed_forward, expansion=expansion, kernel=kernel)
            for _ in range(blocks)
        )
        self.out_layer = nn.Linear(size, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        frames = functional.selu(self.norm(self._gated_sum(hidden).unsqueeze(1))).squeeze(1)
        frames = frames + sinusoids(frames.shape[1], frames.shape[2], frames.device)
        tokens = torch.cat([self.class_token.expand(len(frames), 1, -1), frames], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        logits: Tensor = self.out_layer(tokens[:, 0])
        return logits

    def _gated_sum(self, layers: Tensor) -> Tensor:
        """The sum over the layers `(batch, frames, size)`, each weighted by its gate."""
        weights = self.frame_score(layers).softmax(dim=2)
        pooled = (weights * layers).sum(dim=2)
        gates = self.layer_gate(pooled).sigmoid().squeeze(2)
        return torch.einsum("lb,lbtd->btd", gates, layers)
