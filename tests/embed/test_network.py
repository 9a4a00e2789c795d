from __future__ import annotations

import torch

from streamsel.embed.forward import lay_out
from streamsel.embed.network import DIM, INPUT_SIZE, Network


def _settled_network() -> Network:
    """A network with trained batch norms."""
    torch.manual_seed(0)
    network = Network().train()
    for _ in range(3):
        network(255 * torch.rand(16, 3, INPUT_SIZE, INPUT_SIZE))
    return network.eval()


def test_shape() -> None:
    with torch.inference_mode():
        assert Network().eval()(torch.zeros(2, 3, 64, 64)).shape == (2, DIM)


def test_fusing_changes_rounding_alone() -> None:
    network = _settled_network()
    pixels = 255 * torch.rand(4, 3, INPUT_SIZE, INPUT_SIZE)
    with torch.inference_mode():
        before = network(pixels)
        after = lay_out(network.fuse())(pixels)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in network.modules())


def test_the_vector_knows_where_things_are() -> None:
    network = _settled_network()
    left = torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE)
    left[..., 24:40, 4:20] = 255
    with torch.inference_mode():
        gap = (network(left) - network(left.flip(3))).norm() / network(left).norm()
    assert float(gap) > 0.01
