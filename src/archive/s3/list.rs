//! Listing an archive. Folders of accounts and regions are found with a delimiter; what is below each is listed page by
//! page, several beside each other, and comes out in the order of the keys. Of a region is listed what may be new: from
//! a day on, which needs one request where that is little. What is more than a page is listed day by day.
//!
//! What lies outside of the grammar is listed as a whole, as a folder on disk would be.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::future::BoxFuture;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::fault::{Asked, Fault, fault};
use super::grammar::{self, Level};
use super::http::{Mark, is_usable};
use super::object::Stored;
use super::shared::{Bucket, Shared};
use super::window::ASK_INTERVAL;
use crate::archive::key::{ObjectKey, ObjectKind};
use crate::archive::read::FIRST_STORED;
use crate::archive::remote::{Listed, Scope};

/// Prefixes that are listed beside each other. Each holds a page or two that nobody has taken yet.
const BESIDE: usize = 16;

/// Pages of one prefix that wait.
const PAGES: usize = 1;

/// Folders that are looked into above `AWSLogs/`, and how deep.
const ABOVE_MAX: usize = 200;
const ABOVE_DEPTH: usize = 4;

/// What a page comes to.
type Page = Vec<Listed<Stored>>;

/// An archive that is being listed.
#[derive(Debug)]
pub struct Listing {
    shared: Arc<Shared>,
    receiver: Receiver<Page>,
    page: std::vec::IntoIter<Listed<Stored>>,
}

impl Iterator for Listing {
    type Item = Listed<Stored>;

    fn next(&mut self) -> Option<Listed<Stored>> {
        loop {
            if let Some(listed) = self.page.next() {
                return Some(listed);
            }
            let shared = &self.shared;
            let receiver = &mut self.receiver;
            // Within a runtime nobody may wait; this is always asked from outside.
            let page = shared.handle.block_on(async {
                while !shared.is_over() {
                    if let Ok(page) = tokio::time::timeout(ASK_INTERVAL, receiver.recv()).await {
                        return page;
                    }
                }
                None
            });
            self.page = page?.into_iter();
        }
    }
}

impl Listing {
    /// One of nothing.
    pub(super) fn none(shared: Arc<Shared>) -> Listing {
        Listing { shared, receiver: channel(PAGES).1, page: Vec::new().into_iter() }
    }
}

/// Keys below a prefix that are listed one after the other.
#[derive(Debug)]
struct Unit {
    prefix: String,
    /// Only those behind it.
    after: Option<String>,
    days: Days,
}

/// Which days a unit may have.
#[derive(Debug)]
enum Days {
    /// It is no folder of a region.
    All,
    /// It is one: from a day on, to a day.
    Region { from: Option<NaiveDate>, to: Option<NaiveDate> },
    /// It was listed already, up to here.
    Known(Page),
}

/// What lists.
pub(super) struct Lister {
    bucket: Arc<Bucket>,
    scope: Arc<Scope>,
    mark: Mark,
    /// Whether the first bytes of an object are those of events.
    looks_like_events: fn(&[u8]) -> bool,
}

/// A page as the server gives it.
struct Got {
    page: Page,
    prefixes: Vec<String>,
    last_key: Option<String>,
    next: Option<String>,
}

impl Lister {
    pub fn begin(bucket: Arc<Bucket>, scope: Arc<Scope>, mark: Mark, looks_like_events: fn(&[u8]) -> bool) -> Listing {
        let (sender, receiver) = channel(PAGES);
        let lister = Arc::new(Lister { bucket: Arc::clone(&bucket), scope, mark, looks_like_events });
        bucket.shared.handle.spawn(async move { lister.run(sender).await });
        Listing { shared: Arc::clone(&bucket.shared), receiver, page: Vec::new().into_iter() }
    }

    async fn run(self: Arc<Lister>, sender: Sender<Page>) {
        let given = self.bucket.address.prefix.clone();
        if !given.is_empty() && !given.ends_with('/') {
            match self.named(&given).await {
                Ok(Some(listed)) => return drop(sender.send(vec![listed]).await),
                Ok(None) => {}
                Err(fault) => return self.failed(given, fault, &sender).await,
            }
        }
        let prefix = if given.is_empty() || given.ends_with('/') { given } else { format!("{given}/") };
        let mut units = Vec::new();
        match self.discover(prefix.clone(), 0, &mut units).await {
            Ok(()) => self.list_all(units, &sender).await,
            // Whoever may not list what was asked for can do nothing here.
            Err(Fault::Denied(reason)) => self.bucket.shared.fail(self.said(&prefix, &reason)),
            Err(fault) => self.failed(prefix, fault, &sender).await,
        }
    }

