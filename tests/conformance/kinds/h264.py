"""H.264: groups, references, refresh, fields, profiles, containers."""

from __future__ import annotations

from tests.conformance.alter import as_old_x264
from tests.conformance.kind import kind

X264 = "-c:v libx264 -preset veryfast -g 12 -pix_fmt yuv420p"
CLOSED = f"{X264} -bf 2"
COPIED = "-i {file} -c copy"
OPEN = "-x264-params open-gop=1:keyint=12:min-keyint=6:bframes=3:b-adapt=0"
RATE = "-b:v 200k -maxrate 200k -bufsize 100k"
FIELDS = "-flags +ildct+ilme -x264-params tff=1"

KINDS = (
    kind("h264-closed.mp4", CLOSED),
    kind("h264-fragmented.mp4", f"{CLOSED} -movflags frag_keyframe+empty_moov"),
    kind("h264-faststart.mp4", f"{CLOSED} -movflags faststart"),
    kind("h264-closed.mkv", CLOSED),
    kind("h264-closed.mov", CLOSED),
    kind("h264-closed.ts", CLOSED),
    kind("h264-closed.flv", CLOSED),
    kind("h264-closed.nut", CLOSED),
    kind("h264.m2ts", CLOSED),
    kind("h264.wtv", CLOSED),
    kind("h264.3gp", f"{X264} -bf 0"),
    kind("h264-negative-offsets.mp4", f"{CLOSED} -movflags negative_cts_offsets"),
    kind("h264-no-edits.mp4", f"{CLOSED} -use_editlist 0"),
    kind("h264-dash.mp4", f"{CLOSED} -movflags dash+frag_keyframe+delay_moov"),
    kind("h264-tiny-fragments.mp4", f"{CLOSED} -movflags frag_every_frame+empty_moov"),
    kind("h264-live.mkv", f"{CLOSED} -live 1"),
    kind("h264-b.avi", f"{CLOSED} -r 25"),
    kind("h264-b-copied.avi", CLOSED, intermediate=".mp4", remux=COPIED, clean=False),
    kind("h264-b.asf", CLOSED, clean=False),
    kind("h264-b.mxf", CLOSED, clean=False),
    kind("h264-no-b.avi", f"{X264} -bf 0"),
    kind("h264-no-b.h264", f"{X264} -bf 0"),
    kind("h264-b.h264", CLOSED),
    kind("h264-open.h264", f"{X264} {OPEN}"),
    kind("h264-open.mp4", f"{X264} {OPEN}"),
    kind("h264-open.mkv", f"{X264} {OPEN}"),
    kind("h264-open.ts", f"{X264} {OPEN}"),
    kind("h264-pyramid.mp4", f"{X264} -bf 5 -x264-params b-pyramid=normal:b-adapt=0:ref=5"),
    kind("h264-refresh.mp4", f"{X264} -x264-params intra-refresh=1:bframes=0"),
    kind("h264-refresh.ts", f"{X264} -x264-params intra-refresh=1:bframes=2"),
    kind("h264-one-keyframe.mp4", f"{CLOSED} -g 1000"),
    kind("h264-all-intra.mp4", f"{X264} -g 1"),
    kind("h264-quantised.mp4", f"{CLOSED} -qp 45"),
    kind("h264-scenes.mp4", f"{CLOSED} -sc_threshold 1 -g 100"),
    kind("h264-weighted.mp4", f"{CLOSED} -vf fade=out:8:80 -x264-params weightp=2:weightb=1"),
    kind("h264-bluray.ts", f"{CLOSED} -x264-params nal-hrd=vbr:bluray-compat=1 {RATE}"),
    kind("h264-slices.mp4", f"{CLOSED} -x264-params slices=4"),
    kind("h264-mbaff.mp4", f"{CLOSED} {FIELDS}"),
    kind("h264-mbaff.ts", f"{CLOSED} {FIELDS}"),
    kind("h264-paff-like.mkv", f"{X264} -bf 0 -flags +ildct+ilme -x264-params fake-interlaced=1"),
    kind("h264-444.mkv", f"{CLOSED} -pix_fmt yuv444p"),
    kind("h264-444-old.mkv", f"{CLOSED} -pix_fmt yuv444p", alter=as_old_x264, garbled=True),
    kind("h264-444-old.mp4", f"{CLOSED} -pix_fmt yuv444p", alter=as_old_x264, garbled=True),
    kind("h264-422-10.mkv", f"{CLOSED} -pix_fmt yuv422p10le"),
    kind("h264-lossless.mkv", f"{CLOSED} -qp 0"),
    kind("h264-rgb.mkv", "-c:v libx264rgb -preset veryfast -g 12 -bf 2 -pix_fmt bgr24"),
    kind("h264-gray.mkv", f"{CLOSED} -pix_fmt gray"),
    kind("h264-odd-size.mp4", CLOSED, size=(94, 66)),
    kind("h264-cropped.mp4", f"{CLOSED} -bsf:v h264_metadata=crop_right=4:crop_bottom=6"),
    kind("h264-delimited.ts", f"{CLOSED} -x264-params aud=1:repeat-headers=1"),
    kind("h264-cavlc.mp4", f"{X264} -profile:v baseline -bf 0"),
)
