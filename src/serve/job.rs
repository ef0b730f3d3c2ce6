//! One query within its limits: it runs on a thread of its own and hands its rows over as they come; it ends when its
//! time is over, when it is cancelled, when nobody wants its rows any more.
//!
//! A future that computes does not look up. So a task of who asks watches the time, and asks the joins of the query to
//! end (`query::Stop`); whoever waits for rows is told at once, whatever the query is at.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::limits::Limits;
use crate::query::{QueryError, STACK_BYTES, Stop};
use crate::store::StoreError;

/// The longest time of a query, a year: `forever` is beyond what an instant can hold.
const TIME_MAX: Duration = Duration::from_secs(365 * 86_400);

/// Batches that wait for whoever reads them.
const WAITING_MAX: usize = 2;

/// Why a query ended before its last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody asked for it.
    Cancelled,
    /// Its time was over.
    TimedOut,
    /// Nobody wants the rows that are left.
    Unread,
    /// The program ends.
    Leaving,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The query can't be answered.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was ended.
    #[error("{}", ended_text(*.0))]
    Ended(End),
    /// The answer has too many rows.
    #[error("the answer has more than {0} rows\nhint: LIMIT, or --max-rows where the server is started")]
    TooManyRows(u64),
    /// The system has no thread to give, or the query broke off.
    #[error("the query broke off")]
    BrokeOff,
}

fn ended_text(end: End) -> &'static str {
    match end {
        End::Cancelled => "the query was cancelled",
        End::TimedOut => {
            "the query took longer than it may\nhint: ask for less, or --timeout where the server is started"
        }
        End::Unread => "the answer is not wanted any more",
        End::Leaving => "the server ends",
    }
}

/// Ends a query. Clones end the same one.
#[derive(Clone, Debug)]
pub struct Ending(Arc<watch::Sender<Option<End>>>);

impl Default for Ending {
    fn default() -> Self {
        Ending(Arc::new(watch::channel(None).0))
    }
}

impl Ending {
    /// Ends it, whatever it is at; what ended it first counts.
    pub fn end(&self, end: End) {
        self.0.send_if_modified(|ended| {
            let is_first = ended.is_none();
            if is_first {
                *ended = Some(end);
            }
            is_first
        });
    }

    /// Whether somebody asked for its end before it had one.
    pub fn was_cancelled(&self) -> bool {
        *self.0.borrow() == Some(End::Cancelled)
    }

