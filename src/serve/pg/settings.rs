//! What `SET` and `SHOW` are about. Nothing that is set changes an answer but `statement_timeout`, which can only be
//! less than the server's.

use std::collections::HashMap;
use std::time::Duration;

use super::problem::Problem;

/// The version of PostgreSQL that clients are told: it decides how they ask for what there is.
const POSTGRES_VERSION: &str = "16.6";

/// Characters of a value at the most.
const VALUE_MAX_CHARS: usize = 1_000;

/// What setting it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is what it is.
    Fixed,
    /// Anything may be said, and it stays as it is.
    Stays,
    /// It is kept, and told when asked.
    Kept,
}

/// A name, what it is, what setting it does, and whether clients are told of it at the beginning.
type Setting = (&'static str, &'static str, Kind, bool);

const SETTINGS: &[Setting] = &[
    ("application_name", "", Kind::Kept, true),
    ("backslash_quote", "safe_encoding", Kind::Stays, false),
    ("bytea_output", "hex", Kind::Stays, false),
    ("client_encoding", "UTF8", Kind::Stays, true),
    ("client_min_messages", "notice", Kind::Kept, false),
    ("DateStyle", "ISO, MDY", Kind::Stays, true),
    ("default_transaction_isolation", "read committed", Kind::Stays, false),
    ("default_transaction_read_only", "on", Kind::Stays, true),
    ("extra_float_digits", "1", Kind::Kept, false),
    ("idle_in_transaction_session_timeout", "0", Kind::Kept, false),
    ("idle_session_timeout", "0", Kind::Kept, false),
    ("in_hot_standby", "off", Kind::Fixed, true),
    ("integer_datetimes", "on", Kind::Fixed, true),
    ("IntervalStyle", "postgres", Kind::Stays, true),
    ("is_superuser", "off", Kind::Fixed, true),
    ("jit", "off", Kind::Stays, false),
    ("lc_collate", "C", Kind::Fixed, false),
    ("lc_ctype", "C", Kind::Fixed, false),
    ("lc_messages", "C", Kind::Stays, false),
    ("lc_monetary", "C", Kind::Stays, false),
    ("lc_numeric", "C", Kind::Stays, false),
    ("lc_time", "C", Kind::Stays, false),
    ("lock_timeout", "0", Kind::Kept, false),
    ("max_identifier_length", "63", Kind::Fixed, false),
    ("max_index_keys", "32", Kind::Fixed, false),
    ("quote_all_identifiers", "off", Kind::Stays, false),
    ("role", "none", Kind::Stays, false),
    ("row_security", "on", Kind::Stays, false),
    ("search_path", "main", Kind::Stays, true),
    ("server_encoding", "UTF8", Kind::Fixed, true),
    ("server_version_num", "160006", Kind::Fixed, false),
    ("standard_conforming_strings", "on", Kind::Stays, true),
    ("synchronize_seqscans", "on", Kind::Stays, false),
    ("synchronous_commit", "on", Kind::Stays, false),
    ("TimeZone", "UTC", Kind::Stays, true),
    ("transaction_isolation", "read committed", Kind::Stays, false),
    ("transaction_read_only", "on", Kind::Stays, false),
    ("work_mem", "4MB", Kind::Stays, false),
    ("xmloption", "content", Kind::Stays, false),
];

/// The settings of a connection.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    user: String,
    kept: HashMap<&'static str, String>,
    timeout: Option<Duration>,
}

fn setting(name: &str) -> Option<Setting> {
    SETTINGS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).copied()
}

/// What a setting is where nobody has set it.
pub(super) fn default_of(name: &str) -> Option<String> {
    match name.to_lowercase().as_str() {
        "server_version" => Some(version()),
        "statement_timeout" => Some("0".to_owned()),
        _ => setting(name).map(|(_, value, ..)| value.to_owned()),
    }
}

pub(super) fn version() -> String {
    format!("{POSTGRES_VERSION} (trailpare {})", env!("CARGO_PKG_VERSION"))
}

impl Settings {
    /// Those of a connection as it begins, with what the client asks for then. What it asks for that there is not is
    /// left out: drivers ask for much.
    pub fn new(user: &str, asked: &HashMap<String, String>) -> Settings {
        let mut settings = Settings { user: user.to_owned(), kept: HashMap::new(), timeout: None };
        for (name, value) in asked {
            let _ = settings.set(name, Some(value));
        }
        settings
    }

