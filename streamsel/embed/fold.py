"""Folds batch norms into the preceding convolutions of a network."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.hooks import RemovableHandle

from streamsel.embed.device import one_thread

_CLOSE = 1e-5


@dataclass(slots=True)
class _Trail:
    """Records, in one pass, which batch norm takes the unmodified output of which convolution."""

    outputs: dict[int, tuple[nn.Conv2d, Tensor, int]] = field(default_factory=dict)
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = field(default_factory=list)
    calls: dict[nn.Module, int] = field(default_factory=dict)

    def note_convolution(self, module: nn.Module, _: object, output: object) -> None:
        self.calls[module] = self.calls.get(module, 0) + 1
        if isinstance(module, nn.Conv2d) and isinstance(output, Tensor):
            # Holding the tensor keeps its id from being reused.
            self.outputs[id(output)] = module, output, output._version

    def note_norm(self, module: nn.Module, inputs: tuple[object, ...]) -> None:
        self.calls[module] = self.calls.get(module, 0) + 1
        convolution, output, version = self.outputs.get(id(inputs[0]), (None, None, 0))
        if (
            convolution is not None
            and output is not None
            and output._version == version
            and isinstance(module, nn.BatchNorm2d)
        ):
            self.pairs.append((convolution, module))


def fold_batch_norms(network: nn.Module, side: int) -> int:
    """Fold batch norms into the convolutions before them, in place, for inference only.

    One pass on (3, S, S) noise finds the pairs; a second one verifies that the unit vectors changed
    by at most 1e-5, and otherwise the network is restored. Returns the number of folded norms.
    """
    if not any(_foldable(module) for module in network.modules()):
        return 0
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    # Tensors of inference mode have no version counter.
    with one_thread(), torch.inference_mode(False), torch.no_grad():
        trail = _Trail()
        before = _follow(network, noise, trail)
        if not isinstance(before, Tensor):
            return 0
        pairs = [pair for pair in trail.pairs if all(trail.calls[each] == 1 for each in pair)]
        undo = _replace(network, pairs)
        after = network(noise)
        if not torch.allclose(_unit(before), _unit(after), rtol=0, atol=_CLOSE):
            for parent, name, module in undo:
                setattr(parent, name, module)
            return 0
    return len(pairs)


def _foldable(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d) and module.track_running_stats and not module.training


def _follow(network: nn.Module, noise: Tensor, trail: _Trail) -> object:
    handles: list[RemovableHandle] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(trail.note_convolution))
        elif _foldable(module):
            handles.append(module.register_forward_pre_hook(trail.note_norm))
    try:
        return network(noise)
    finally:
        for handle in handles:
            handle.remove()


def _replace(
    network: nn.Module, pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]]
) -> list[tuple[nn.Module, str, nn.Module]]:
    """Insert the folded convolutions; return parent, name and original module of each change."""
    fresh: dict[nn.Module, nn.Module] = {}
    for convolution, norm in pairs:
        fresh[convolution] = fuse_conv_bn_eval(convolution, norm)
        # Norms of other libraries may include an activation, as child modules in order of use. The
        # comparison afterwards finds those for which that does not hold.
        fresh[norm] = nn.Sequential(*norm.children())
    undo = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if child in fresh
    ]
    for parent, name, child in undo:
        setattr(parent, name, fresh[child])
    return undo


def _unit(vectors: Tensor) -> Tensor:
    return normalize(vectors.float().flatten(1))
