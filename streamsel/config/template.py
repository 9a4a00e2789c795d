"""The file written by ``streamsel config init``: a minimal start and all common options."""

from __future__ import annotations

TEMPLATE = """\
# Configuration of streamsel watch. A line "# key: value" is an option that is not set.
#
#   streamsel config validate streamsel.yaml    reports every mistake, with its line
#   streamsel config show streamsel.yaml        prints the result, secrets masked
#
# ${NAME} and ${NAME:-default} stand for an environment variable, $$ for one $. Any option can be
# set in the environment instead, like STREAMSEL_DEFAULTS__COUNT. SIGHUP reloads this file.
#
# For completion and hints in an editor: streamsel config schema > streamsel.schema.json
# yaml-language-server: $schema=streamsel.schema.json

# Options of every feed, unless a feed overrides them.
defaults:
  count: 500                  # maximum number of frames; also 50/h, 1000/d. Or share: 20%
  # window: 24h               # drop frames that were not seen again for this long
  # burst: auto               # at most 2/10s; auto limits the bursts of fixed cameras
  # min_distance: 0.3         # minimum distance between two kept frames
  # near_duplicate: auto      # near-duplicate distance; auto calibrates it
  # fps: 5                    # process at most this many frames per second
  # vf: crop=640:360:0:0      # any ffmpeg filter chain
  # decode: all               # reference or keyframes cost less
  # transport: tcp            # or udp
  # down_after: 10s           # report a feed as down after this long without a picture
  # prefilter: {min_sharpness: 0.01, freeze_seconds: 2s}
  # clip: {before: 2s, after: 3s}
  # embedder: builtin         # see: streamsel embedders
  # device: auto              # cpu, cuda or cuda:0

# The feeds by name, each with its source and its own options.
feeds:
  gate:
    source: rtsp://10.0.0.4/main
    # Keep passwords in the environment: source: rtsp://viewer:${GATE_PASSWORD}@10.0.0.4/main
  # Or read the whole address from a file. display_name is the name for people.
  # shed: {source_file: /run/secrets/shed, display_name: Garden shed}

  # WebRTC: a phone or a browser sends to /whip/phone or from the page /camera; or streamsel
  # connects to a WHEP server.
  # phone: {source: whip}
  # Privacy masks (left, top, width, height, as shares) are applied before any processing.
  # door: {source: rtsp://10.0.0.7/main, clip: null, mask: ["0,0,0.4,0.2:black"]}
  # drone: {source: "whep+https://10.0.0.8:8889/drone/whep"}

  # Snapshot cameras are polled at an interval; a file can stand in for a camera.
  # roof: {source: "snapshot+http://10.0.0.9/still.jpg", interval: 5s}
  # demo: {source: "file:clip.mp4?pace=1"}

  # Feeds of one group share a set of kept frames.
  # yard-east: {source: rtsp://10.0.0.5/main, group: yard}
  # yard-west: {source: rtsp://10.0.0.6/main, group: yard, transport: udp}

# pictures: {format: jpg, quality: 90, size: 1280x720, keep_pixels: false, keep_hdr: false}

# Destinations of kept frames.
sinks:
  disk:
    path: kept                # relative to this file
    max_bytes: 20GB           # above this the most redundant frames are evicted
    # durability: strict      # batched is faster, but a power cut may lose the last second
    # history: 100000         # number of verdicts stored for frames that are not kept
  # mqtt:
    # host: broker.example.org
    # tls: {ca_file: ca.pem}
    # username: edge
    # password_file: /run/secrets/mqtt
    # prefix: streamsel
    # discovery: true         # announce the feeds to Home Assistant
    # max_bytes: 1GB          # maximum size of the outbox on disk
  # plugins: {webhook: {url: "https://example.org/kept"}}   # sinks of installed packages

# HTTP server: pages, metrics, API. Listening beyond this machine requires a token.
service:
  listen: 127.0.0.1:9464
  # token_file: /run/secrets/streamsel
  # tls: {cert_file: server.pem, key_file: server.key}
  # origins: https://phone.example   # other sites that may send video here
  # access_log: true                 # log each request

# WebRTC connections. Without servers no third party is contacted.
# webrtc:
  # ice_servers: {home: {url: "turn:10.0.0.2:3478", username: edge, credential_file: turn}}
  # max_peers: 16
  # max_session: 12h

# log_level: info
"""
