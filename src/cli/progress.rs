//! Progress bars for what takes long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::interrupt::Stoppable;
use super::{CliError, Context};
use crate::iam::Catalog;
use crate::ingest::{self, OptimizeOptions, Optimized, Options, Progress, Summary};
use crate::store::Store;

/// Seconds of all threads in each stage, by its name.
type StageSeconds = Vec<(&'static str, f64)>;

const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

/// Runs an ingest with a progress bar where one is wanted. The first Ctrl-C ends it in good order if that takes no longer
/// than two seconds, the second at once. Also returns the seconds of all threads in each stage.
pub(super) fn ingest(
    store: &Store,
    options: &Options,
    catalog: &Catalog,
    context: &Context,
) -> Result<(Summary, StageSeconds), CliError> {
    let began = Instant::now();
    Ok(with_bar(context, ingest_message, |progress| {
        let outcome = ingest::ingest(store, options, catalog, progress);
        let seconds = began.elapsed().as_secs_f64();
        context.detail(&format!("{seconds:.2} s; time of all threads: {}", progress.stages));
        outcome.map(|summary| (summary, progress.stages.seconds()))
    })?)
}

/// Likewise an optimisation.
pub(super) fn optimize(
    store: &Store,
    options: &OptimizeOptions,
    catalog: &Catalog,
    context: &Context,
) -> Result<Optimized, CliError> {
    Ok(with_bar(context, optimize_message, |progress| ingest::optimize(store, options, catalog, progress))?)
}

/// What a bar says after so much time.
type Message = fn(&Progress, Duration) -> String;

fn with_bar<T>(context: &Context, message: Message, work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Arc::new(Progress::default());
    let _stoppable = Stoppable::new(&progress);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if context.shows_progress() {
            scope.spawn(|| draw(&progress, message, &is_done));
        }
        let outcome = work(&progress);
        is_done.store(true, Ordering::Release);
        outcome
    })
}

fn draw(progress: &Progress, message: Message, is_done: &AtomicBool) {
    let style = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    let began = Instant::now();
    while !is_done.load(Ordering::Acquire) {
        bar.set_length(get(&progress.bytes_total));
        bar.set_position(get(&progress.bytes));
        bar.set_message(message(progress, began.elapsed()));
        bar.tick();
        std::thread::sleep(REDRAW_INTERVAL);
    }
    bar.finish_and_clear();
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people to read")]
fn ingest_message(progress: &Progress, elapsed: Duration) -> String {
    let total = get(&progress.objects_total);
    if total == 0 {
        return format!("looking: {} files", HumanCount(get(&progress.found)));
    }
    let seconds = elapsed.as_secs_f64().max(0.001);
    format!(
        "{}/{} objects, {} events, {}/s",
        HumanCount(get(&progress.objects)),
        HumanCount(total),
        HumanCount(get(&progress.events)),
        HumanBytes((get(&progress.json_bytes) as f64 / seconds) as u64),
    )
}

fn optimize_message(progress: &Progress, _: Duration) -> String {
    format!("{}/{} days", HumanCount(get(&progress.objects)), HumanCount(get(&progress.objects_total)))
}