    /// What clients are told at the beginning.
    pub fn reported(&self) -> Vec<(&'static str, String)> {
        let told = SETTINGS.iter().filter(|(.., is_told)| *is_told);
        let mut told: Vec<(&'static str, String)> =
            told.map(|(name, ..)| (*name, self.show(name).unwrap_or_default())).collect();
        told.push(("server_version", version()));
        told.push(("session_authorization", self.user.clone()));
        told
    }

    /// Sets one, or gives it back its default. Gives the name and the value where clients are to be told.
    ///
    /// # Errors
    /// One that there is not, or a value that it can't have.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<Option<(&'static str, String)>, Problem> {
        if value.is_some_and(|value| value.chars().count() > VALUE_MAX_CHARS) {
            return Err(Problem::new("22023", format!("a value has {VALUE_MAX_CHARS} characters at the most")));
        }
        if name.eq_ignore_ascii_case("statement_timeout") {
            self.timeout = value.map(duration).transpose()?.filter(|time| !time.is_zero());
            return Ok(None);
        }
        let known = setting(name);
        let Some((name, own, kind, is_told)) = known else {
            return Err(Problem::new("42704", format!("unrecognized configuration parameter \"{name}\"")));
        };
        let is_own = value.is_none_or(|value| value.eq_ignore_ascii_case(own));
        match kind {
            Kind::Fixed if !is_own => {
                return Err(Problem::new("55P02", format!("parameter \"{name}\" cannot be changed")));
            }
            Kind::Stays if name == "client_encoding" && !value.is_none_or(is_utf8) => {
                return Err(Problem::new("22023", "text is in UTF8 here, and in nothing else"));
            }
            Kind::Fixed | Kind::Stays => return Ok(None),
            Kind::Kept => {}
        }
        match value {
            Some(value) => self.kept.insert(name, value.to_owned()),
            None => self.kept.remove(name),
        };
        Ok(is_told.then(|| (name, self.show(name).unwrap_or_default())))
    }

    /// Gives all of them their defaults back.
    pub fn reset(&mut self) {
        self.kept.clear();
        self.timeout = None;
    }

    /// What one is.
    pub fn show(&self, name: &str) -> Option<String> {
        match name.to_lowercase().as_str() {
            "session_authorization" => return Some(self.user.clone()),
            "statement_timeout" => return Some(self.timeout.map_or(0, |time| time.as_millis()).to_string()),
            _ => {}
        }
        let kept = setting(name).and_then(|(name, ..)| self.kept.get(name).cloned());
        kept.or_else(|| default_of(name))
    }

    /// All of them, by their names.
    pub fn all(&self) -> Vec<(&'static str, String)> {
        let others = ["server_version", "session_authorization", "statement_timeout"];
        let mut names: Vec<&'static str> = SETTINGS.iter().map(|(name, ..)| *name).chain(others).collect();
        names.sort_by_key(|name| name.to_lowercase());
        names.into_iter().map(|name| (name, self.show(name).unwrap_or_default())).collect()
    }

    /// What a statement may take of time, where the client has said that.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::MAX)
    }
}

fn is_utf8(name: &str) -> bool {
    matches!(name.to_lowercase().replace(['-', '_'], "").as_str(), "utf8" | "unicode")
}

/// A time as PostgreSQL writes it: milliseconds, or a number with its unit.
fn duration(text: &str) -> Result<Duration, Problem> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let ms_per_unit = match unit.trim() {
        "" | "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let time_ms = number.parse::<u64>().ok().zip(ms_per_unit).and_then(|(number, unit)| number.checked_mul(unit));
    let wrong = || Problem::new("22023", "statement_timeout is milliseconds, or a number with ms, s, min, h or d");
    time_ms.map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_told_and_changes_nothing_else() {
        let asked =
            [("application_name", "psql"), ("client_encoding", "UTF-8"), ("_pq_.x", "y"), ("TimeZone", "Asia/Tokyo")];
        let asked = asked.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut settings = Settings::new("ann", &HashMap::from(asked));
        let show = |settings: &Settings, name: &str| settings.show(name).unwrap_or_else(|| "none".to_owned());
        assert_eq!(show(&settings, "APPLICATION_NAME"), "psql");
        assert_eq!(show(&settings, "timezone"), "UTC");
        assert_eq!(show(&settings, "session_authorization"), "ann");
        assert!(show(&settings, "server_version").starts_with("16."));
        assert_eq!(settings.set("application_name", Some("x")).unwrap(), Some(("application_name", "x".to_owned())));
        assert_eq!(settings.set("extra_float_digits", Some("3")).unwrap(), None);
        for (name, value) in [
            ("is_superuser", "on"),
            ("client_encoding", "LATIN1"),
            ("datafusion.execution.batch_size", "1"),
            ("statement_timeout", "soon"),
        ] {
            assert!(settings.set(name, Some(value)).is_err(), "{name}");
        }
        settings.reset();
        assert_eq!(show(&settings, "application_name"), "");
        assert!(settings.all().len() > 30);
    }

    #[test]
    fn times_have_units() {
        let mut settings = Settings::new("ann", &HashMap::new());
        for (text, expected) in [("5000", 5_000), ("5s", 5_000), ("1 min", 60_000), ("250ms", 250)] {
            settings.set("statement_timeout", Some(text)).unwrap();
            assert_eq!(settings.timeout(), Duration::from_millis(expected), "{text}");
        }
        settings.set("statement_timeout", Some("0")).unwrap();
        assert_eq!(settings.timeout(), Duration::MAX);
    }
}
