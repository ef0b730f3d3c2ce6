-- What the ledger says beside the log objects. Added to stores that lack it.

CREATE TABLE IF NOT EXISTS trailpare_conflicts (
    event_id TEXT NOT NULL,          -- two records have it, and say different things; the first is in `events`
    event_date TEXT NOT NULL,
    path TEXT NOT NULL,              -- where the second was read
    record_index INTEGER NOT NULL,
    offset_bytes INTEGER NOT NULL,   -- in the inflated bytes
    first_path TEXT,                 -- where the first stands; NULL: it isn't there any more
    first_offset INTEGER,            -- of its id, in the inflated bytes
    snapshot_id INTEGER NOT NULL,
    PRIMARY KEY (event_id, path, record_index)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trailpare_forgotten (
    forgotten_id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,              -- 'refused', 'record', 'conflict' or 'missing'
    name TEXT NOT NULL,              -- the object's name; of a conflict the event's id
    path TEXT NOT NULL,
    record_index INTEGER,
    offset_bytes INTEGER,
    sha256 BLOB,                     -- of the object's bytes as stored, where they were read
    reason TEXT NOT NULL,            -- why it had not been taken
    forgotten_by TEXT NOT NULL,
    forgotten_time TEXT NOT NULL,
    note TEXT                        -- why it was accepted
);
CREATE TABLE IF NOT EXISTS trailpare_broken_neighbours (
    name TEXT NOT NULL,              -- as in trailpare_broken_records
    record_index INTEGER NOT NULL,
    before_key BLOB,                 -- of the event before it in the object; NULL: there is none
    after_key BLOB,
    between_count INTEGER,           -- records kept out between these; NULL: nobody knows
    PRIMARY KEY (name, record_index)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trailpare_archives (
    place TEXT PRIMARY KEY,          -- absolute path of a folder that was given
    objects INTEGER NOT NULL,        -- log objects found there by the last whole run
    seen_time TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trailpare_containers (
    place TEXT PRIMARY KEY,          -- absolute path of a tar or zip of which nothing was refused or left out
    size_bytes INTEGER NOT NULL,
    modified_us INTEGER,             -- when it was changed last, microseconds since 1970; NULL: just before it was read
    sha256 BLOB NOT NULL,            -- of its bytes as stored
    objects INTEGER NOT NULL,        -- log objects in it
    digests INTEGER NOT NULL,
    other_services INTEGER NOT NULL,
    foreign_files INTEGER NOT NULL,  -- files in it that hold no events and are expected to hold none
    other_logs TEXT NOT NULL         -- JSON: how many logs of other services it has, by kind
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trailpare_object_versions (
    tail TEXT NOT NULL,              -- the last part of the key of an object in object storage
    prefix_id INTEGER NOT NULL,      -- what stands before it, with s3:// and the bucket
    etag TEXT,                       -- of the content that was read last
    version_id TEXT,                 -- likewise, where the bucket keeps versions
    PRIMARY KEY (tail, prefix_id)
) WITHOUT ROWID;
