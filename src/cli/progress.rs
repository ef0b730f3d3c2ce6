//! Progress bars for an ingest, and Ctrl-C.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::{CliError, Context, Exit};
use crate::iam::Catalog;
use crate::ingest::{self, Options, Progress, Summary};
use crate::store::Store;

const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

/// Runs an ingest with a progress bar where one is wanted. The first Ctrl-C ends it in good order, the second at once.
pub(super) fn ingest(
    store: &Store,
    options: &Options,
    catalog: &Catalog,
    context: &Context,
) -> Result<Summary, CliError> {
    let progress = Arc::new(Progress::default());
    stop_on_interrupt(&progress);
    let is_done = AtomicBool::new(false);
    let began = Instant::now();
    let outcome = std::thread::scope(|scope| {
        if context.shows_progress() {
            scope.spawn(|| draw(&progress, &is_done));
        }
        let outcome = ingest::ingest(store, options, catalog, &progress);
        is_done.store(true, Ordering::Release);
        outcome
    });
    let seconds = began.elapsed().as_secs_f64();
    context.detail(&format!("{seconds:.2} s; time of all threads: {}", progress.stages));
    Ok(outcome?)
}

fn stop_on_interrupt(progress: &Arc<Progress>) {
    static CURRENT: OnceLock<std::sync::Mutex<Option<Arc<Progress>>>> = OnceLock::new();
    static PRESSED: AtomicUsize = AtomicUsize::new(0);
    let current = CURRENT.get_or_init(|| {
        // A second handler can't be set: the process has this one.
        let _ = ctrlc::set_handler(|| {
            if PRESSED.fetch_add(1, Ordering::Relaxed) > 0 {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            let progress = CURRENT.get().and_then(|c| c.lock().ok()).and_then(|c| c.clone());
            match progress {
                Some(progress) => progress.stop(),
                None => std::process::exit(i32::from(Exit::Interrupted.code())),
            }
        });
        std::sync::Mutex::new(None)
    });
    if let Ok(mut current) = current.lock() {
        *current = Some(Arc::clone(progress));
    }
}

fn draw(progress: &Progress, is_done: &AtomicBool) {
    let style = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    let began = Instant::now();
    while !is_done.load(Ordering::Acquire) {
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let total = get(&progress.objects_total);
        if total == 0 {
            bar.set_message(format!("looking: {} files", HumanCount(get(&progress.found))));
        } else {
            let seconds = began.elapsed().as_secs_f64().max(0.001);
            bar.set_length(get(&progress.bytes_total));
            bar.set_position(get(&progress.bytes));
            bar.set_message(format!(
                "{}/{} objects, {} events, {}/s",
                HumanCount(get(&progress.objects)),
                HumanCount(total),
                HumanCount(get(&progress.events)),
                HumanBytes((get(&progress.json_bytes) as f64 / seconds) as u64),
            ));
        }
        bar.tick();
        std::thread::sleep(REDRAW_INTERVAL);
    }
    bar.finish_and_clear();
}
