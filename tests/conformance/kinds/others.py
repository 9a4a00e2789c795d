"""Other codecs, most of which compress each picture for itself."""

from __future__ import annotations

from tests.conformance.kind import kind

RAW = (
    *("nv12", "uyvy422", "yuv410p", "yuv411p", "yuv440p", "yuva420p", "yuva444p16le"),
    *("rgb565le", "rgb8", "bgra", "rgb48le", "gbrp10le", "gray16le", "ya8", "monow"),
    "yuv420p16be",
)

KINDS = (
    kind("mjpeg.avi", "-c:v mjpeg -q:v 4 -pix_fmt yuvj420p"),
    kind("mjpeg.mkv", "-c:v mjpeg -q:v 4 -pix_fmt yuvj422p"),
    kind("mjpeg.mjpeg", "-c:v mjpeg -q:v 4 -pix_fmt yuvj420p"),
    kind("prores.mov", "-c:v prores_ks", frames=24),
    kind("prores-4444.mov", "-c:v prores_ks -pix_fmt yuva444p10le", frames=24),
    kind(
        "dnxhr.mov", "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p", size=(256, 128), frames=24
    ),
    kind("dv.dv", "-c:v dvvideo -pix_fmt yuv420p", size=(720, 576), frames=8),
    kind("dv.avi", "-c:v dvvideo -pix_fmt yuv420p", size=(720, 576), frames=8),
    kind("ffv1.mkv", "-c:v ffv1 -level 3 -g 1"),
    kind("ffv1-between.mkv", "-c:v ffv1 -level 3 -g 12 -context 1 -coder 1"),
    kind("ffv1-12.mkv", "-c:v ffv1 -level 3 -pix_fmt yuv420p12le"),
    kind("ffv1-odd.mkv", "-c:v ffv1 -level 3 -vf crop=95:63:0:0:exact=1 -pix_fmt yuv420p"),
    kind("huffyuv.avi", "-c:v huffyuv -pix_fmt yuv422p"),
    kind("ffvhuff.avi", "-c:v ffvhuff"),
    kind("utvideo.avi", "-c:v utvideo"),
    kind("theora.ogv", "-c:v libtheora -g 12 -q:v 6"),
    kind("theora.mkv", "-c:v libtheora -g 12 -q:v 6"),
    kind("snow.avi", "-c:v snow -g 12 -q:v 4"),
    kind("dirac.mkv", "-c:v vc2", frames=24),
    kind("cinepak.avi", "-c:v cinepak -g 12", frames=24),
    kind("svq1.mov", "-c:v svq1 -g 12 -q:v 4", frames=24),
    kind("flashsv.flv", "-c:v flashsv -g 12"),
    kind("zmbv.avi", "-c:v zmbv -g 12"),
    kind("qtrle.mov", "-c:v qtrle -g 12"),
    kind("msvideo1.avi", "-c:v msvideo1 -g 12"),
    kind("png.mov", "-c:v png"),
    kind("apng.apng", "-c:v apng -plays 1"),
    kind("gif.gif", "-c:v gif"),
    kind("jpeg2000.mov", "-c:v jpeg2000", frames=24),
    *(kind(f"{codec}.mov", f"-c:v {codec}") for codec in ("v210", "r210", "v308", "v410")),
    *(kind(f"{codec}.avi", f"-c:v {codec}") for codec in ("magicyuv", "asv1", "asv2")),
    kind("speedhq.mov", "-c:v speedhq -pix_fmt yuv422p"),
    kind("cfhd.mov", "-c:v cfhd -pix_fmt yuv422p10le"),
    kind("hap.mov", "-c:v hap -pix_fmt rgba"),
    kind("roq.roq", "-c:v roqvideo", size=(128, 64), rate="30"),
    kind("smc.mov", "-c:v smc"),
    kind("flashsv2.flv", "-c:v flashsv2 -g 12"),
    *(kind(f"raw-{pixels}.nut", f"-c:v rawvideo -pix_fmt {pixels}") for pixels in RAW),
    kind("raw-yuyv.avi", "-c:v rawvideo -pix_fmt yuyv422"),
    kind("raw-bgr.avi", "-c:v rawvideo -pix_fmt bgr24"),
    kind("raw-pal8.avi", "-c:v rawvideo -pix_fmt pal8"),
    kind("raw-gray12.nut", "-c:v rawvideo -pix_fmt gray12le"),
    kind("y4m.y4m", "-c:v wrapped_avframe"),
)
