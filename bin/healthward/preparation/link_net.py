"""The network that finds brains: LinkNet (Chaurasia and Culurciello, VCIP 2017) in three dimensions.

Layers and the names of weights are those of deepbet's networks (Fisch et al., Computers in Biology and Medicine 2024).
"""

import torch
from torch import Tensor, nn


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = False) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias)


def _normed(layer: nn.Conv3d | nn.ConvTranspose3d, active: bool = True) -> nn.Sequential:
    return nn.Sequential(layer, nn.InstanceNorm3d(layer.out_channels), *([nn.ReLU()] if active else []))


def _enlarging(channels: int, outputs: int, stride: int, bias: bool) -> nn.ConvTranspose3d:
    return nn.ConvTranspose3d(channels, outputs, 3, stride, padding=1, output_padding=stride - 1, bias=bias)


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        first = _normed(_convolution(inputs, outputs, stride=stride))
        self.double_conv = nn.Sequential(*first, *_normed(_convolution(outputs, outputs), active=False))
        same = inputs == outputs
        self.downsample = nn.Identity() if same else _normed(_convolution(inputs, outputs, 1, stride), active=False)

    def forward(self, volume: Tensor) -> Tensor:
        return torch.relu(self.double_conv(volume) + self.downsample(volume))


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.block1, self.block2 = _Residual(inputs, outputs, stride), _Residual(outputs, outputs, 1)

    def forward(self, volume: Tensor) -> Tensor:
        found: Tensor = self.block2(self.block1(volume))
        return found


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        within = inputs // 4
        self.conv1 = _normed(_convolution(inputs, within, 1))
        self.tp_conv = _normed(_enlarging(within, within, stride, bias=False))
        self.conv2 = _normed(_convolution(within, outputs, 1))

    def forward(self, volume: Tensor) -> Tensor:
        found: Tensor = self.conv2(self.tp_conv(self.conv1(volume)))
        return found


class LinkNet(nn.Module):
    """Two classes at each voxel of one volume.

    Takes (1, 1, X, Y, Z) with edges that are multiples of 32, returns probabilities (1, 2, X, Y, Z); the second is that
    of what is looked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.init = nn.Sequential(*_normed(_convolution(1, 16, 7, 2)), nn.MaxPool3d(3, 2, 1))
        self.down0, self.down1 = _Down(16, 16, 1), _Down(16, 32, 2)
        self.down2, self.down3 = _Down(32, 64, 2), _Down(64, 128, 2)
        self.up0, self.up1, self.up2, self.up3 = _Up(128, 64, 2), _Up(64, 32, 2), _Up(32, 16, 2), _Up(16, 16, 1)
        self.tp_conv1 = _normed(_enlarging(16, 8, 2, bias=True))
        self.conv = _normed(_convolution(8, 8, bias=True))
        self.tp_conv2 = nn.ConvTranspose3d(8, 2, 2, 2)

    def forward(self, volume: Tensor) -> Tensor:
        """Return the probabilities of both classes."""
        first = self.init(volume)
        second = self.down0(first)
        third = self.down1(second)
        fourth = self.down2(third)
        found = self.up0(self.down3(fourth)) + fourth
        found = self.up1(found) + third
        found = self.up2(found) + second
        found = self.up3(found) + first
        return torch.softmax(self.tp_conv2(self.conv(self.tp_conv1(found))), dim=1)
