"""The file written by ``streamsel config init``: a minimal start and all common options."""

from __future__ import annotations

TEMPLATE = """\
# What streamsel watch does. A line of the form "# key: value" is an option that is not set.
#
#   streamsel config validate streamsel.yaml    every mistake, with its line
#   streamsel config show streamsel.yaml        what it comes to, secrets masked
#
# ${NAME} and ${NAME:-default} stand for an environment variable, $$ for one $. Any option can be
# set by the environment instead, like STREAMSEL_DEFAULTS__COUNT. SIGHUP reads this file again.
#
# For completion and hints in an editor: streamsel config schema > streamsel.schema.json
# yaml-language-server: $schema=streamsel.schema.json

# What holds for every feed that says nothing else.
defaults:
  count: 500                  # most frames to keep; also 50/h, 1000/d. Or else share: 20%
  # window: 24h               # give up what was not seen again for so long
  # min_distance: 0.3         # no two kept frames closer than this distance
  # near_duplicate: auto      # or a distance up to which a frame repeats a kept one
  # fps: 5                    # look at no more than so many frames a second
  # vf: crop=640:360:0:0      # any ffmpeg filter chain
  # decode: all               # reference or keyframes cost less
  # transport: tcp            # or udp
  # down_after: 10s           # report a feed down when no picture has come for so long
  # prefilter: {min_sharpness: 0.01, freeze_seconds: 2s}
  # clip: {before: 2s, after: 3s}
  # embedder: builtin         # see: streamsel embedders
  # device: auto              # cpu, cuda or cuda:0

# Each feed by its name, and what is different there.
feeds:
  gate:
    source: rtsp://10.0.0.4/main
    # A password belongs into the environment: source: rtsp://viewer:${GATE_PASSWORD}@10.0.0.4/main
  # Or the whole address comes from a file; and people may call the feed by another name.
  # shed: {source_file: /run/secrets/shed, display_name: Garden shed}

  # A phone or a browser sends by WebRTC, to /whip/phone or from the page /camera; or a server is
  # asked for its video.
  # phone: {source: whip}
  # Areas nobody may see (left, top, width, height, as shares) are hidden before all else.
  # door: {source: rtsp://10.0.0.7/main, clip: null, mask: ["0,0,0.4,0.2:black"]}
  # drone: {source: "whep+https://10.0.0.8:8889/drone/whep"}

  # Of a camera that only gives pictures one is asked for at an interval; a file can play a camera.
  # roof: {source: "snapshot+http://10.0.0.9/still.jpg", interval: 5s}
  # demo: {source: "file:clip.mp4?pace=1"}

  # Feeds of one group share one set of kept frames.
  # yard-east: {source: rtsp://10.0.0.5/main, group: yard}
  # yard-west: {source: rtsp://10.0.0.6/main, group: yard, transport: udp}

# pictures: {format: jpg, quality: 90, size: 1280x720, keep_pixels: false, keep_hdr: false}

# Where kept frames go.
sinks:
  disk:
    path: kept                # relative to this file
    max_bytes: 20GB           # above this the most redundant frames are evicted
    # durability: strict      # batched is faster, and a power cut may cost the last second
    # history: 100000         # verdicts that are remembered of frames that are not kept
  # mqtt:
    # host: broker.example.org
    # tls: {ca_file: ca.pem}
    # username: edge
    # password_file: /run/secrets/mqtt
    # prefix: streamsel
    # discovery: true         # Home Assistant finds the feeds
    # max_bytes: 1GB          # most that waits on disk for the broker

# Pages, metrics and the interface over HTTP. Listening wider than this machine takes a token.
service:
  listen: 127.0.0.1:9464
  # token_file: /run/secrets/streamsel
  # tls: {cert_file: server.pem, key_file: server.key}
  # origins: https://phone.example   # other sites whose pages may send video here

# How WebRTC connects. Without servers nobody else is asked for anything.
# webrtc:
  # ice_servers: {home: {url: "turn:10.0.0.2:3478", username: edge, credential_file: turn}}
  # max_peers: 16
  # max_session: 12h

# log_level: info
"""
