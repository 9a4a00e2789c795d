from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from streamsel.embed.fold import fold_batch_norms


def used(network: nn.Module) -> nn.Module:
    """A network with trained batch norms, in inference mode."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_()
    return network.eval()


class ActiveNorm(nn.BatchNorm2d):
    """As other libraries have it: a batch norm that activates, too."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.act = nn.Hardswish()

    def forward(self, x: Tensor) -> Tensor:
        active: Tensor = self.act(super().forward(x))
        return active


class Doubling(nn.BatchNorm2d):
    """One that does what its parts do not tell."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).square()


class Shared(nn.Module):
    """One convolution, twice, before two norms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(3), nn.BatchNorm2d(3)])

    def forward(self, x: Tensor) -> Tensor:
        for norm in self.norms:
            x = norm(self.conv(x))
        return x.flatten(1)


class Changed(nn.Module):
    """What a convolution gave is changed in place before the norm sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x).relu_())
        return normed.flatten(1)


class Leaking(nn.Module):
    """What a convolution gave is used beside the norm, too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        both: Tensor = self.norm(y).relu() + y
        return both.flatten(1)


def chain(norm: type[nn.BatchNorm2d]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, bias=False), norm(8), nn.Conv2d(8, 6, 3, groups=2), norm(6),
        nn.Flatten(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("network", "folded"),
    [
        (chain(nn.BatchNorm2d), 2),
        (chain(ActiveNorm), 2),
        (chain(Doubling), 0),
        (Shared(), 0),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), Shared()), 1),
        (Changed(), 0),
        (Leaking(), 0),
        (nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.Flatten()), 0),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), 0),
    ],
)
def test_only_what_may_be_folded_is(network: nn.Module, folded: int) -> None:
    used(network)
    pixels = torch.rand(4, 3, 16, 16)
    norms = sum(isinstance(each, nn.BatchNorm2d) for each in network.modules())
    with torch.inference_mode():
        before = network(pixels)
        assert fold_batch_norms(network, 16) == folded
        after = network(pixels)
    if folded:
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    else:
        assert torch.equal(after, before)
    left = sum(isinstance(each, nn.BatchNorm2d) for each in network.modules())
    assert left == norms - folded


def test_a_network_in_training_is_left_alone() -> None:
    network = used(chain(nn.BatchNorm2d)).train()
    state = {name: each.clone() for name, each in network.state_dict().items()}
    assert fold_batch_norms(network, 16) == 0
    assert all(torch.equal(state[name], each) for name, each in network.state_dict().items())


class Spy(nn.Module):
    """Tells how many threads torch may use while it computes."""

    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self._seen = seen

    def forward(self, x: Tensor) -> Tensor:
        self._seen.append(torch.get_num_threads())
        return x.flatten(1)


def test_what_tells_whether_norms_can_be_folded_is_computed_by_one_thread() -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    torch.set_num_threads(3)
    try:
        network = used(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Spy(seen)))
        assert fold_batch_norms(network, 16) == 1
        assert set(seen) == {1}
    finally:
        torch.set_num_threads(before)
