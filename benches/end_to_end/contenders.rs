//! Who is measured, and how each does its work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::MEMORY_LIMIT_BYTES;
use crate::archives::Archive;
use crate::measure::{folder_bytes, program, run};
use crate::peers;

enum Kind {
    /// Every object read and inflated, by as many threads, and nothing else.
    Inflate,
    Own,
    /// A peer of `peers.py`: all columns to Parquet.
    Peer(&'static str),
    /// Reads and prints every record.
    Trailscraper,
}

pub struct Contender {
    pub name: &'static str,
    kind: Kind,
}

pub struct Outcome {
    pub seconds: f64,
    pub peak_bytes: Option<u64>,
    pub records: Option<u64>,
    pub written_bytes: Option<u64>,
    pub stages: Option<String>,
}

pub fn all(with_peers: bool) -> Vec<Contender> {
    let mut all = vec![
        Contender { name: "bare inflate", kind: Kind::Inflate },
        Contender { name: "trailpare ingest", kind: Kind::Own },
    ];
    if with_peers && peers::python().is_some() {
        all.push(Contender { name: "DuckDB", kind: Kind::Peer("duckdb") });
        all.push(Contender { name: "ClickHouse", kind: Kind::Peer("clickhouse") });
        all.push(Contender { name: "trailscraper select", kind: Kind::Trailscraper });
    }
    all
}

/// Names and versions, for the record.
pub fn versions(contenders: &[Contender]) -> String {
    let mut text = format!("trailpare {}", env!("CARGO_PKG_VERSION"));
    if contenders.len() > 2 {
        let pins = peers::REQUIREMENTS.lines().map(|line| line.replace("==", " "));
        pins.for_each(|pin| text.push_str(&format!(", {pin}")));
    }
    text
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

impl Contender {
    pub fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Own)
    }

    /// One run; `None` when the program failed.
    pub fn run(&self, archive: &Archive, work: &Path) -> Option<Outcome> {
        let out = work.join("out");
        match self.kind {
            Kind::Inflate => Some(inflate(&archive.objects)),
            Kind::Own => ingest(archive, work, MEMORY_LIMIT_BYTES),
            Kind::Peer(peer) => convert(peer, archive, &out.with_extension("parquet")),
            Kind::Trailscraper => {
                let mut command = Command::new(Path::new(peers::FOLDER).join("bin/trailscraper"));
                command.arg("select").arg("--log-dir").arg(&archive.path);
                let ran = run(&mut command)?;
                Some(Outcome {
                    seconds: ran.seconds,
                    peak_bytes: Some(ran.peak_bytes),
                    records: None,
                    written_bytes: None,
                    stages: None,
                })
            }
        }
    }
}

fn inflate(objects: &[PathBuf]) -> Outcome {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let mut decompressor = libdeflater::Decompressor::new();
                let mut inflated = Vec::new();
                while let Some(path) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let stored = std::fs::read(path).expect("an object");
                    let [.., a, b, c, d] = stored[..] else { continue };
                    if stored.starts_with(&[0x1f, 0x8b]) {
                        let size = u32::from_le_bytes([a, b, c, d]) as usize;
                        inflated.resize(size.max(inflated.len()), 0);
                        decompressor.gzip_decompress(&stored, &mut inflated).expect("one sound member");
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    Outcome { seconds, peak_bytes: None, records: None, written_bytes: None, stages: None }
}

/// Takes an archive into a new store, within a memory limit.
pub fn ingest(archive: &Archive, work: &Path, limit_bytes: u64) -> Option<Outcome> {
    let store = &work.join("out");
    let _ = std::fs::remove_dir_all(store);
    let mut command = Command::new(program());
    command.arg("ingest").arg(&archive.path).arg("--store").arg(store).arg("-v");
    command.args(["--memory-limit", &limit_bytes.to_string(), "--threads", &threads().to_string()]);
    let ran = run(&mut command)?;
    let said = ran.stderr;
    let stages = said.lines().find_map(|line| line.split_once("time of all threads: "));
    let records = said.lines().find_map(|line| line.split_once(" records: ")?.0.parse().ok());
    Some(Outcome {
        seconds: ran.seconds,
        peak_bytes: Some(ran.peak_bytes),
        records,
        written_bytes: Some(folder_bytes(store)),
        stages: stages.map(|(_, stages)| stages.to_owned()),
    })
}

fn convert(peer: &str, archive: &Archive, out: &Path) -> Option<Outcome> {
    let _ = std::fs::remove_file(out);
    let mut command = Command::new(Path::new(peers::FOLDER).join("bin/python"));
    let folder = archive.path.canonicalize().ok()?;
    command.arg("benches/end_to_end/peers.py").arg(peer).arg(folder).arg(out).arg(threads().to_string());
    let ran = run(&mut command)?;
    Some(Outcome {
        seconds: ran.seconds,
        peak_bytes: Some(ran.peak_bytes),
        records: ran.stdout.trim().parse().ok(),
        written_bytes: std::fs::metadata(out).map(|m| m.len()).ok(),
        stages: None,
    })
}
