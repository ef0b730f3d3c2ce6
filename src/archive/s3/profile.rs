//! The shared files of the AWS CLI: `~/.aws/config` and `~/.aws/credentials`. Of a profile is taken what needs no
//! further program and no further service; of the rest is said how the CLI makes credentials of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::{env, fs};

/// A file of these is small.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// What a profile says.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Profile {
    /// Key, secret, token.
    pub keys: Option<(String, String, Option<String>)>,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    /// File with a token, and the role that it is good for.
    pub web_identity: Option<(String, String)>,
    /// What its credentials come from that is not asked here.
    pub elsewhere: Option<&'static str>,
}

/// Without what is secret.
impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("region", &self.region).field("elsewhere", &self.elsewhere).finish()
    }
}

/// Reads a profile of the shared files; `None` where neither has it.
///
/// # Errors
/// A file that can't be read.
pub(super) fn read(name: &str) -> Result<Option<Profile>, String> {
    let config = file("AWS_CONFIG_FILE", "config")?;
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    Ok(of(name, &config, &credentials))
}

fn file(variable: &str, name: &str) -> Result<String, String> {
    let given = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || env::home_dir().map(|home| home.join(".aws").join(name));
    let Some(path) = given.or_else(home) else { return Ok(String::new()) };
    let shown = || crate::util::shown::path(&path);
    match fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(format!("{}: {error}", shown())),
        Ok(metadata) if metadata.len() > FILE_MAX_BYTES => return Err(format!("{}: too large", shown())),
        Ok(_) => {}
    }
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", shown()))
}

fn of(name: &str, config: &str, credentials: &str) -> Option<Profile> {
    let in_config = section(config, &|title| match title.strip_prefix("profile") {
        Some(of) if of.starts_with(char::is_whitespace) => of.trim() == name,
        _ => name == "default" && title == "default",
    });
    let in_credentials = section(credentials, &|title| title == name);
    if in_config.is_none() && in_credentials.is_none() {
        return None;
    }
    let (in_config, in_credentials) = (in_config.unwrap_or_default(), in_credentials.unwrap_or_default());
    let get = |key: &str| in_credentials.get(key).or(in_config.get(key)).filter(|value| !value.is_empty()).cloned();
    let keys = get("aws_access_key_id")
        .zip(get("aws_secret_access_key"))
        .map(|(key, secret)| (key, secret, get("aws_session_token")));
    let has = |key: &str| get(key).is_some();
    let web_identity = get("web_identity_token_file").zip(get("role_arn"));
    let elsewhere = match () {
        () if web_identity.is_some() => None,
        () if has("role_arn") => Some("a role that is assumed (role_arn)"),
        () if keys.is_some() => None,
        () if has("sso_session") || has("sso_start_url") => Some("IAM Identity Center (sso)"),
        () if has("credential_process") => Some("another program (credential_process)"),
        () if has("login_session") => Some("a login (login_session)"),
        () => None,
    };
    Some(Profile {
        keys: keys.filter(|_| elsewhere.is_none()),
        region: get("region"),
        endpoint_url: get("endpoint_url"),
        web_identity,
        elsewhere,
    })
}

/// The values of a section.
fn section(text: &str, is_it: &dyn Fn(&str) -> bool) -> Option<HashMap<String, String>> {
    let mut found: Option<HashMap<String, String>> = None;
    let mut is_inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) || trimmed.is_empty() {
            continue;
        }
        if let Some(title) = trimmed.strip_prefix('[') {
            is_inside = is_it(title.split(']').next().unwrap_or_default().trim());
            if is_inside {
                found.get_or_insert_default();
            }
            continue;
        }
        // Indented lines belong to the key above them.
        let is_nested = line.starts_with(char::is_whitespace);
        if let (true, false, Some((key, value)), Some(values)) =
            (is_inside, is_nested, trimmed.split_once('='), found.as_mut())
        {
            values.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
# comment
[default]
region = eu-west-1
s3 =
    region = nested
[profile logs]
region=eu-central-1
endpoint_url = http://127.0.0.1:9
[profile people]
sso_session = corp
[profile other]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = logs
[profile pod]
role_arn = arn:aws:iam::111122223333:role/x
web_identity_token_file = /token
";
    const CREDENTIALS: &str = "[default]\naws_access_key_id = A\naws_secret_access_key = S\n\
                               [logs]\naws_access_key_id=B\naws_secret_access_key=T=\naws_session_token=U\n";

    #[test]
    fn profiles() {
        let profile = |name| of(name, CONFIG, CREDENTIALS);
        let default = profile("default").expect("there");
        assert_eq!(default.keys, Some(("A".to_owned(), "S".to_owned(), None)));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        let logs = profile("logs").expect("there");
        assert_eq!(logs.keys, Some(("B".to_owned(), "T=".to_owned(), Some("U".to_owned()))));
        assert_eq!(logs.endpoint_url.as_deref(), Some("http://127.0.0.1:9"));
        assert!(profile("people").expect("there").elsewhere.is_some_and(|what| what.contains("Identity Center")));
        let other = profile("other").expect("there");
        assert!(other.elsewhere.is_some_and(|what| what.contains("role")) && other.keys.is_none());
        assert!(profile("pod").expect("there").web_identity.is_some());
        assert!(profile("none").is_none());
        assert!(!format!("{logs:?}").contains("T="), "secrets are not shown");
    }
}
