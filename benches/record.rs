//! `benches/RESULTS.md`: what each benchmark measured last, and where. Written by the benchmarks, never by hand.

use std::fs;

const RESULTS: &str = "benches/RESULTS.md";

const HEAD: &str =
    "# Results\n\nWritten by the benchmarks themselves (`--record`); each section says how to make it anew.\n";

/// Replaces a benchmark's section, or adds it.
pub fn section(name: &str, text: &str) {
    let old = fs::read_to_string(RESULTS).unwrap_or_else(|_| HEAD.to_owned());
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- end of {name} -->"));
    let new = format!("{begin}\n{}\n{end}", text.trim());
    let text = match (old.find(&begin), old.find(&end)) {
        (Some(from), Some(to)) => format!("{}{new}{}", &old[..from], &old[to + end.len()..]),
        _ => format!("{}\n\n{new}\n", old.trim_end()),
    };
    fs::write(RESULTS, text).expect("benches/RESULTS.md can be written");
    println!("written into {RESULTS}");
}

/// Puts down what a benchmark printed where `--record` was asked for.
// Not every benchmark reads its arguments so, or has one text alone.
#[allow(dead_code)]
pub fn if_asked(name: &str, heading: &str, text: &str) {
    if std::env::args().any(|argument| argument == "--record") {
        figures(name, heading, text);
    }
}

/// Puts down what a benchmark printed, under a heading and the machine.
#[allow(dead_code)]
pub fn figures(name: &str, heading: &str, text: &str) {
    let version = format!("trailpare {}", env!("CARGO_PKG_VERSION"));
    section(name, &format!("## {heading}\n\n{}\n{text}", machine(&version)));
}

/// The machine, in a line.
pub fn machine(versions: &str) -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let model = model.map_or("unknown processor", |(_, model)| model);
    format!("{cores} cores of {model}, {} GiB of memory; {versions}\n", kib.unwrap_or(0_u64) >> 20)
}
