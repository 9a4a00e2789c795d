"""Runs batches through a network on a GPU: overlapped copies, half precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from streamsel.embed.forward import checked, lay_out
from streamsel.embed.preprocess import Prepared
from streamsel.frame import Thumbnail, Vectors

BATCH = 64
"""Large enough to keep a GPU busy, small enough that a single frame does not wait for padding."""
SLOTS = 3
"""One batch is filled, one copied, one computed."""

_BFLOAT16_FROM = (8, 0)
"""Minimum compute capability; older GPUs emulate bfloat16 slowly."""

_new_event: Callable[[], torch.cuda.Event] = torch.cuda.Event
_new_stream: Callable[[], torch.cuda.Stream] = torch.cuda.Stream


class CudaSlot:
    """Pinned memory for a batch, its copy on the GPU, and room for its vectors.

    Only uint8 crosses the bus, and only rows in use. Rows left over from an earlier batch change
    nothing: a network in inference mode processes each row alone.
    """

    def __init__(
        self,
        network: nn.Module,
        side: int,
        *,
        batch: int,
        copies: torch.cuda.Stream,
        kernels: torch.cuda.Stream,
        precision: torch.dtype,
    ) -> None:
        self.batch = batch
        self._network, self._precision = network, precision
        self._copies, self._kernels = copies, kernels
        self._pixels = torch.zeros((batch, side, side, 3), dtype=torch.uint8, device=kernels.device)
        self._staging = torch.zeros(self._pixels.shape, dtype=torch.uint8, pin_memory=True)
        self._rows = self._staging.numpy()
        self._copied, self._done = _new_event(), _new_event()
        with torch.cuda.device(kernels.device):
            kernels.wait_stream(torch.cuda.current_stream())
            vectors = self._compute()
            self.dim = vectors.shape[1]
            self._vectors = torch.empty(vectors.shape, dtype=torch.float32, pin_memory=True)
            kernels.synchronize()

    def start(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Fill the pinned rows and queue the copy, the network and the copy back."""
        self._done.synchronize()
        count = len(thumbnails)
        for row, thumbnail in enumerate(thumbnails):
            self._rows[row] = thumbnail
        # Streams and events act on the device that is current in this thread.
        with torch.cuda.device(self._pixels.device):
            with torch.cuda.stream(self._copies):
                self._pixels[:count].copy_(self._staging[:count], non_blocking=True)
                self._copied.record()
            self._kernels.wait_event(self._copied)
            vectors = self._compute()
            with torch.cuda.stream(self._kernels):
                self._vectors[:count].copy_(vectors[:count], non_blocking=True)
                self._done.record()

    def finish(self, into: Vectors) -> None:
        """Wait for the batch and write the first rows of its vectors."""
        self._done.synchronize()
        into[:] = self._vectors.numpy()[: len(into)]

    def _compute(self) -> Tensor:
        """Queue the network: (B, D) float32, allocated and used only on the stream of kernels."""
        half = torch.autocast("cuda", dtype=self._precision)
        with torch.cuda.stream(self._kernels), torch.inference_mode(), half:
            return checked(self._network(self._pixels.permute(0, 3, 1, 2)), self.batch).float()


def open_cuda_slots(
    network: Prepared,
    side: int,
    device: torch.device,
    *,
    batch: int = BATCH,
    compiled: bool = False,
) -> list[CudaSlot]:
    """Move a network to a GPU and create its ring of slots; the first pass warms it up.

    ``compiled`` uses ``torch.compile``: takes minutes at first use, and needs a C compiler. Raises
    :class:`ValueError` for a network that does not return (N, D).
    """
    module: nn.Module = lay_out(network).to(device)
    if compiled:
        module.compile(dynamic=False)
    with torch.cuda.device(device):
        copies, kernels = _new_stream(), _new_stream()
    return [
        CudaSlot(
            module,
            side,
            batch=batch,
            copies=copies,
            kernels=kernels,
            precision=half_precision(device),
        )
        for _ in range(SLOTS)
    ]


def half_precision(device: torch.device) -> torch.dtype:
    """Return bfloat16 if the GPU computes with it, else float16."""
    newer = torch.cuda.get_device_capability(device) >= _BFLOAT16_FROM
    return torch.bfloat16 if newer else torch.float16