    fn said(&self, prefix: &str, reason: &str) -> String {
        format!("{}: {reason}", crate::util::shown::name(&self.bucket.address.shown(prefix)))
    }

    /// Says that a prefix was not listed; what is about all of them ends everything.
    async fn failed(&self, prefix: String, fault: Fault, sender: &Sender<Page>) {
        match fault {
            Fault::Stopped => {}
            Fault::All(reason) => self.bucket.shared.fail(self.said(&prefix, &reason)),
            fault => drop(sender.send(vec![Listed::Failed { prefix, reason: fault.reason() }]).await),
        }
    }

    /// The object of exactly this key.
    async fn named(&self, key: &str) -> Result<Option<Listed<Stored>>, Fault> {
        let Bucket { address, store, shared } = &*self.bucket;
        let Ok(path) = Path::parse(key) else { return Ok(None) };
        let _request = shared.request().await?;
        match store.head(&path).await {
            Ok(meta) => Ok(Some(self.object(&meta, key.to_owned(), true, None))),
            Err(error) => match fault(&error, Asked::Object(&address.bucket, key), shared.region()) {
                // Without the right to list, what isn't there is denied.
                Fault::Missing | Fault::Denied(_) => Ok(None),
                fault => Err(fault),
            },
        }
    }

    fn object(
        &self,
        meta: &ObjectMeta,
        key: String,
        is_by_hand: bool,
        may_hold_events: Option<bool>,
    ) -> Listed<Stored> {
        let stored = Stored::new(
            &self.bucket,
            meta.location.clone(),
            meta.size,
            meta.e_tag.clone(),
            meta.last_modified.timestamp_micros(),
        );
        Listed::Object { key, stored, may_hold_events, is_by_hand }
    }

    /// One page.
    async fn page(
        &self,
        prefix: &str,
        with_delimiter: bool,
        after: Option<&str>,
        token: Option<String>,
    ) -> Result<Got, Fault> {
        let Bucket { address, store, shared } = &*self.bucket;
        if shared.is_over() {
            return Err(Fault::Stopped);
        }
        let options = PaginatedListOptions {
            offset: after.map(str::to_owned),
            delimiter: with_delimiter.then_some("/".into()),
            page_token: token.clone(),
            ..PaginatedListOptions::default()
        };
        let request = shared.request().await?;
        let listed = store.list_paginated(Some(prefix).filter(|prefix| !prefix.is_empty()), options).await;
        drop(request);
        let listed = listed.map_err(|error| fault(&error, Asked::Keys(&address.bucket), shared.region()))?;
        let next = listed.page_token.filter(|next| !next.is_empty());
        if next.is_some() && next == token {
            return Err(Fault::One("the server gives the same page again and again".to_owned()));
        }
        let mut got = Got { page: Vec::new(), prefixes: Vec::new(), last_key: None, next };
        for path in listed.result.common_prefixes {
            match self.mark.original(path.as_ref()) {
                Some(key) => got.page.push(unusable(key, 0)),
                None => got.prefixes.push(format!("{path}/")),
            }
        }
        for meta in listed.result.objects {
            let key = meta.location.as_ref();
            if let Some(key) = self.mark.original(key) {
                // What stands for a folder in consoles is nothing.
                let is_folder = meta.size == 0 && key.strip_suffix('/').is_some_and(is_usable);
                got.page.extend((!is_folder).then(|| unusable(key, meta.size)));
            } else if key.starts_with(prefix) {
                let key = key.to_owned();
                got.last_key = Some(key.clone());
                let may_hold_events = self.look(&meta, &key).await?;
                got.page.push(self.object(&meta, key, false, may_hold_events));
            }
        }
        got.prefixes.retain(|found| found.starts_with(prefix) && found.len() > prefix.len());
        Ok(got)
    }

    /// Whether a log of another service, as its name says, may hold events all the same.
    async fn look(&self, meta: &ObjectMeta, key: &str) -> Result<Option<bool>, Fault> {
        let below = key.strip_prefix(&self.bucket.address.prefix).unwrap_or(key);
        if !matches!(ObjectKey::parse(below.trim_start_matches('/')).kind, ObjectKind::Other(_)) {
            return Ok(None);
        }
        let Listed::Object { stored, .. } = self.object(meta, key.to_owned(), false, None) else { return Ok(None) };
        if meta.size == 0 {
            return Ok(Some(false));
        }
        let _request = self.bucket.shared.request().await?;
        match stored.piece(0..meta.size.min(FIRST_STORED)).await {
            Ok(first) => Ok(Some((self.looks_like_events)(&first))),
            Err(fault @ (Fault::All(_) | Fault::Stopped)) => Err(fault),
            // What can't be looked at may.
            Err(_) => Ok(Some(true)),
        }
    }

