//! The store as those see it who ask: the newest snapshot, for as long as there is no newer one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::prelude::SessionContext;

use super::job::Failure;
use super::limits::Limits;
use crate::iam::Catalog;
use crate::query::{self, Library, Options, QueryError, Stop};
use crate::store::{Snapshot, Store};

/// How long a snapshot counts as the newest without looking again.
const LOOK: Duration = Duration::from_secs(1);

/// What is asked, and by which rules.
pub struct Source {
    store: Store,
    /// The snapshot that is asked for; `None`: the newest one.
    at: Option<i64>,
    catalog: &'static Catalog,
    limits: Limits,
    library: Library,
    /// Where queries spill to.
    spill: PathBuf,
    /// What is registered beside the store's own.
    dress: Dress,
    /// What the last look found, and when that was.
    last: Mutex<Option<(Arc<World>, Instant)>>,
}

/// What a door adds to a session over the store.
pub type Dress = fn(&SessionContext) -> Result<(), QueryError>;

/// One snapshot, ready to be asked.
pub struct World {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// A session over it, from which those of queries are made.
    context: SessionContext,
}

impl Source {
    /// A store to be asked.
    pub fn new(store: Store, catalog: &'static Catalog, limits: Limits, library: Library, spill: PathBuf) -> Source {
        Source { store, at: None, catalog, limits, library, spill, dress: |_| Ok(()), last: Mutex::default() }
    }

    /// The same, answering from one snapshot alone.
    pub fn at(mut self, snapshot: Option<i64>) -> Source {
        self.at = snapshot;
        self
    }

    /// The same with more in its sessions.
    pub fn dressed(mut self, dress: Dress) -> Source {
        self.dress = dress;
        self
    }

    /// The named queries.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// What queries may take.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Actions, resource types, operations.
    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    /// Where queries spill to.
    pub fn spill(&self) -> &Path {
        &self.spill
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The newest snapshot, as of a second ago at the most.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn world(&self) -> Result<Arc<World>, Failure> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((world, looked)) = last {
            let is_newest = self.at.is_some()
                || looked.elapsed() < LOOK
                || self.store.newest().is_ok_and(|newest| newest == world.snapshot.id);
            if is_newest {
                self.note(&world);
                return Ok(world);
            }
        }
        let snapshot = self.store.snapshot(self.at)?;
        let context = query::session(&snapshot, &self.options(Stop::default())).await.map_err(QueryError::from)?;
        (self.dress)(&context)?;
        let world = Arc::new(World { snapshot, context });
        self.note(&world);
        Ok(world)
    }

    fn note(&self, world: &Arc<World>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Arc::clone(world), Instant::now()));
    }

    fn options(&self, stop: Stop) -> Options {
        Options {
            threads: self.limits.threads,
            memory_limit_bytes: Some(self.limits.memory_of_query_bytes()),
            catalog: Some(self.catalog),
            spill: Some(self.spill.clone()),
            read_only: true,
            queries_only: true,
            stop: Some(stop),
        }
    }

    /// A session for one query, which has memory of its own and ends when `stop` asks it to.
    ///
    /// # Errors
    /// None that is known.
    pub fn session(&self, world: &World, stop: Stop) -> Result<SessionContext, Failure> {
        Ok(query::another(&world.context, &self.options(stop)).map_err(QueryError::from)?)
    }
}
