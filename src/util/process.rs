//! Who runs this process, where, and what it takes.

use std::fs;
use std::sync::OnceLock;

/// Reads a file of the system that holds one line.
fn line_of(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|line| !line.is_empty())
}

/// The user of this process: its name in the system's list of users, else its number; where the system tells neither,
/// what the surroundings say.
pub fn user() -> String {
    let by_system = user_number().map(|number| {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        name_of(number, &users).map_or_else(|| format!("user {number}"), str::to_owned)
    });
    let names = ["LOGNAME", "USER", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let said = names.into_iter().find(|name| !name.is_empty());
    match (said, by_system) {
        // Whoever calls himself something else is both.
        (Some(said), Some(system)) if said != system => format!("{said} ({system})"),
        (said, system) => system.or(said).unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// The number of the user that this process acts as.
#[cfg(target_os = "linux")]
fn user_number() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<u32> {
    None
}

/// The name of a user in a list as passwd(5) has it.
fn name_of(number: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id.parse() == Ok(number) && !name.is_empty()).then_some(name)
    })
}

/// What this process was started to do.
static COMMAND: OnceLock<String> = OnceLock::new();

/// Says what this process does; the first word holds.
pub fn name_command(command: &str) {
    let _ = COMMAND.set(command.to_owned());
}

/// What this process does, where somebody said so.
pub fn command() -> Option<&'static str> {
    COMMAND.get().map(String::as_str)
}

/// The name of this machine.
pub fn host() -> String {
    let said = || ["HOSTNAME", "HOST"].iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty());
    let by_system = line_of("/proc/sys/kernel/hostname").or_else(|| line_of("/etc/hostname"));
    by_system.or_else(said).unwrap_or_else(|| "unknown".to_owned())
}

/// This process, so that no later one of its number is taken for it: the number, and when it began by the system's
/// count.
pub fn identity() -> String {
    let number = std::process::id();
    began(number).map_or_else(|| number.to_string(), |began| format!("{number}:{began}"))
}

/// Whether the process of an [`identity`] of this machine runs; `None` where the system doesn't tell.
pub fn is_alive(identity: &str) -> Option<bool> {
    fs::metadata("/proc/self").ok()?;
    let (number, began_then) = identity.split_once(':').map_or((identity, None), |(n, began)| (n, Some(began)));
    let began_now = began(number.parse().ok()?);
    Some(began_now.is_some_and(|now| began_then.is_none_or(|then| then == now)))
}

/// When a process began, in ticks since the machine did. Source: proc_pid_stat(5), field 22.
fn began(number: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name of the program stands in parentheses, and may hold some.
    let behind_name = stat.rsplit_once(')')?.1;
    behind_name.split_ascii_whitespace().nth(19).map(str::to_owned)
}

/// The most memory that this process had so far, resident; `None` where the system doesn't tell.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbad line\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!([0, 1000, 7].map(|number| name_of(number, users)), [Some("root"), Some("ann"), None]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_told_from_a_later_one_of_its_number() {
        assert_eq!(is_alive(&identity()), Some(true));
        let number = std::process::id();
        assert_eq!(is_alive(&number.to_string()), Some(true));
        assert_eq!(is_alive(&format!("{number}:1")), Some(false));
        assert_eq!(is_alive("4294967295"), Some(false));
        assert_eq!(is_alive("no number"), None);
        assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
