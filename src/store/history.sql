-- Every run that changes a store, from before it begins until it has ended. Added to stores that lack it.

CREATE TABLE IF NOT EXISTS trailpare_history (
    run_id INTEGER PRIMARY KEY,
    parent_id INTEGER,               -- the run that this one is a step of
    command TEXT NOT NULL,           -- 'ingest', 'optimize', …; of `policy --archive` its taking in is an 'ingest'
    started_time TEXT NOT NULL,
    ended_time TEXT,                 -- NULL: it runs still, or was cut short
    version TEXT NOT NULL,           -- of trailpare
    user TEXT NOT NULL,
    host TEXT NOT NULL,
    process TEXT NOT NULL,           -- number, and when it began by the system's count
    options TEXT NOT NULL,           -- the command line, a JSON list
    outcome TEXT,                    -- in a word; NULL likewise
    exit_code INTEGER,
    error TEXT,                      -- what went wrong
    snapshot_id INTEGER,             -- the newest one at its end
    new_events INTEGER,              -- that it brought
    figures TEXT                     -- a JSON object
);
