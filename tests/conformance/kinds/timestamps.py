"""Timestamps of all sorts, edit lists, and what lies beside the pictures."""

from __future__ import annotations

from tests.conformance.kind import kind
from tests.conformance.kinds.h264 import OPEN, X264
from tests.conformance.kinds.hevc import OPEN as HEVC_OPEN
from tests.conformance.kinds.mpeg import MPEG2
from tests.conformance.kinds.vpx import VP9_HIDDEN

_PASSED = "-vsync passthrough -enc_time_base 1/1000 -video_track_timescale 1000"
_VARIABLE = "-vf 'settb=1/1000,setpts=N*40+mod(N*N\\,7)*5' -vsync passthrough -enc_time_base 1/1000"
_SHARED = "-vf 'settb=1/1000,setpts=(N-mod(N\\,2))*40' -vsync passthrough -enc_time_base 1/1000"
_SPIKE = "-vf 'settb=1/1000,setpts=N*40+gte(N\\,20)*3000+gte(N\\,30)*60000'" + (
    " -vsync passthrough -enc_time_base 1/1000"
)
_LATE = "-output_ts_offset 1000"
# The clock of MPEG-TS wraps after 2 ** 33 / 90000 s; ffmpeg adds 1.4 s.
_WRAPS = "-output_ts_offset 95441.3"
_NEGATIVE = "-avoid_negative_ts disabled -output_ts_offset -0.5"
_SOUND = "-f lavfi -i sine=d=2 -i {file} -map 0:a -map 1:v -c:v copy"
_COVER = (
    "-f lavfi -i color=red:s=320x240:d=0.04 -i {file} -map 1:v -map 0:v -c:v:0 copy -c:v:1 mjpeg"
    " -disposition:v:1 attached_pic"
)
_ATTACHMENT = "-i {file} -c copy -attach {file} -metadata:s:t mimetype=image/jpeg"

KINDS = (
    kind("variable.mp4", f"{X264} -bf 2 {_VARIABLE}"),
    kind("variable.mkv", f"{X264} -bf 2 {_VARIABLE}"),
    kind("variable.ts", f"{X264} -bf 2 {_VARIABLE}"),
    kind("variable.webm", f"{VP9_HIDDEN} {_VARIABLE}"),
    kind("shared.mkv", f"{X264} -bf 2 {_SHARED}"),
    kind("spikes.mp4", f"{X264} -bf 2 {_SPIKE}"),
    kind("spikes.mkv", f"{X264} -bf 2 {_SPIKE}"),
    kind("late.mkv", f"{X264} -bf 2 {_LATE}"),
    kind("late.ts", f"{X264} -bf 2 {_LATE}"),
    kind("wraps.ts", f"{X264} -bf 2 {_WRAPS}", clean=False),
    kind("wraps-open.ts", f"{X264} {OPEN} {_WRAPS}", clean=False),
    kind("wraps.mpg", f"{MPEG2} -bf 2 -output_ts_offset 95443", clean=False),
    kind("ntsc.mp4", f"{X264} -bf 2", rate="30000/1001"),
    kind("ntsc.mkv", f"{X264} -bf 2", rate="30000/1001"),
    kind("fast.mkv", f"{X264} -bf 2", rate="60"),
    kind("slow.mp4", f"{X264} -bf 2", rate="1/3"),
    kind(
        "edited-start.mp4", f"{X264} -bf 2", remux="-ss 0.6 -i {file} -c copy", shown=range(15, 48)
    ),
    kind(
        "edited-open.mp4",
        f"{X264} {OPEN}",
        remux="-ss 0.7 -i {file} -c copy",
        shown=range(18, 48),
    ),
    kind("edited-hevc.mp4", HEVC_OPEN, remux="-ss 0.6 -i {file} -c copy", shown=range(15, 48)),
    kind("edited-delay.mp4", f"{X264} -bf 2", remux="-itsoffset 1 -i {file} -c copy"),
    kind("spikes.ts", f"{X264} -bf 2 {_SPIKE}", clean=False),
    kind("negative.mkv", f"{X264} -bf 2 {_NEGATIVE}"),
    kind("negative.mp4", f"{X264} -bf 2 {_NEGATIVE}", shown=range(13, 48)),
    kind("same-times.mkv", "-c:v ffv1", rate="2500"),
    kind("same-times-h264.mkv", f"{X264} -bf 0", rate="2500"),
    kind("single.mp4", X264, frames=1),
    kind("single.ts", X264, frames=1),
    kind("pair.mp4", f"{X264} -bf 2", frames=2),
    kind("with-sound.mp4", f"{X264} -bf 2", remux=f"{_SOUND} -c:a aac"),
    kind("with-sound.ts", f"{X264} {OPEN}", remux=f"{_SOUND} -c:a mp2"),
    kind("with-cover.mp4", f"{X264} -bf 2", remux=_COVER),
    kind("with-attachment.mkv", f"{X264} -bf 2", remux=_ATTACHMENT),
    kind("untimed.m2v", f"{MPEG2} -bf 2"),
)
