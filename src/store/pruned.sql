-- What was pruned: days that the store keeps no longer. Events of such days are not taken in again. Added to stores that
-- lack it.

CREATE TABLE IF NOT EXISTS trailpare_pruned (
    before_day TEXT PRIMARY KEY,     -- events of days before it went
    days INTEGER NOT NULL,           -- that had events
    events INTEGER NOT NULL,
    pruned_time TEXT NOT NULL
) WITHOUT ROWID;
