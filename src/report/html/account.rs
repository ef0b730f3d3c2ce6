//! The section of one account.

use serde::Serialize;

use super::chart::Bars;
use super::strip::Strip;
use super::subject::Places;
use crate::report::overview::{AccountSummary, Overview, Principal};
use crate::report::rightsize::Entry;

/// An account as its section shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AccountView<'a> {
    number: usize,
    account: &'a AccountSummary,
    chart: Option<Bars>,
    /// Who lives in it, the most used first.
    principals: Vec<Row<'a>>,
    /// Its coverage, by region.
    strips: Vec<Strip<'a>>,
    /// How many of its roles and users are in which wave.
    waves: Vec<(&'static str, usize)>,
}

/// A principal of the account.
#[derive(Clone, Debug, Serialize)]
struct Row<'a> {
    /// Its place among all.
    number: usize,
    p: &'a Principal,
    e: Option<&'a Entry>,
    actions: usize,
}

/// All accounts.
pub(super) fn accounts<'a>(overview: &'a Overview, places: &'a Places) -> Vec<AccountView<'a>> {
    let view = |(number, account): (usize, &'a AccountSummary)| {
        let is_of = |p: &Principal| p.account_id == account.account_id;
        let row = |(number, p): (usize, &'a Principal)| {
            let e = places.entry_of_principal(overview, number);
            Row { number, p, e, actions: p.actions() }
        };
        let principals: Vec<Row<'a>> =
            overview.principals.iter().enumerate().filter(|(_, p)| is_of(p)).map(row).collect();
        let waves = crate::rightsize::Wave::ALL.map(|wave| {
            (wave.as_str(), principals.iter().filter(|row| row.e.is_some_and(|e| e.wave() == wave)).count())
        });
        AccountView {
            number,
            account,
            chart: Bars::of_account(account, overview),
            waves: waves.into_iter().filter(|(_, count)| *count > 0).collect(),
            principals,
            strips: overview
                .coverage
                .places
                .iter()
                .filter(|place| place.account_id == account.account_id)
                .map(Strip::of)
                .collect(),
        }
    };
    overview.accounts.iter().enumerate().map(view).collect()
}
