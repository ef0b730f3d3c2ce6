//! Positions of the columns that are looked at by name while a record is scanned.

use super::schema::COLUMNS;

/// The words of `userIdentity` by which a principal is told, in the order of `Identity`'s fields.
pub(super) const IDENTITY_WORDS: usize = 11;

/// Position of a column in [`COLUMNS`], at compile time.
#[expect(clippy::panic, reason = "evaluated by the compiler")]
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub(super) const fn column_named(name: &str) -> usize {
    let mut i = 0;
    while i < COLUMNS.len() {
        if same(COLUMNS[i].name.as_bytes(), name.as_bytes()) {
            return i;
        }
        i += 1;
    }
    // A name that isn't a column's is a mistake in this program: let it not compile.
    panic!("no such column");
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The columns of `userIdentity` that tell the principal, in the order of `Identity`'s fields.
pub(super) const IDENTITY: [usize; IDENTITY_WORDS] = [
    column_named("user_identity_type"),
    column_named("user_identity_principal_id"),
    column_named("user_identity_arn"),
    column_named("user_identity_account_id"),
    column_named("user_identity_user_name"),
    column_named("user_identity_invoked_by"),
    column_named("user_identity_identity_provider"),
    column_named("on_behalf_of_user_id"),
    column_named("session_issuer_arn"),
    column_named("session_issuer_account_id"),
    column_named("aws_region"),
];
/// `recipientAccountId`, `eventSource` and `eventName`.
pub(super) const NAMES: [usize; 3] =
    [column_named("recipient_account_id"), column_named("event_source"), column_named("event_name")];
/// Likewise one of its own.
pub(super) const EVENT_TIME: usize = column_named("event_time");
/// Likewise.
pub(super) const EVENT_ID: usize = column_named("event_id");
/// Likewise.
pub(super) const REGION: usize = column_named("aws_region");
