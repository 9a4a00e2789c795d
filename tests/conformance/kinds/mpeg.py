"""MPEG-1, MPEG-2, MPEG-4 part 2, H.261, H.263 and their kin."""

from __future__ import annotations

from tests.conformance.kind import kind

MPEG2 = "-c:v mpeg2video -g 12 -q:v 5"
MPEG4 = "-c:v mpeg4 -g 12 -q:v 5"
XVID = "-c:v libxvid -q:v 5 -g 12"
H263 = "-c:v h263 -g 12 -q:v 5"

KINDS = (
    kind("mpeg1.mpg", "-c:v mpeg1video -g 12 -q:v 5 -bf 2"),
    kind("mpeg1.m1v", "-c:v mpeg1video -g 12 -q:v 5 -bf 2"),
    kind("mpeg2.ts", f"{MPEG2} -bf 2"),
    kind("mpeg2.mpg", f"{MPEG2} -bf 2"),
    kind("mpeg2.vob", f"{MPEG2} -bf 2"),
    kind("mpeg2.m2v", f"{MPEG2} -bf 2"),
    kind("mpeg2.mkv", f"{MPEG2} -bf 2"),
    kind("mpeg2.mxf", f"{MPEG2} -bf 2"),
    kind("mpeg2-closed.ts", f"{MPEG2} -bf 2 -flags +cgop -sc_threshold 1000000000"),
    kind("mpeg2-interlaced.ts", f"{MPEG2} -bf 2 -flags +ildct+ilme"),
    kind("mpeg2-low-delay.ts", f"{MPEG2} -bf 0 -flags +low_delay"),
    kind("mpeg2-422.mkv", f"{MPEG2} -bf 2 -pix_fmt yuv422p"),
    kind("mpeg4.mp4", f"{MPEG4} -bf 2"),
    kind("mpeg4.mkv", f"{MPEG4} -bf 2"),
    kind("mpeg4.ts", f"{MPEG4} -bf 2"),
    kind("mpeg4-no-b.avi", f"{MPEG4} -bf 0"),
    kind("mpeg4-b.avi", f"{MPEG4} -bf 2"),
    kind("mpeg4.m4v", f"{MPEG4} -bf 2"),
    kind("mpeg4-qpel.mp4", f"{MPEG4} -bf 2 -flags +qpel+mv4"),
    kind("mpeg4-interlaced.mp4", f"{MPEG4} -bf 2 -flags +ildct+ilme"),
    # The last picture waits in the encoder for one that would follow.
    kind("xvid-packed.avi", f"{XVID} -bf 2", shown=range(47)),
    kind("xvid.mp4", f"{XVID} -bf 2", shown=range(47), clean=False),
    kind("xvid-no-b.avi", f"{XVID} -bf 0"),
    kind("h263.avi", H263, size=(128, 96)),
    kind("h263.mkv", H263, size=(128, 96)),
    kind("h263.h263", H263, size=(128, 96)),
    kind("h263p.avi", "-c:v h263p -g 12 -q:v 5"),
    kind("h263.3gp", H263, size=(128, 96)),
    kind("h261.h261", "-c:v h261 -g 12 -q:v 5", size=(176, 144), rate="30000/1001", clean=False),
    kind("flv1.flv", "-c:v flv -g 12 -q:v 5"),
    kind("msmpeg4v3.avi", "-c:v msmpeg4 -g 12 -q:v 5"),
    kind("msmpeg4v2.avi", "-c:v msmpeg4v2 -g 12 -q:v 5"),
    kind("wmv1.asf", "-c:v wmv1 -g 12 -q:v 5"),
    kind("wmv2.wmv", "-c:v wmv2 -g 12 -q:v 5"),
    kind("rv10.rm", "-c:v rv10 -g 12 -q:v 5"),
    kind("rv20.rm", "-c:v rv20 -g 12 -q:v 5"),
)
