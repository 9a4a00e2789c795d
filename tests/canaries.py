"""Where people put the passwords of their cameras: thirty forms of an address with a secret."""

from __future__ import annotations

FORMS = (
    "rtsp://viewer:{secret}@{host}/main",
    "rtsp://viewer:p@{secret}@{host}/main",
    "rtsp://viewer:p/{secret}@{host}/main",
    "rtsp://viewer:{secret}'\"x@{host}/main",
    "rtsp://'viewer':\"{secret}\"@{host}/main",
    "rtsp://{secret}@{host}/main",
    "rtsp://:{secret}@{host}/main",
    "rtsp://{host}/user=admin_password={secret}_channel=1_stream=0.sdp?real_stream",
    "rtsp://{host}/user=admin&password={secret}&channel=1&stream=0.sdp?",
    "rtsp://{host}/0/admin:{secret}/main",
    "rtsp://{host}/live/admin:{secret}",
    "rtsp://{host}/main?token={secret}",
    "rtsp://{host}/main?auth={secret}#t=0",
    "http://{host}/videostream.cgi?loginuse=admin&loginpas={secret}",
    "http://{host}/videostream.cgi?user=admin&pass={secret}",
    "http://{host}/videostream.cgi?usr=admin&pwd={secret}&rate=0",
    "http://{host}/cgi-bin/snapshot.cgi?u=admin&p={secret}",
    "http://{host}/flv?port=1935&app=bcs&user=admin&password={secret}",
    "http://{host}/live;jsessionid={secret}?channel=1",
    "http://{host}/live#access_token={secret}",
    "https://{host}/clip.mp4?X-Amz-Credential=a&X-Amz-Signature={secret}",
    "https://{host}/clip.mp4?Expires=1&Key-Pair-Id={secret}",
    "https://{host}/hls/i.m3u8?hdnts=a&api_key={secret}",
    "https://{host}/hls/i.m3u8?apikey={secret}&streamkey={secret}",
    "http://{host}/api/stream.mp4?src=rtsp://admin:{secret}@10.0.0.4/main",
    "http://{host}/api/stream.mp4?src=rtsp%3A%2F%2Fadmin%3A{secret}%4010.0.0.4%2Fmain",
    "whep+https://bearer:{secret}@{host}/cam/whep",
    "rtmp://{host}/live/camera?key={secret}",
    "srt://{host}?mode=caller&passphrase={secret}",
    "srt://{host}?streamid=#!::r=main,u=viewer,s={secret}",
)
"""``{secret}`` is nobody's business, ``{host}`` a host and its port."""

ANYWHERE = (
    "rtsp://{secret}.example.org/main",
    "rtsp://{host}/{secret}/main",
    "rtsp://{host}/live/{secret}",
    "http://{host}/camera-{secret}.mjpg",
    "http://{host}/stream?camera={secret}&x=1",
    "http://{host}/stream?{secret}",
)
"""Forms in which nothing tells that it is a secret but where it came from."""
