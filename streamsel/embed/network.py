"""The built-in network: plain 3x3 convolutions from a 64 px thumbnail to a 256-d vector.

At this size plain convolutions beat depthwise ones on a CPU: they keep its vector units busy. The
last map is not averaged away but read as a 2 x 2 grid, so the vector knows roughly where things
are; selection within one scene needs that.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

INPUT_SIZE = 64
DIM = 256
_WIDTHS = (16, 32, 64, 128, 192)
_GRID_CELLS = 4
_MEAN = (123.7, 116.3, 103.5)
_SPREAD = 64.0


class Block(nn.Module):
    """A 3x3 convolution with batch norm and ReLU; residual where it keeps size and width."""

    def __init__(self, width_in: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.conv: nn.Module = nn.Conv2d(width_in, width_out, 3, stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(width_out)
        self.residual = stride == 1 and width_in == width_out

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = self.norm(self.conv(x))
        return relu(y.add(x) if self.residual else y, inplace=True)

    def fuse(self) -> None:
        """Fold the batch norm into the convolution; for inference only."""
        if isinstance(self.conv, nn.Conv2d) and isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class Network(nn.Module):
    """Thumbnails to vectors, not yet of unit length. About 10 million multiplications a frame."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        stem, low, middle, high, top = _WIDTHS
        self.blocks = nn.Sequential(
            Block(3, stem, 2),  # 32 x 32
            Block(stem, low, 2),  # 16 x 16
            Block(low, middle, 2),  # 8 x 8
            Block(middle, middle, 1),
            Block(middle, high, 2),  # 4 x 4
            Block(high, high, 1),
            Block(high, top, 2),  # 2 x 2
        )
        self.head = nn.Linear(top * _GRID_CELLS, DIM)
        mean = torch.tensor(_MEAN).view(1, 3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 64, 64) float RGB in 0..255 to (N, 256)."""
        x = (pixels - self.mean) / _SPREAD
        vectors: Tensor = self.head(self.blocks(x).flatten(1))
        return vectors

    def lay_out(self) -> Network:
        """Store the kernels channels last, as CPUs read them fastest, and return the network."""
        for kernel in self.parameters():
            if kernel.ndim == 4:
                kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
        return self

    def fuse(self) -> Network:
        """Fold batch norms into convolutions, in place, and return the network for inference."""
        self.eval()
        for block in self.blocks:
            if isinstance(block, Block):
                block.fuse()
        return self
