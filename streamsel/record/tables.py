"""The SQL tables of the record.

One database holds one run. A frame's row takes about 100 bytes; its embedding is a row of its own,
so that frames can be listed without reading vectors. A frame is identified by feed and index
wherever it may be referenced before its own row is written. A new column goes to the end of its
table, and into a step of ``streamsel.record.migrations``.
"""

from __future__ import annotations

APPLICATION_ID = 0x7374_7273

TABLES = """
CREATE TABLE runs (
    id              INTEGER PRIMARY KEY,
    version         TEXT NOT NULL,              -- of the package that began it
    config          TEXT NOT NULL,              -- JSON: all options
    identity        TEXT NOT NULL,              -- JSON: the options that affect the result
    embedder        TEXT NOT NULL,
    embedder_digest TEXT NOT NULL,
    method          TEXT NOT NULL,
    count           INTEGER,
    seed            INTEGER NOT NULL,
    status          TEXT NOT NULL               -- a crashed run stays 'running'
        CHECK (status IN ('running', 'complete', 'interrupted', 'failed')),
    started         REAL NOT NULL,              -- UTC epoch seconds
    finished        REAL,
    settled         INTEGER                     -- frames.seq: later verdicts are given anew
) STRICT;

CREATE TABLE feeds (
    id           INTEGER PRIMARY KEY,           -- the order in which they are read
    name         TEXT NOT NULL UNIQUE,
    source       TEXT NOT NULL,                 -- credentials masked
    frames       INTEGER,                       -- number of frames, once it has ended
    error        TEXT,
    warnings     TEXT NOT NULL DEFAULT '[]',    -- JSON
    reference    BLOB,                          -- from here on: state of the prefilter
    previous     BLOB,
    rows_digest  INTEGER NOT NULL DEFAULT 0,
    still_since  REAL NOT NULL DEFAULT 0,
    passed       INTEGER NOT NULL DEFAULT 0,
    reserved     INTEGER NOT NULL DEFAULT 0,    -- live: numbers below may have been given
    last_media   REAL,                          -- live: times of the newest recorded frame
    last_wall    REAL,
    status       TEXT,                          -- live: its status, JSON
    display_name TEXT,                          -- name for people; NULL: same as name
    scene        BLOB,                          -- state of the prefilter: of the camera's scene
    reference_chroma BLOB                       -- state of the prefilter
) STRICT;

CREATE TABLE frames (
    seq           INTEGER PRIMARY KEY,          -- stream order, over all feeds
    feed          INTEGER NOT NULL REFERENCES feeds,
    idx           INTEGER NOT NULL,
    pts           INTEGER,
    time_base_num INTEGER NOT NULL,
    time_base_den INTEGER NOT NULL,
    media_time    REAL NOT NULL,
    wall_time     REAL,
    width         INTEGER NOT NULL,
    height        INTEGER NOT NULL,
    corrupt       INTEGER NOT NULL,
    outcome       TEXT NOT NULL CHECK (outcome IN ('kept', 'covered', 'refused')),
    reason        TEXT NOT NULL,
    distance      REAL,
    nearest_feed  INTEGER REFERENCES feeds,
    nearest_idx   INTEGER,
    threshold     REAL,
    sharpness     REAL NOT NULL,
    digest        INTEGER NOT NULL,             -- 64 bits, signed
    recorded      REAL,                         -- recording time in the file, UTC epoch s
    original      TEXT,                         -- the name of an image's own file
    change_share  REAL,                         -- NULL: not measured
    fixed         INTEGER,                      -- 1: the camera counts as fixed
    UNIQUE (feed, idx)
) STRICT;

CREATE TABLE embeddings (
    frame  INTEGER PRIMARY KEY REFERENCES frames,
    vector BLOB NOT NULL                        -- float32, little-endian
) STRICT;

CREATE TABLE events (
    id         INTEGER PRIMARY KEY,             -- the order in which they happened
    cause      INTEGER REFERENCES frames,       -- NULL: no verdict, or a deleted one
    kind       TEXT NOT NULL CHECK (kind IN ('kept', 'evicted')),
    feed       INTEGER NOT NULL REFERENCES feeds,
    idx        INTEGER NOT NULL,
    other_feed INTEGER REFERENCES feeds,        -- nearest kept frame, or representative
    other_idx  INTEGER,
    distance   REAL,
    threshold  REAL,
    reason     TEXT NOT NULL
) STRICT;

CREATE TABLE kept (                             -- every frame that was ever kept
    feed   INTEGER NOT NULL REFERENCES feeds,
    idx    INTEGER NOT NULL,
    event  INTEGER NOT NULL REFERENCES events,  -- the last that kept it
    live   INTEGER NOT NULL,
    path   TEXT,                                -- NULL: no complete file is claimed
    width  INTEGER,
    height INTEGER,
    bytes  INTEGER,
    sha256 BLOB,
    scope  TEXT,                                -- live: the selector that keeps it
    pinned INTEGER NOT NULL DEFAULT 0,
    gone   INTEGER,                             -- live: newest frames.seq at its eviction
    PRIMARY KEY (feed, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE statistics (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL                         -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE selections (                       -- live: state of each selector
    scope TEXT PRIMARY KEY,
    state BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

INDEXES = (
    "CREATE INDEX IF NOT EXISTS events_by_frame ON events (feed, idx)",
    "CREATE INDEX IF NOT EXISTS events_by_cause ON events (cause) WHERE cause IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS kept_by_event ON kept (event)",
    "CREATE INDEX IF NOT EXISTS kept_by_path ON kept (path) WHERE live",
    "CREATE INDEX IF NOT EXISTS kept_by_going ON kept (gone) WHERE NOT live",
)
"""The indexes on events keep the deletion of rows from scanning the whole table."""
