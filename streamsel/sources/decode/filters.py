"""Applies the user's ffmpeg filter chain to decoded pictures, with libavfilter.

The syntax is that of ffmpeg's ``-vf`` (https://ffmpeg.org/ffmpeg-filters.html, "Filtergraph
syntax"): filters separated by commas, chains by semicolons, ``[labels]`` between them. PyAV does
not expose libavfilter's parser; see :mod:`~streamsel.sources.decode.filter_syntax`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, TypeAlias, TypeVar

import av
import av.logging
from av.filter import Graph
from av.filter.context import FilterContext

from streamsel.errors import ConfigurationError, SourceError
from streamsel.redaction import redact
from streamsel.sources.decode.filter_list import require_filter
from streamsel.sources.decode.filter_syntax import Chain, parse
from streamsel.sources.decode.orientation import Orientation

_Result = TypeVar("_Result")
_LOG_LOCK = threading.Lock()  # libav has one log
_Pad: TypeAlias = tuple[FilterContext, int]

_RATE_CHANGERS = {
    *("decimate", "detelecine", "doubleweave", "fieldmatch", "fps", "framerate", "framestep"),
    *("freezeframes", "loop", "minterpolate", "mpdecimate", "pullup", "random", "reverse"),
    *("segment", "select", "separatefields", "setpts", "shuffleframes", "telecine", "thumbnail"),
    *("tile", "tinterlace", "tpad", "trim", "weave"),
}


class FilterChain:
    """Applies an ffmpeg filter chain; the filters determine the number of output pictures.

    Pictures are rotated upright first, as ffmpeg does. If their size or format changes, the chain
    is drained and built anew. Raises :class:`ConfigurationError`, with ffmpeg's reason, for a chain
    that ffmpeg refuses: on construction for unknown filters and options, with the first picture for
    the rest; and :class:`SourceError` if filtering fails later.

    ``rate`` is frames per second of the video, ``pixel_aspect`` the stored width of a pixel divided
    by its height; None if undeclared. Some filters need them (``fps``, ``decimate``,
    ``scale=iw*sar:ih``). ``overruling_aspect`` replaces the pixel aspect of each input picture.
    Output pictures carry their own.
    """

    def __init__(
        self,
        text: str,
        *,
        rate: Fraction | None = None,
        pixel_aspect: Fraction | None = None,
        overruling_aspect: Fraction | None = None,
    ) -> None:
        self.text = text
        self._preparing = () if overruling_aspect is None else (f"setsar={overruling_aspect}",)
        self._declared = {"pixel_aspect": str(pixel_aspect or Fraction(0))}
        if rate:
            self._declared["frame_rate"] = str(rate)
        self._chains = _explained(text, lambda: parse(text))
        self.keeps_rate = not any(
            node.name in _RATE_CHANGERS for chain in self._chains for node in chain
        )
        self.finished = False
        self._graph: Graph | None = None
        self._shape: tuple[object, ...] | None = None
        _explained(text, self._probe)

    def apply(
        self, image: av.VideoFrame, time_base: Fraction, orientation: Orientation
    ) -> Iterator[av.VideoFrame]:
        """Push one picture, which must have a pts; yield the output so far.

        After a filter has ended the stream (``trim``), ``finished`` is True and nothing more is
        output.
        """
        shape = (
            image.width,
            image.height,
            image.format.name,
            image.colorspace,
            image.color_range,
            orientation,
            time_base,
        )
        if shape != self._shape:
            yield from self.drain()
            self._graph = _explained(self.text, lambda: self._build(image, time_base, orientation))
            self._shape = shape
        if self.finished or self._graph is None:
            return
        self._push(self._graph, image)
        yield from self._pull(self._graph)

    def drain(self) -> Iterator[av.VideoFrame]:
        """Yield the pictures still held by the filters. The next picture builds the chain anew."""
        graph, self._graph, self._shape = self._graph, None, None
        if graph is None or self.finished:
            return
        self._push(graph, None)
        yield from self._pull(graph)

    def _push(self, graph: Graph, image: av.VideoFrame | None) -> None:
        try:
            graph.vpush(image)
        except av.error.EOFError:
            self.finished = graph is self._graph
        except av.FFmpegError as error:
            raise self._failure(error) from None

    def _pull(self, graph: Graph) -> Iterator[av.VideoFrame]:
        while True:
            try:
                image = graph.vpull()
            except av.error.BlockingIOError:
                return
            except av.error.EOFError:
                self.finished = graph is self._graph
                return
            except av.FFmpegError as error:
                raise self._failure(error) from None
            yield image

    def _failure(self, error: av.FFmpegError) -> SourceError:
        return SourceError(f"filter chain '{redact(self.text)}' failed: {error.strerror}")

    def _probe(self) -> None:
        """Validate filter names and options without a video."""
        graph = Graph()
        for chain in self._chains:
            for node in chain:
                require_filter(node.name)
                graph.add(node.name, node.options)

    def _build(self, image: av.VideoFrame, time_base: Fraction, orientation: Orientation) -> Graph:
        graph = Graph()
        graph.threads = 1
        end = graph.add(
            "buffer",
            video_size=f"{image.width}x{image.height}",
            pix_fmt=image.format.name,
            time_base=str(time_base),
            colorspace=str(image.colorspace),
            range=str(image.color_range),
            **self._declared,
        )
        for turn in (*self._preparing, *orientation.filters):
            name, _, options = turn.partition("=")
            turned = graph.add(name, options or None)
            end.link_to(turned)
            end = turned
        wiring = _Wiring(graph, end)
        for chain in self._chains:
            wiring.add(chain)
        wiring.close()
        graph.configure()
        return graph


def _explained(text: str, attempt: Callable[[], _Result]) -> _Result:
    """Call ``attempt``; convert PyAV's errors to :class:`ConfigurationError` with ffmpeg's reason.

    Only libav's log has the reason. PyAV keeps the log off, because it may block on the GIL; so a
    failed attempt is repeated with the log on.
    """
    try:
        return attempt()
    except av.FFmpegError as error:
        reason = error.strerror or "ffmpeg refuses it"
        with _LOG_LOCK, av.logging.Capture(local=False) as logs:
            av.logging.set_level(av.logging.ERROR)
            with suppress(av.FFmpegError):
                attempt()
            av.logging.set_level(None)
        # The log may include messages of decoders in other threads.
        said = [f"{name}: {line.strip()}" for _, name, line in logs if name in text]
        reason = said[0] if said else reason
    except ValueError as error:
        reason = str(error)
    except ConfigurationError as error:
        raise ConfigurationError(f"filter chain '{redact(text)}': {error}") from None
    raise ConfigurationError(
        f"filter chain '{redact(text)}': {redact(reason)}; write it as for ffmpeg -vf"
    )


class _Wiring:
    """Adds filters to a graph and links them, by labels and by position in their chain."""

    def __init__(self, graph: Graph, source: FilterContext) -> None:
        self._graph = graph
        self._given: dict[str, _Pad] = {"in": (source, 0)}
        self._taken: dict[str, _Pad] = {}
        self._loose_inputs: list[_Pad] = []
        self._loose_outputs: list[_Pad] = []
        self._source = (source, 0)

    def add(self, chain: Chain) -> None:
        """Add a chain. Inputs take their labels first, then the outputs of the filter before."""
        carried: list[_Pad] = []
        for node in chain:
            # PyAV's stubs lack inputs and outputs.
            context: Any = self._graph.add(node.name, node.options)
            inputs = [(context, pad) for pad in range(len(context.inputs))]
            outputs = [(context, pad) for pad in range(len(context.outputs))]
            if len(node.takes) > len(inputs) or len(node.gives) > len(outputs):
                raise ValueError(f"{node.name} has more labels than inputs or outputs")
            self._taken.update(zip(node.takes, inputs, strict=False))
            self._given.update(zip(node.gives, outputs, strict=False))
            for pad in inputs[len(node.takes) :]:
                if carried:
                    _link(carried.pop(0), pad)
                else:
                    self._loose_inputs.append(pad)
            self._loose_outputs += carried
            carried = outputs[len(node.gives) :]
        self._loose_outputs += carried

    def close(self) -> None:
        """Link labels, then the source to the one free input and the one free output to a sink."""
        self._loose_outputs += [
            pad for label, pad in self._given.items() if label not in self._taken and label != "in"
        ]
        for label, pad in self._taken.items():
            if label not in self._given:
                raise ValueError(f"no filter outputs [{label}]")
            _link(self._given[label], pad)
        if len(self._loose_inputs) + ("in" in self._taken) != 1:
            raise ValueError("it must have exactly one input, the video")
        if len(self._loose_outputs) != 1:
            raise ValueError("it must have exactly one output")
        for pad in self._loose_inputs:
            _link(self._source, pad)
        _link(self._loose_outputs[0], (self._graph.add("buffersink"), 0))


def _link(source: _Pad, target: _Pad) -> None:
    source[0].link_to(target[0], source[1], target[1])
