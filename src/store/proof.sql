-- What CloudTrail's digests say of the log objects, and of which hours there are digests. Added to stores that lack it.

CREATE TABLE IF NOT EXISTS trailpare_verdicts (
    tail TEXT NOT NULL,              -- as in trailpare_taken_objects
    prefix_id INTEGER NOT NULL,
    verdict TEXT NOT NULL,           -- 'valid', 'unchecked', 'altered' or 'not covered'; an object without a row was not verified
    content_sha256 BLOB,             -- of the inflated bytes, which is what digests have
    reason TEXT,                     -- why it is not valid
    PRIMARY KEY (tail, prefix_id)
) WITHOUT ROWID;
-- Log objects that digests list and that were never taken in.
CREATE TABLE IF NOT EXISTS trailpare_missing_objects (
    tail TEXT NOT NULL,
    prefix_id INTEGER NOT NULL,
    digest TEXT NOT NULL,            -- the name of one that lists it
    PRIMARY KEY (tail, prefix_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trailpare_digest_chains (
    chain_id INTEGER PRIMARY KEY,
    chain TEXT NOT NULL UNIQUE,      -- account, region and trail, as the names of its digests have them
    account_id TEXT NOT NULL,
    aws_region TEXT NOT NULL
);
-- The digests of a chain and a day: of each hour a bit, from the lowest.
CREATE TABLE IF NOT EXISTS trailpare_digest_days (
    chain_id INTEGER NOT NULL,
    day TEXT NOT NULL,
    told INTEGER NOT NULL,           -- hours of which there is a digest
    signed INTEGER NOT NULL,         -- hours whose digest is proved
    altered INTEGER NOT NULL,        -- hours of which there is only a digest that was altered
    named INTEGER NOT NULL,          -- hours whose digest is named by the one that follows
    PRIMARY KEY (chain_id, day)
) WITHOUT ROWID;
-- Events far from the time that their object's name has.
CREATE TABLE IF NOT EXISTS trailpare_far_events (
    name TEXT PRIMARY KEY,           -- of the object
    events INTEGER NOT NULL,
    first_time INTEGER NOT NULL,     -- microseconds since 1970-01-01 UTC
    last_time INTEGER NOT NULL
) WITHOUT ROWID;
-- Sums over the log objects by account, region and day of delivery, as the objects' names have them.
CREATE TABLE IF NOT EXISTS trailpare_coverage (
    account_id TEXT NOT NULL,
    aws_region TEXT NOT NULL,
    day TEXT NOT NULL,
    objects INTEGER NOT NULL,
    events INTEGER NOT NULL,         -- that these objects brought first
    valid_objects INTEGER NOT NULL,
    valid_events INTEGER NOT NULL,
    unchecked_objects INTEGER NOT NULL,
    unchecked_events INTEGER NOT NULL,
    altered_objects INTEGER NOT NULL,
    present INTEGER NOT NULL,        -- hours of which there are objects, a bit each, from the lowest
    valid INTEGER NOT NULL,          -- those of them all of whose objects are valid
    PRIMARY KEY (account_id, aws_region, day)
) WITHOUT ROWID;
