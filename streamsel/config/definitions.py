"""Options that several surfaces have: type, unit, bounds and meaning of each, once.

The options of a run (:mod:`streamsel.config.options`), the sections of a configuration and the
options of the command line are annotated with these, so they accept the same values and say the
same. A default is not part of a definition, for files and live feeds differ in some.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from streamsel import choices
from streamsel.config import count, numbers
from streamsel.config import fields as kind
from streamsel.config.fields import Doc
from streamsel.pixels.size import PictureSize
from streamsel.prefilter.options import BOUNDS

DEFAULT_COUNT = 100

# How many frames are kept, and by which rule.
Count: TypeAlias = Annotated[
    int, kind.frame_count(), Doc("maximum number of frames to keep", str(DEFAULT_COUNT))
]
FeedCount: TypeAlias = Annotated[
    count.Count,
    kind.frames(),
    Doc("maximum number of frames to keep of each feed", str(DEFAULT_COUNT)),
]
Share: TypeAlias = Annotated[
    float, numbers.share(), Doc("keep about this share of all frames, not a count: 0.2 or 20%")
]
Seed: TypeAlias = Annotated[int, numbers.whole(0, 2**63 - 1), Doc("seed of random choices")]
Method: TypeAlias = Annotated[
    choices.Method,
    Doc(
        "rule of selection: online reads once, two-pass gives the best set, the others are for "
        "comparison"
    ),
]
MinDistance: TypeAlias = Annotated[
    float, numbers.number(0, 2), Doc("minimum embedding distance between two kept frames")
]
NearDuplicate: TypeAlias = Annotated[
    choices.NearDuplicate,
    numbers.floor(2),
    Doc("near-duplicate distance; auto calibrates it from the feed's noise"),
]
Calibration: TypeAlias = Annotated[
    choices.Calibration,
    Doc(
        "calibration of the near-duplicate distance: held-back decides no frame before it, "
        "on-the-way decides at once, as for live feeds"
    ),
]
_LOOK_AHEAD = Doc("frames decided together; 1 decides at once")
LookAhead: TypeAlias = Annotated[int, numbers.whole(1), _LOOK_AHEAD]
FeedLookAhead: TypeAlias = Annotated[int, numbers.whole(1, 1024), _LOOK_AHEAD]
Window: TypeAlias = Annotated[
    float,
    numbers.seconds(above=0),
    Doc("drop frames that were not seen again for this long: 24h", "never"),
]
Burst: TypeAlias = Annotated[
    str,
    kind.burst(),
    Doc(
        "keep at most this many frames of any stretch of time, once the set is full: 2/10s; auto "
        "keeps one per quarter of the mean gap of a fixed camera's kept frames"
    ),
]
PerInput: TypeAlias = Annotated[bool, Doc("keep that many frames of each input, not in total")]

# How inputs and feeds are read.
Start: TypeAlias = Annotated[
    float, numbers.seconds(0), Doc("start at this position: 90, 1m30s, 00:01:30", "the beginning")
]
End: TypeAlias = Annotated[float, numbers.seconds(0), Doc("end at this position", "the end")]
Fps: TypeAlias = Annotated[
    float,
    numbers.number(above=0, most=100_000),
    Doc("process at most this many frames per second", "all"),
]
Vf: TypeAlias = Annotated[
    str,
    Doc(
        "an ffmpeg filter chain applied first: crop, scale, yadif, fps, fieldmatch, decimate ...; "
        "this build lacks eq, boxblur, drawtext, delogo, hqdn3d, mpdecimate and zscale"
    ),
]
Mask: TypeAlias = Annotated[
    tuple[str, ...],
    kind.masks(),
    Doc("privacy masks: areas of the upright picture to hide before any processing"),
]
Decode: TypeAlias = Annotated[
    choices.Decode,
    Doc(
        "way of decoding: fast skips the loop filter, adaptive decodes in full only where pictures "
        "change"
    ),
]
FeedDecode: TypeAlias = Annotated[
    choices.FeedDecode, Doc("decode every frame, only reference frames, or only keyframes")
]
Hwaccel: TypeAlias = Annotated[
    str, Doc("hardware decoder: auto, cuda, vaapi ...; falls back to software", "software")
]
Transport: TypeAlias = Annotated[choices.Transport, Doc("transport of RTSP video")]
Jobs: TypeAlias = Annotated[
    int, numbers.whole(1, 64), Doc("number of inputs to read in parallel, each in a process")
]

# Which frames are refused before they are embedded.
KeepExactDuplicates: TypeAlias = Annotated[bool, Doc("judge pixel-identical repeats")]
KeepUnchanged: TypeAlias = Annotated[bool, Doc("judge frames that look unchanged")]
KeepCorrupt: TypeAlias = Annotated[bool, Doc("judge frames that the decoder reports as damaged")]
KeepBlack: TypeAlias = Annotated[bool, Doc("judge black frames")]
KeepUniform: TypeAlias = Annotated[bool, Doc("judge frames of one colour")]
KeepFrozen: TypeAlias = Annotated[bool, Doc("count frozen pictures as plain repeats")]
BlackLevel: TypeAlias = Annotated[
    int,
    numbers.whole(*BOUNDS["black_level"]),
    Doc("grey level, 16 black to 235 white, below which a cell of the picture counts as black"),
]
FrozenAfter: TypeAlias = Annotated[
    float,
    numbers.seconds(*BOUNDS["freeze_seconds"]),
    Doc("refuse a picture that has not changed for longer than this"),
]
UnchangedLevel: TypeAlias = Annotated[
    float,
    numbers.number(*BOUNDS["unchanged_mean"]),
    Doc("refuse a picture if it differs by fewer grey levels on average"),
]
MinSharpness: TypeAlias = Annotated[
    float,
    numbers.number(*BOUNDS["min_sharpness"]),
    Doc("refuse a picture less sharp than this; ordinary footage is above 0.2; 0 refuses none"),
]

ChangeWeight: TypeAlias = Annotated[
    choices.ChangeWeight,
    Doc(
        "weigh frames by what changes in front of the camera; auto begins when the camera counts "
        "as fixed"
    ),
]

# How frames are embedded.
Embedder: TypeAlias = Annotated[str, Doc("name of the embedder, see: streamsel embedders")]
WEIGHTS = Doc("file of other weights for the embedder")
Weights: TypeAlias = Annotated[str, WEIGHTS]
Device: TypeAlias = Annotated[
    str,
    kind.text("auto, cpu, cuda or cuda:N", r"auto|cpu|cuda(?::\d{1,3})?"),
    Doc("device of the embedder"),
]
Embeddings: TypeAlias = Annotated[
    tuple[str, ...],
    Doc("files of vectors (.parquet, .csv, .jsonl) to read instead of computing them"),
]

Sink: TypeAlias = Annotated[
    tuple[str, ...],
    Doc(
        "sink of an installed package that receives the kept frames once they are stored: its name "
        "and options, as 'webhook url=https://example.org/kept'"
    ),
]

# How kept pictures are written.
Format: TypeAlias = Annotated[choices.ImageFormat, Doc("image format of kept pictures")]
Quality: TypeAlias = Annotated[
    int,
    numbers.whole(1, 100),
    Doc("quality of kept pictures; png takes none", "90 for jpg, 80 for webp and avif"),
]
Size: TypeAlias = Annotated[
    PictureSize,
    kind.size_px(),
    Doc("fit kept pictures into this; 640x360! stretches to exactly that", "original size"),
]
KeepPixels: TypeAlias = Annotated[bool, Doc("keep the stored shape even if pixels are not square")]
KeepHdr: TypeAlias = Annotated[bool, Doc("keep HDR: png with 16 bits, or avif with 10")]
Durability: TypeAlias = Annotated[
    choices.Durability,
    Doc("strict survives a power cut; batched is faster and may lose the last second"),
]
MaxBytes: TypeAlias = Annotated[
    int,
    numbers.size_bytes(1_000_000),
    Doc("evict the most redundant frames above this: 20GB", "no limit"),
]