    /// The folders and objects directly below a prefix.
    async fn folder(&self, prefix: &str) -> Result<(Vec<String>, Page), Fault> {
        let (mut prefixes, mut objects, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let got = self.page(prefix, true, None, token).await?;
            prefixes.extend(got.prefixes);
            objects.extend(got.page);
            token = got.next;
            if token.is_none() {
                prefixes.sort();
                return Ok((prefixes, objects));
            }
        }
    }

    /// Finds what is to be listed below a prefix, in the order of the keys.
    fn discover<'a>(
        &'a self,
        prefix: String,
        depth: usize,
        units: &'a mut Vec<Unit>,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let scope = &self.scope;
            let is_wanted = |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
            match grammar::level(&prefix) {
                Level::Days { account, region, is_digests } => {
                    if is_wanted(&scope.regions, &region) && (is_digests || !scope.digests_only) {
                        self.region_units(prefix, (account, region), is_digests, units);
                    }
                    return Ok(());
                }
                Level::Below => {
                    units.push(Unit { prefix, after: None, days: Days::All });
                    return Ok(());
                }
                Level::Services(account) if !is_wanted(&scope.accounts, &account) => return Ok(()),
                Level::Regions { is_digests, .. } if scope.digests_only && !is_digests => return Ok(()),
                Level::Above if depth >= ABOVE_DEPTH => {
                    units.push(Unit { prefix, after: None, days: Days::All });
                    return Ok(());
                }
                _ => {}
            }
            let (folders, objects) = self.folder(&prefix).await?;
            if depth > 0 && grammar::level(&prefix) == Level::Above && folders.len() > ABOVE_MAX {
                units.push(Unit { prefix, after: None, days: Days::All });
                return Ok(());
            }
            if !objects.is_empty() {
                units.push(Unit { prefix: prefix.clone(), after: None, days: Days::Known(objects) });
            }
            let is_services = matches!(grammar::level(&prefix), Level::Services(_));
            self.discover_beside(folders, depth, is_services, units).await
        })
    }

    /// The same of several folders, beside each other.
    async fn discover_beside(
        &self,
        folders: Vec<String>,
        depth: usize,
        is_services: bool,
        units: &mut Vec<Unit>,
    ) -> Result<(), Fault> {
        // Logs of other services are many more, and none of CloudTrail's.
        let is_looked_at =
            |folder: &String| !is_services || self.scope.all || grammar::is_service(grammar::last(folder));
        let folders: Vec<String> = folders.into_iter().filter(is_looked_at).collect();
        for some in folders.chunks(BESIDE) {
            let discover = |folder: String| async move {
                let mut found = Vec::new();
                let outcome = self.discover(folder.clone(), depth + 1, &mut found).await;
                (folder, outcome, found)
            };
            for (folder, outcome, found) in futures::future::join_all(some.iter().cloned().map(discover)).await {
                match outcome {
                    Ok(()) => units.extend(found),
                    Err(fault @ (Fault::All(_) | Fault::Stopped)) => return Err(fault),
                    Err(fault) => {
                        let failed = vec![Listed::Failed { prefix: folder.clone(), reason: fault.reason() }];
                        units.push(Unit { prefix: folder, after: None, days: Days::Known(failed) });
                    }
                }
            }
        }
        Ok(())
    }

    /// What is to be listed of a region: days that are looked at again, and all from a day on.
    fn region_units(&self, prefix: String, of: (String, String), is_digests: bool, units: &mut Vec<Unit>) {
        let scope = &self.scope;
        if scope.digests_only && is_digests {
            units.push(Unit { prefix, after: None, days: Days::Region { from: None, to: None } });
            return;
        }
        let since = scope.since.get(&of).filter(|_| !scope.all).copied();
        let from = since.max(scope.from);
        if let Some(since) = since {
            let (account, region) = &of;
            let again = scope.again.iter().filter(|(a, r, _)| a == account && r == region).map(|(.., day)| *day);
            let is_before = |day: &NaiveDate| *day < since && scope.from.is_none_or(|from| *day >= from);
            let day = |day: NaiveDate| format!("{}/", grammar::day_prefix(&prefix, day));
            let again = again.filter(is_before).map(day);
            units.extend(again.map(|prefix| Unit { prefix, after: None, days: Days::All }));
        }
        units.push(Unit { prefix, after: None, days: Days::Region { from, to: scope.to } });
    }

    /// Lists units, several beside each other, and hands on their pages one unit after the other.
    async fn list_all(self: &Arc<Self>, units: Vec<Unit>, sender: &Sender<Page>) {
        let mut waiting = units.into_iter();
        let mut begun: VecDeque<Receiver<Page>> = VecDeque::new();
        loop {
            while begun.len() < BESIDE
                && let Some(unit) = waiting.next()
            {
                let (pages, receiver) = channel(PAGES);
                let lister = Arc::clone(self);
                tokio::spawn(async move { lister.list(unit, pages).await });
                begun.push_back(receiver);
            }
            let Some(mut first) = begun.pop_front() else { return };
            while let Some(page) = first.recv().await {
                if sender.send(page).await.is_err() {
                    return;
                }
            }
        }
    }

    fn list(self: Arc<Self>, unit: Unit, sender: Sender<Page>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Unit { prefix, after, days } = unit;
            let outcome = match days {
                Days::Known(page) => return drop(sender.send(page).await),
                Days::All => self.list_pages(&prefix, after.as_deref(), None, &sender).await,
                Days::Region { from, to } => self.list_region(&prefix, from, to, &sender).await,
            };
            if let Err(fault) = outcome {
                self.failed(prefix, fault, &sender).await;
            }
        })
    }

    /// Page after page, up to a key.
    async fn list_pages(
        &self,
        prefix: &str,
        after: Option<&str>,
        until: Option<&str>,
        sender: &Sender<Page>,
    ) -> Result<(), Fault> {
        let mut token = None;
        loop {
            let got = self.page(prefix, false, after, token).await?;
            token = got.next;
            let is_last =
                token.is_none() || until.zip(got.last_key.as_deref()).is_some_and(|(until, last)| last >= until);
            if sender.send(up_to(got.page, until)).await.is_err() || is_last {
                return Ok(());
            }
        }
    }

    /// A region: its first page, and where there is more, day by day.
    async fn list_region(
        self: &Arc<Self>,
        prefix: &str,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        sender: &Sender<Page>,
    ) -> Result<(), Fault> {
        let after = from.map(|from| grammar::day_prefix(prefix, from));
        let until = to.and_then(|to| to.succ_opt()).map(|to| grammar::day_prefix(prefix, to));
        let got = self.page(prefix, false, after.as_deref(), None).await?;
        let is_all =
            got.next.is_none() || until.as_deref().zip(got.last_key.as_deref()).is_some_and(|(u, last)| last >= u);
        let last_key = got.last_key.clone();
        if sender.send(up_to(got.page, until.as_deref())).await.is_err() || is_all {
            return Ok(());
        }
        let Some(last_key) = last_key else {
            return self.list_pages(prefix, after.as_deref(), until.as_deref(), sender).await;
        };
        let mut units = Vec::new();
        self.day_units(prefix, prefix, (&last_key, to), &mut units).await?;
        self.list_all(units, sender).await;
        Ok(())
    }

    /// The folders of days below one of a region's, behind a key.
    fn day_units<'a>(
        &'a self,
        region: &'a str,
        folder: &'a str,
        (last_key, to): (&'a str, Option<NaiveDate>),
        units: &'a mut Vec<Unit>,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let (folders, objects) = self.folder(folder).await?;
            let is_behind = |listed: &Listed<Stored>| match listed {
                Listed::Object { key, .. } => key.as_str() > last_key,
                Listed::Unusable { .. } | Listed::Failed { .. } => false,
            };
            let objects: Page = objects.into_iter().filter(is_behind).collect();
            if !objects.is_empty() {
                units.push(Unit { prefix: folder.to_owned(), after: None, days: Days::Known(objects) });
            }
            for prefix in folders {
                let has_last = last_key.starts_with(&prefix);
                if !has_last && prefix.as_str() < last_key {
                    continue;
                }
                match grammar::days_of(region, &prefix) {
                    Some((first, _)) if to.is_some_and(|to| first > to) => {}
                    Some((first, last)) if first != last => {
                        self.day_units(region, &prefix, (last_key, to), units).await?;
                    }
                    _ => {
                        let after = has_last.then(|| last_key.to_owned());
                        units.push(Unit { prefix, after, days: Days::All });
                    }
                }
            }
            Ok(())
        })
    }
}

fn up_to(page: Page, until: Option<&str>) -> Page {
    let is_before = |listed: &Listed<Stored>| match (listed, until) {
        (Listed::Object { key, .. }, Some(until)) => key.as_str() < until,
        _ => true,
    };
    page.into_iter().filter(is_before).collect()
}

/// A key that can't be asked for, or a folder whose keys can't.
fn unusable(key: String, size_bytes: u64) -> Listed<Stored> {
    let reason = "its key has an empty part, a dot, a control character or a slash at an end: it is not asked for\n\
                  hint: copy it to another key, or `trailpare forget` it";
    Listed::Unusable { key, size_bytes, reason }
}
