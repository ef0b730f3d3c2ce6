-- Whose events the store has, where objects of one name or events of one id contradict each other. Added to stores that
-- lack it.

-- Objects that were taken in and that a proved object has taken the place of.
CREATE TABLE IF NOT EXISTS trailpare_displaced (
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL,            -- of its bytes as stored
    path TEXT NOT NULL,              -- where it was read
    size_bytes INTEGER NOT NULL,
    snapshot_id INTEGER NOT NULL,    -- in which it was taken in
    events INTEGER NOT NULL,         -- that it had brought first
    replaced INTEGER NOT NULL,       -- events of ids that both have, and of which the store has the proved ones now
    state TEXT NOT NULL,             -- 'waiting': what only it had is still there; 'gone'; 'left': it can't be told apart
    removed INTEGER NOT NULL,        -- events that only it had and that the store has no longer
    PRIMARY KEY (name, sha256)
) WITHOUT ROWID;
-- Events that an object brought of another account, region or time than its name says.
CREATE TABLE IF NOT EXISTS trailpare_stray_events (
    tail TEXT NOT NULL,              -- as in trailpare_taken_objects
    prefix_id INTEGER NOT NULL,
    account_id TEXT NOT NULL,        -- '': it may be any
    aws_region TEXT NOT NULL,        -- '': it may be any
    day TEXT NOT NULL,               -- '': it may be any
    events INTEGER NOT NULL,
    PRIMARY KEY (tail, prefix_id, account_id, aws_region, day)
) WITHOUT ROWID;
-- Folders whose known objects were all compared with what was taken in, and when that run began.
CREATE TABLE IF NOT EXISTS trailpare_compared (
    place TEXT PRIMARY KEY,          -- absolute path of a folder that was given
    compared_us INTEGER NOT NULL     -- microseconds since 1970
) WITHOUT ROWID;
