//! Of which times digests tell, by account and region: for saying why a log object is in none.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::names::{chain_of, is_backfill};
use crate::archive::ObjectKey;

/// Times of one account and region that are kept at the most. Real ones follow one another and become one.
const KEPT_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Spans(BTreeMap<(String, String), Vec<(i64, i64)>>);

impl Spans {
    pub fn add(&mut self, digest: &Digest) {
        let ObjectKey { account_id: Some(account_id), region: Some(region), .. } = ObjectKey::parse(&digest.key) else {
            return;
        };
        if is_backfill(&chain_of(&digest.name)) {
            return;
        }
        let spans = self.0.entry((account_id, region)).or_default();
        let has_room = spans.len() < KEPT_MAX;
        match spans.last_mut() {
            Some((_, end_us)) if *end_us == digest.start_us => *end_us = digest.end_us,
            _ if has_room => spans.push((digest.start_us, digest.end_us)),
            _ => {}
        }
    }

    /// Why no digest may list a log object with this name.
    pub fn reason(&self, key: &str) -> String {
        let key = ObjectKey::parse(key);
        let (Some(account_id), Some(region), Some(time)) = (key.account_id, key.region, key.delivery_time) else {
            return "its name is not one that CloudTrail gives".to_owned();
        };
        let delivered_us = time.and_utc().timestamp_micros();
        let Some(spans) = self.0.get(&(account_id.clone(), region.clone())) else {
            return format!("there are no digests of account {account_id} in {region}");
        };
        let is_told = spans.iter().any(|(start_us, end_us)| (*start_us..*end_us).contains(&delivered_us));
        match is_told {
            true => "the digest of its time does not list it: it was added, or a backfill digest is to come".to_owned(),
            false => "no digest tells of its time".to_owned(),
        }
    }
}
