"""The built-in network: maps a 64 px thumbnail to a 256-dimensional vector.

Plain 3x3 convolutions are faster than depthwise ones at this size on a CPU, because they keep its
vector units busy. A stem of stride 4 leaves time for width and depth at low resolution. The last
map is not averaged but read as a 2 x 2 grid, so the vector contains the rough positions of things,
which selection within one scene needs. The learned part is followed by a fixed one: the colours of
a 4 x 4 layout, as in MPEG-7's colour layout descriptor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

INPUT_SIZE = 64
DIM = 256
_LAYOUT_CELLS = 4
_LAYOUT_DIM = 3 * _LAYOUT_CELLS**2
LEARNED_DIM = DIM - _LAYOUT_DIM
_LAYOUT_WEIGHT = 0.45
# Keeps the layout of a nearly mid-grey picture short, so that its noise is not amplified.
_FAINT = 0.2
_WIDTHS = (32, 64, 128, 224)
_GRID_CELLS = 4
_MEAN = (123.7, 116.3, 103.5)
_SPREAD = 64.0


class ConvBlock(nn.Module):
    """A convolution with batch norm and ReLU; residual if size and width stay the same."""

    def __init__(self, width_in: int, width_out: int, stride: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv: nn.Module = nn.Conv2d(width_in, width_out, kernel, stride, padding=1, bias=False)
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
    """Maps thumbnails to unnormalised vectors. About 14 million multiplications each."""

    mean: Tensor
    ycc: Tensor

    def __init__(self) -> None:
        super().__init__()
        low, middle, high, top = _WIDTHS
        self.blocks = nn.Sequential(
            ConvBlock(3, low, 4, kernel=6),  # 16 x 16
            ConvBlock(low, middle, 2),  # 8 x 8
            ConvBlock(middle, middle, 1),
            ConvBlock(middle, middle, 1),
            ConvBlock(middle, high, 2),  # 4 x 4
            ConvBlock(high, high, 1),
            ConvBlock(high, high, 1),
            ConvBlock(high, top, 2),  # 2 x 2
        )
        self.head = nn.Linear(top * _GRID_CELLS, LEARNED_DIM)
        self.register_buffer("mean", torch.tensor(_MEAN).repeat(INPUT_SIZE), persistent=False)
        self.register_buffer("ycc", _rgb_to_ycc(), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 64, 64) float RGB in 0..255 to (N, 256): the learned part, then the layout."""
        return torch.cat([normalize(self.learned(pixels), dim=1), self.layout(pixels)], dim=1)

    def learned(self, pixels: Tensor) -> Tensor:
        """(N, 3, 64, 64) to (N, 208), not normalised: the trainable part."""
        rows = _rows(pixels)
        x = ((rows - self.mean) / _SPREAD).view(-1, INPUT_SIZE, INPUT_SIZE, 3)
        vectors: Tensor = self.head(self.blocks(x.permute(0, 3, 1, 2)).flatten(1))
        return vectors

    def layout(self, pixels: Tensor) -> Tensor:
        """(N, 3, 64, 64) to (N, 48): luma and chroma of a 4 x 4 grid, with a norm below 0.45."""
        side = INPUT_SIZE // _LAYOUT_CELLS
        bands = _rows(pixels).view(-1, _LAYOUT_CELLS, side, 3 * INPUT_SIZE).sum(2)  # (N, 4, 192)
        cells = bands.view(-1, _LAYOUT_CELLS**2, side, 3).sum(2) / (255 * side**2)  # (N, 16, 3)
        colours = self.ycc @ cells.mT  # (N, 3, 16)
        colours = torch.cat([colours[:, :1] - 0.5, colours[:, 1:]], dim=1).flatten(1)  # (N, 48)
        length = (colours.square().sum(1, keepdim=True) + _FAINT**2).sqrt()
        return _LAYOUT_WEIGHT * colours / length

    def fuse(self) -> Network:
        """Fold batch norms into convolutions, in place, and return the network for inference."""
        self.eval()
        for block in self.blocks:
            if isinstance(block, ConvBlock):
                block.fuse()
        return self


def _rows(pixels: Tensor) -> Tensor:
    """(N, 3, 64, 64) to (N, 64, 192), interleaved; no copy if channels are last in memory.

    Arithmetic on rows of 192 numbers is several times as fast as on rows of 3.
    """
    return pixels.permute(0, 2, 3, 1).reshape(-1, INPUT_SIZE, 3 * INPUT_SIZE)


def _rgb_to_ycc() -> Tensor:
    """(3, 3): luma and chroma differences of BT.601 from full-range RGB."""
    luma = torch.tensor([0.299, 0.587, 0.114])
    red, _, blue = torch.eye(3)
    return torch.stack([luma, 0.564 * (blue - luma), 0.713 * (red - luma)])
