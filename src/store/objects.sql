-- The log objects of the ledger. What many names and paths have in common is kept once.

CREATE TABLE trailpare_name_prefixes (
    prefix_id INTEGER PRIMARY KEY,
    prefix TEXT NOT NULL UNIQUE      -- '111122223333_CloudTrail_eu-west-1_', or the folders below the archive root
);
CREATE TABLE trailpare_places (
    place_id INTEGER PRIMARY KEY,
    path_start TEXT NOT NULL,        -- what stands before the tail in an object's path
    path_end TEXT,                   -- and behind it; NULL: the tail isn't in the path, path_start is all of it
    UNIQUE (path_start, path_end)
);
CREATE TABLE trailpare_taken_objects (
    tail TEXT NOT NULL,              -- the name behind its prefix: '20240302T0710Z_AAAAAAAAAAAAAAAA'; first, so that
                                     -- what is new goes to the end of the table
    prefix_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,       -- where it was last read
    size_bytes INTEGER NOT NULL,
    sha256 BLOB,                     -- of the object's bytes as stored
    records INTEGER NOT NULL,        -- records in the object
    events INTEGER NOT NULL,         -- events that this object brought first
    duplicates INTEGER NOT NULL,     -- events that were in the store already
    broken INTEGER NOT NULL,         -- records kept out: see trailpare_broken_records
    snapshot_id INTEGER NOT NULL,
    PRIMARY KEY (tail, prefix_id)
) WITHOUT ROWID;
CREATE TABLE trailpare_refused_objects (
    name TEXT PRIMARY KEY,           -- canonical object name, else path below the archive root
    path TEXT NOT NULL,              -- where it was last read
    size_bytes INTEGER NOT NULL,
    sha256 BLOB,                     -- of the object's bytes as stored; NULL when they could not be read
    snapshot_id INTEGER NOT NULL,
    reason TEXT NOT NULL,            -- why it was refused
    offset_bytes INTEGER             -- where in the inflated bytes, for a refusal with a place
) WITHOUT ROWID;
-- All of them, for people.
CREATE VIEW trailpare_objects AS
    SELECT prefix || tail AS name, 'taken' AS state,
        CASE WHEN path_end IS NULL THEN path_start ELSE path_start || tail || path_end END AS path,
        size_bytes, sha256, records, events, duplicates, broken, snapshot_id, NULL AS reason, NULL AS offset_bytes
    FROM trailpare_taken_objects JOIN trailpare_name_prefixes USING (prefix_id) JOIN trailpare_places USING (place_id)
    UNION ALL
    SELECT name, 'refused', path, size_bytes, sha256, 0, 0, 0, 0, snapshot_id, reason, offset_bytes
    FROM trailpare_refused_objects;
