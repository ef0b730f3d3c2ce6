//! Whose copy of a call that two accounts logged an event is.

use super::columns::EventColumns;

/// Whether a row is the called account's copy of a call from another account.
pub fn is_foreign_copy(events: &EventColumns, row: usize) -> bool {
    events.shared_event_id(row).is_some()
        && is_foreign(events.principal_account_id(row), events.recipient_account_id(row))
}

pub(super) fn is_foreign(principal_account_id: Option<&str>, recipient_account_id: Option<&str>) -> bool {
    principal_account_id.is_some_and(|caller| recipient_account_id.is_some_and(|called| called != caller))
}
