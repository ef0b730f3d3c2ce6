-- What the bytes of data files were when they were written. Additive: a store without these tables gets them from the
-- next writer, a file without a row is one whose bytes nobody took note of.
CREATE TABLE IF NOT EXISTS trailpare_file_checks (
    data_file_id INTEGER PRIMARY KEY, -- ducklake_data_file
    size_bytes INTEGER NOT NULL,      -- where the catalog has another, another program wrote the file anew
    sha256 BLOB NOT NULL,             -- of the file
    block_bytes INTEGER NOT NULL,     -- bytes of a block; the last one may have fewer
    blocks BLOB NOT NULL              -- CRC-32 of each block, four bytes, little-endian
);
CREATE TABLE IF NOT EXISTS trailpare_month_checks (
    name TEXT PRIMARY KEY,            -- of a file in usage-months/
    size_bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    block_bytes INTEGER NOT NULL,
    blocks BLOB NOT NULL
) WITHOUT ROWID;
-- From which commits' files the rows of a merged file come: where it is damaged, the log objects of these are to be
-- taken in again. A file that is no merged one has none: its rows are those of the commit that it came with.
CREATE TABLE IF NOT EXISTS trailpare_file_origins (
    data_file_id INTEGER NOT NULL,
    snapshot_id INTEGER NOT NULL,
    PRIMARY KEY (data_file_id, snapshot_id)
) WITHOUT ROWID;
-- Files that a repair set aside: older snapshots keep naming them.
CREATE TABLE IF NOT EXISTS trailpare_set_aside (
    data_file_id INTEGER PRIMARY KEY,
    snapshot_id INTEGER NOT NULL,     -- from which on no snapshot has it
    what TEXT NOT NULL                -- what was wrong
);
-- What the catalog said of a file when it was committed, so that whoever reads it sees that it says something else now.
CREATE TABLE IF NOT EXISTS trailpare_row_checks (
    data_file_id INTEGER PRIMARY KEY,
    row_crc INTEGER NOT NULL,         -- CRC-32 of its row and its day
    column_crcs BLOB NOT NULL         -- for each column with statistics its id and their CRC-32, each four bytes, little-endian
);
-- How many files and rows a table has at a snapshot.
CREATE TABLE IF NOT EXISTS trailpare_snapshot_checks (
    snapshot_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    files INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, table_id)
) WITHOUT ROWID;
