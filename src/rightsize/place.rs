//! Where a subject's files are: names that are stable, single, and that lead nowhere else.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::subject::{Subject, SubjectKind};

/// Letters of a name that are kept.
const LETTERS_MAX: usize = 80;

/// Names of devices on Windows, where a folder of the name cannot be.
const DEVICES: [&str; 8] = ["con", "prn", "aux", "nul", "com1", "com2", "lpt1", "lpt2"];

/// The folder of a subject below that of all, with `/`: `roles/111122223333-deploy`. A name that cannot stand as it is has
/// some digits of its hash behind it, so that no two are the same, whoever else is there.
pub fn folder(subject: &Subject, taken: &mut BTreeSet<String>) -> String {
    let whole = match (&subject.account, &subject.of) {
        (Some(account), _) => format!("{account}-{}", subject.name),
        (None, Some(of)) => format!("{of}-{}", subject.name),
        (None, None) => subject.name.clone(),
    };
    let plain = format!("{}/{}", subject.kind.folder(), stable(&whole, &format!("{:?}", subject.key())));
    // Some file systems don't tell cases apart.
    if taken.insert(plain.to_lowercase()) {
        return plain;
    }
    let hashed = format!("{plain}-{}", digits(&format!("{:?}", subject.key())));
    taken.insert(hashed.to_lowercase());
    hashed
}

/// A name of letters, digits, `-`, `_`, and within it `.` and `@`; with the digits of `key`'s hash where it was another.
fn stable(name: &str, key: &str) -> String {
    let is_kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let safe: String = name.chars().map(|c| if is_kept(c) { c } else { '-' }).take(LETTERS_MAX).collect();
    let safe = safe.trim_matches(['-', '.', '@']);
    let stem = safe.split('.').next().unwrap_or_default().to_ascii_lowercase();
    if !safe.is_empty() && safe == name && !safe.contains("..") && !DEVICES.contains(&stem.as_str()) {
        return safe.to_owned();
    }
    let safe = if safe.is_empty() { "unnamed".to_owned() } else { safe.replace("..", ".-") };
    format!("{safe}-{}", digits(key))
}

fn digits(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// Name of a subject's policy: as IAM takes it, and everything else that names are put into.
pub fn policy_name(subject: &Subject) -> String {
    // A group of roles is known by what its roles are called.
    let of = subject.of.iter().filter(|_| subject.kind == SubjectKind::RoleGroup);
    let whole = of.map(|of| format!("{of}-")).chain([subject.name.clone()]).collect::<String>();
    let name: String =
        whole.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(LETTERS_MAX).collect();
    match name.trim_matches('-') {
        "" => "LeastPrivilege".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> String {
        folder(&Subject::new(SubjectKind::Person, name), &mut BTreeSet::new())
    }

    #[test]
    fn names_lead_nowhere_else() {
        assert_eq!(of("ann.lee@example.com"), "people/ann.lee@example.com");
        assert_eq!(of("Administrator_Access-1"), "people/Administrator_Access-1");
        for hostile in [
            "../../etc/passwd",
            "..",
            ".",
            "",
            "/",
            "a/b",
            "a\\b",
            ".git",
            "a\nb",
            "x\u{202e}y",
            "con",
            "nul.txt",
            "a..b",
            "é",
        ] {
            let folder = of(hostile);
            let name = folder.strip_prefix("people/").unwrap();
            let is_harmless = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
            assert!(
                name.chars().all(is_harmless) && !name.starts_with('.') && !name.contains(".."),
                "{hostile}: {name}"
            );
            assert!(name.len() > 10, "{hostile}: {name}");
        }
        assert_ne!(of("a/b"), of("a\\b"), "what looks the same is told apart");
        assert!(of(&"x".repeat(500)).len() < 110);
    }

    #[test]
    fn cases_are_told_apart() {
        let mut taken = BTreeSet::new();
        let mut of = |name: &str| folder(&Subject::new(SubjectKind::Person, name), &mut taken);
        let (one, other) = (of("Ann"), of("ann"));
        assert_eq!(one, "people/Ann");
        assert_ne!(one.to_lowercase(), other.to_lowercase());
    }

    #[test]
    fn policies_have_names() {
        let name = |name: &str| policy_name(&Subject::new(SubjectKind::Role, name));
        assert_eq!((name("a.b@c"), name("${x}"), name("…")), ("a-b-c".into(), "x".into(), "LeastPrivilege".into()));
    }
}
