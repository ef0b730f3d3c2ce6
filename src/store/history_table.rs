//! The table of the history, and what stands in its place in stores of older versions.

use rusqlite::{Connection, TransactionBehavior};

use super::metadata::has_table;

/// The table.
pub(super) const HISTORY_SQL: &str = include_str!("history.sql");

/// The runs as they are noted, of each no more than any of ours has: a catalog may be anybody's.
const RUNS: &str = "
    SELECT run_id, parent_id, substr(command, 1, 100) AS command, substr(started_time, 1, 100) AS started_time,
        substr(ended_time, 1, 100) AS ended_time, substr(version, 1, 100) AS version, substr(user, 1, 1000) AS user,
        substr(host, 1, 1000) AS host, substr(process, 1, 100) AS process, substr(options, 1, 500000) AS options,
        substr(outcome, 1, 100) AS outcome, exit_code, substr(error, 1, 100000) AS error, snapshot_id, new_events,
        substr(figures, 1, 100000) AS figures
    FROM trailpare_history";

/// The runs of ingest that an older version noted, in the columns of the history.
const OLD_RUNS: &str = "
    SELECT run_id, NULL AS parent_id, 'ingest' AS command, started_time, finished_time AS ended_time, version,
        '' AS user, '' AS host, '' AS process, archives AS options,
        CASE WHEN finished_time IS NULL THEN NULL WHEN refused > 0 THEN 'refused' ELSE 'done' END AS outcome,
        CASE WHEN finished_time IS NULL THEN NULL WHEN refused > 0 THEN 3 ELSE 0 END AS exit_code,
        NULL AS error, NULL AS snapshot_id, NULL AS new_events, NULL AS figures
    FROM trailpare_runs";

/// Makes the table where there is none, with the runs that an older version noted.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if has_table(connection, "trailpare_history")? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(HISTORY_SQL)?;
    if has_table(&transaction, "trailpare_runs")? {
        transaction.execute(&format!("INSERT OR IGNORE INTO trailpare_history {OLD_RUNS}"), [])?;
    }
    transaction.commit()
}

/// What the runs are read from.
pub(super) fn runs_of(connection: &Connection) -> rusqlite::Result<&'static str> {
    Ok(if has_table(connection, "trailpare_history")? { RUNS } else { OLD_RUNS })
}