    /// Waits until it is ended.
    pub async fn ended(&self) -> End {
        let mut ended = self.0.subscribe();
        loop {
            if let Some(end) = *ended.borrow_and_update() {
                return end;
            }
            if ended.changed().await.is_err() {
                // Nobody is left to end it.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Runs queries.
#[derive(Clone)]
pub struct Jobs {
    runtime: Handle,
    turns: Arc<Semaphore>,
    plans: Arc<Semaphore>,
    limits: Limits,
}

impl Jobs {
    /// Queries on this runtime, within these limits.
    pub fn new(runtime: Handle, limits: Limits) -> Jobs {
        let turns = || Arc::new(Semaphore::new(limits.queries.max(1)));
        Jobs { runtime, turns: turns(), plans: turns(), limits }
    }

    /// Does work that goes deep, such as planning, where there is room for it: of as many at once as queries may run.
    ///
    /// # Errors
    /// Those of the work; [`Failure::BrokeOff`] where the system has no thread.
    pub async fn deep<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let turn = Arc::clone(&self.plans).acquire_owned().await.map_err(|_| Failure::BrokeOff)?;
        let (done, outcome) = oneshot::channel();
        self.thread(async move {
            let _ = done.send(work.await);
            drop(turn);
        })?;
        outcome.await.unwrap_or(Err(Failure::BrokeOff))
    }

    fn thread(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), Failure> {
        let runtime = self.runtime.clone();
        let thread = thread::Builder::new().name("query".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(move || runtime.block_on(work)).map(drop).map_err(|_| Failure::BrokeOff)
    }

    /// Starts a query: `work` plans it and gives its rows, `stop` is that of its session.
    ///
    /// # Errors
    /// Those of the work; [`Failure::Ended`] where it is ended before there is an answer.
    pub async fn start<W>(&self, stop: Stop, ending: Ending, work: W) -> Result<Answer, Failure>
    where
        W: Future<Output = Result<SendableRecordBatchStream, Failure>> + Send + 'static,
    {
        self.start_within(self.limits.time, stop, ending, work).await
    }

    /// The same, with less time where it asks for less.
    ///
    /// # Errors
    /// Those of [`Jobs::start`].
    pub async fn start_within<W>(&self, time: Duration, stop: Stop, ending: Ending, work: W) -> Result<Answer, Failure>
    where
        W: Future<Output = Result<SendableRecordBatchStream, Failure>> + Send + 'static,
    {
        let deadline = Instant::now() + time.min(self.limits.time).min(TIME_MAX);
        let turn = tokio::select! {
            turn = Arc::clone(&self.turns).acquire_owned() => turn.map_err(|_| Failure::BrokeOff)?,
            end = ending.ended() => return Err(Failure::Ended(end)),
            () = sleep_until(deadline) => return Err(Failure::Ended(End::TimedOut)),
        };
        stop.begin();
        let (begun, schema) = oneshot::channel();
        let (sender, batches) = mpsc::channel(WAITING_MAX);
        let (over, is_over) = oneshot::channel::<()>();
        let watched = ending.clone();
        // It runs on the caller's runtime: the threads of the query's own runtime may all be computing.
        tokio::spawn(async move {
            tokio::select! {
                _ = is_over => return,
                () = sleep_until(deadline) => watched.end(End::TimedOut),
                _ = watched.ended() => {}
            }
            stop.ask();
        });
        let ended = ending.clone();
        self.thread(async move {
            tokio::select! {
                _ = ended.ended() => {}
                () = drive(work, begun, sender) => {}
            }
            drop((over, turn));
        })?;
        let mut answer = Answer { schema: None, batches, ending, rows_max: self.limits.rows };
        answer.schema = Some(answer.until_ended(schema).await?.unwrap_or(Err(Failure::BrokeOff))?);
        Ok(answer)
    }
}

async fn drive<W>(
    work: W,
    begun: oneshot::Sender<Result<SchemaRef, Failure>>,
    sender: mpsc::Sender<Result<RecordBatch, Failure>>,
) where
    W: Future<Output = Result<SendableRecordBatchStream, Failure>>,
{
    let mut stream = match work.await {
        Ok(stream) => stream,
        Err(error) => {
            let _ = begun.send(Err(error));
            return;
        }
    };
    if begun.send(Ok(stream.schema())).is_err() {
        return;
    }
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|error| Failure::Query(error.into()));
        let is_last = batch.is_err();
        if sender.send(batch).await.is_err() || is_last {
            return;
        }
    }
}

/// The rows of a query as they come.
pub struct Answer {
    schema: Option<SchemaRef>,
    batches: mpsc::Receiver<Result<RecordBatch, Failure>>,
    ending: Ending,
    rows_max: u64,
}

impl Answer {
    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone().unwrap_or_else(|| Arc::new(arrow::datatypes::Schema::empty()))
    }

    /// Rows that whoever reads it may give on.
    pub fn rows_max(&self) -> u64 {
        self.rows_max
    }

    /// Further rows; `None` behind the last.
    ///
    /// # Errors
    /// Those of the query; [`Failure::Ended`].
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Failure>> {
        let ending = self.ending.clone();
        tokio::select! {
            biased;
            end = ending.ended() => Some(Err(Failure::Ended(end))),
            batch = self.batches.recv() => batch,
        }
    }

    async fn until_ended<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            end = self.ending.ended() => Err(Failure::Ended(end)),
            done = work => Ok(done),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.ending.end(End::Unread);
    }
}
