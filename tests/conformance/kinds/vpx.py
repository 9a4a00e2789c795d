"""VP8, VP9 and AV1: streams with pictures that are never shown."""

from __future__ import annotations

from tests.conformance.kind import kind

HIDDEN = "-g 12 -auto-alt-ref 1 -lag-in-frames 10 -b:v 200k"
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -g 12 -b:v 200k"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 12 -b:v 200k"
VP8_HIDDEN = f"-c:v libvpx -deadline good -cpu-used 5 {HIDDEN}"
VP9_HIDDEN = f"-c:v libvpx-vp9 -deadline good -cpu-used 5 {HIDDEN}"
LAYERS = (
    "ts_number_layers=2:ts_target_bitrate=100,200:ts_rate_decimator=2,1:ts_periodicity=2"
    ":ts_layer_id=0,1"
)
AV1 = "-c:v libaom-av1 -cpu-used 8 -g 12 -b:v 200k"

KINDS = (
    kind("vp8.webm", VP8),
    kind("vp8-hidden.webm", VP8_HIDDEN),
    kind("vp8-hidden.mkv", VP8_HIDDEN),
    kind("vp8-hidden.ivf", VP8_HIDDEN),
    kind("vp8-hidden.avi", VP8_HIDDEN),
    kind("vp8-hidden.ogv", VP8_HIDDEN),
    kind("vp8-layers.webm", f"{VP8} -error-resilient 1 -ts-parameters {LAYERS}"),
    kind("vp8-alpha.webm", f"{VP8} -pix_fmt yuva420p -auto-alt-ref 0"),
    kind("vp9.webm", VP9),
    kind("vp9-hidden.webm", VP9_HIDDEN),
    kind("vp9-hidden.mp4", VP9_HIDDEN),
    kind("vp9-hidden.ivf", VP9_HIDDEN),
    kind("vp9-long-hidden.webm", f"{VP9} -g 48 -auto-alt-ref 6 -lag-in-frames 25"),
    kind("vp9-444.webm", f"{VP9} -pix_fmt yuv444p"),
    kind("vp9-10.webm", f"{VP9} -pix_fmt yuv420p10le"),
    kind("vp9-alpha.webm", f"{VP9} -pix_fmt yuva420p -auto-alt-ref 0"),
    kind("vp9-intra-only.webm", f"{VP9} -error-resilient 1"),
    kind("av1.mp4", f"{AV1} -usage realtime"),
    kind("av1-hidden.mkv", f"{AV1} -lag-in-frames 19"),
    kind("av1-hidden.ivf", f"{AV1} -lag-in-frames 19"),
    kind("av1-hidden.obu", f"{AV1} -lag-in-frames 19"),
    kind("av1-hidden.webm", f"{AV1} -lag-in-frames 19"),
    kind("av1-grain.mkv", f"{AV1} -denoise-noise-level 40"),
    kind("av1-svt.mp4", "-c:v libsvtav1 -preset 12 -g 12"),
    kind("av1-10.mkv", f"{AV1} -usage realtime -pix_fmt yuv420p10le"),
)
