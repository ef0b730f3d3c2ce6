//! Printing a page by a browser on this machine.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::CliError;

/// What Chromium is called, in the order of trying.
const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// A page of many principals takes some seconds.
const TIME_MAX: Duration = Duration::from_secs(300);

/// Prints `page` into the PDF file `out`.
///
/// # Errors
/// There is no browser, it fails, or it takes longer than five minutes.
pub(super) fn print(browser: Option<&Path>, page: &str, out: &Path) -> Result<(), CliError> {
    let failed = |what: &str, error: std::io::Error| CliError::failed(format!("{what}: {error}"));
    let program = browser.map(Path::to_owned).or_else(found).ok_or_else(|| {
        CliError::failed(
            "no browser prints here: neither Chromium nor Chrome is on the PATH\n\
             hint: install one, name it with --browser, or take --format html and print that",
        )
    })?;
    let folder = tempfile::tempdir().map_err(|error| failed("cannot make a temporary folder", error))?;
    let (source, printed) = (folder.path().join("report.html"), folder.path().join("report.pdf"));
    crate::store::write_private(&source, page.as_bytes()).map_err(|error| failed("cannot write the page", error))?;
    let mut command = Command::new(&program);
    command
        .args(["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"])
        .args(["--disable-extensions", "--no-pdf-header-footer", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--print-to-pdf={}", printed.display()));
    if is_root(folder.path()) {
        // Chromium's sandbox refuses to work for root.
        command.arg("--no-sandbox");
    }
    command
        .arg(format!("file://{}", source.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(&format!("cannot start {}", program.display()), error))?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| failed("cannot wait for the browser", error))? {
            Some(status) => break status,
            None if begun.elapsed() > TIME_MAX => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(CliError::failed(format!(
                    "{} has not printed in {} minutes\nhint: take fewer principals (--sections-max), or --format html",
                    program.display(),
                    TIME_MAX.as_secs() / 60
                )));
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let bytes = std::fs::read(&printed).ok().filter(|bytes| status.success() && bytes.starts_with(b"%PDF"));
    let bytes = bytes.ok_or_else(|| CliError::failed(format!("{} did not print: {status}", program.display())))?;
    crate::store::write_private(out, &bytes)
        .map_err(|error| failed(&format!("cannot write {}", out.display()), error))?;
    std::io::stderr().flush().map_err(Into::into)
}

fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// Whether this process is root's: whose what it makes is.
fn is_root(made: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(made).is_ok_and(|metadata| metadata.uid() == 0)
}
