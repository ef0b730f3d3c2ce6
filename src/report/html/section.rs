//! The section of one principal.

use serde::Serialize;

use super::chart::Bars;
use super::marked::{Marked, marked};
use super::subject::{Places, View};
use crate::report::overview::{Overview, Principal};

/// Most rows of one table of a section; the rest is counted, and the command line has it.
const ROWS_MAX: usize = 200;

/// A principal as its section shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Section<'a> {
    /// Its number on the page, from 0.
    pub(super) number: usize,
    pub(super) p: &'a Principal,
    pub(super) chart: Option<Bars>,
    /// Its policies today, line by line; empty where the subject has them.
    pub(super) today: Vec<Marked<'a>>,
    /// What `rightsize` says of it.
    pub(super) subject: Option<View<'a>>,
    /// Where its permission set is told of.
    pub(super) set: Option<&'a str>,
    pub(super) rows_max: usize,
}

impl<'a> Section<'a> {
    pub(super) fn of(
        number: usize,
        principal: &'a Principal,
        overview: &'a Overview,
        places: &'a Places,
    ) -> Section<'a> {
        let subject = places.of_principal(overview, number);
        Section {
            number,
            p: principal,
            chart: Bars::of_principal(principal, overview),
            set: principal.permission_set.as_deref().and_then(|set| places.of_set(overview, set)),
            today: if subject.is_some() { Vec::new() } else { today(principal) },
            subject,
            rows_max: ROWS_MAX,
        }
    }
}

fn today(principal: &Principal) -> Vec<Marked<'_>> {
    let actions = principal.services.iter().flat_map(|service| &service.actions);
    let used: Vec<&str> =
        actions.filter(|action| action.counts.allowed > 0).map(|action| action.action.as_str()).collect();
    let documents = principal.granted.iter().flat_map(|granted| &granted.documents);
    documents.map(|document| marked(document, &used, usize::MAX)).collect()
}
