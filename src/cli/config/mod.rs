//! Configuration: files of the system and the user, a store's own, the environment, options, in that order.
//!
//! What holds becomes the default of its option, so that everything is read and checked in one place.

mod file;
pub(super) mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use file::{ConfigFile, FILE_MAX_BYTES, Setting, parse};
use keys::{KEYS, Key};

use crate::util::closest::closest;
use crate::util::shown;

/// The file of the whole machine.
const SYSTEM: &str = "/etc/trailpare/trailpare.toml";

/// The name of the file.
const NAME: &str = "trailpare.toml";

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Files that were looked for, in their order: which, and whether it is there.
    pub(super) files: Vec<(PathBuf, bool)>,
    /// The profile that holds.
    pub(super) profile: Option<String>,
    /// All profiles.
    pub(super) profiles: BTreeSet<String>,
    settings: BTreeMap<&'static str, Setting>,
}

/// Why a configuration can't be gone by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It says something that makes no sense.
    Wrong(String),
    /// It can't be read.
    Unread(String),
}

impl From<String> for Fault {
    fn from(text: String) -> Fault {
        Fault::Wrong(text)
    }
}

/// The value of an option on a command line that is not understood yet: `--profile x`, `--profile=x`.
pub(super) fn asked(args: &[OsString], option: &str) -> Option<String> {
    let text = |arg: &OsString| arg.to_str().map(str::to_owned);
    let apart = args.windows(2).rev().find(|pair| matches!(pair, [name, _] if name == option));
    let joined =
        || args.iter().rev().find_map(|arg| Some(arg.to_str()?.strip_prefix(option)?.strip_prefix('=')?.to_owned()));
    apart.and_then(|pair| pair.last()).and_then(text).or_else(joined)
}

/// A variable of the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Config {
    /// Reads the files of the system and the user, or the one that is given in their place.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn read(args: &[OsString]) -> Result<Config, Fault> {
        let given = asked(args, "--config").or_else(|| variable("TRAILPARE_CONFIG"));
        let paths = match given {
            Some(path) if path.is_empty() => Vec::new(),
            Some(path) => {
                let path = PathBuf::from(path);
                if !path.is_file() {
                    return Err(Fault::Wrong(format!("{}: no such configuration", shown::path(&path))));
                }
                vec![path]
            }
            None => std::iter::once(PathBuf::from(SYSTEM)).chain(of_user()).collect(),
        };
        let profile =
            asked(args, "--profile").or_else(|| variable("TRAILPARE_PROFILE")).filter(|name| !name.is_empty());
        Config::of(&paths, profile)
    }

    fn of(paths: &[PathBuf], profile: Option<String>) -> Result<Config, Fault> {
        let mut config = Config { profile, ..Config::default() };
        let mut of_profile = Vec::new();
        for path in paths {
            let file = read_file(path, false)?;
            config.files.push((path.clone(), file.is_some()));
            let Some(ConfigFile { settings, mut profiles }) = file else { continue };
            config.set(settings);
            config.profiles.extend(profiles.keys().cloned());
            of_profile.extend(config.profile.as_ref().and_then(|name| profiles.remove(name)));
        }
        match &config.profile {
            Some(name) if !config.profiles.contains(name) => {
                let meant = closest(name, config.profiles.iter().map(String::as_str));
                let hint = match meant.is_empty() {
                    true => format!("write [profile.{}] into {NAME}", shown::name(name)),
                    false => format!("did you mean {}?", meant.join(" or ")),
                };
                return Err(Fault::Wrong(format!("no such profile: {}\nhint: {hint}", shown::name(name))));
            }
            _ => of_profile.into_iter().for_each(|settings| config.set(settings)),
        }
        Ok(config)
    }

    fn set(&mut self, settings: Vec<Setting>) {
        self.settings.extend(settings.into_iter().map(|setting| (setting.name, setting)));
    }

    /// Adds what a store's own file sets; whether there is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn add_store(&mut self, store: &Path) -> Result<bool, Fault> {
        let path = store.join(NAME);
        let file = read_file(&path, true)?;
        let is_there = file.is_some();
        self.files.push((path, is_there));
        self.set(file.unwrap_or_default().settings);
        Ok(is_there)
    }

    /// Makes what holds the defaults of the options of commands, and the environment's variables theirs.
    pub fn apply(&self, command: clap::Command) -> clap::Command {
        let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let command = self.apply_to(command);
        names.iter().fold(command, |command, name| command.mut_subcommand(name, |command| self.apply_to(command)))
    }

    fn apply_to(&self, mut command: clap::Command) -> clap::Command {
        for key in KEYS {
            let is_for = key.commands.is_empty() || key.commands.contains(&command.get_name());
            let arg = command.get_arguments().find(|arg| is_for && arg.get_id() == key.id);
            // What has to be said each time is not for a configuration.
            if arg.is_none_or(clap::Arg::is_required_set) {
                continue;
            }
            let values = self.settings.get(key.name).map(|setting| setting.values.clone());
            command = command.mut_arg(key.id, |arg| {
                // For as long as the program runs.
                let arg = arg.env(leaked(key.variable())).hide_env_values(true);
                match values {
                    Some(values) => arg.default_values(values.into_iter().map(leaked)),
                    None => arg,
                }
            });
        }
        command
    }

    /// What a key is set to in files.
    pub(super) fn get(&self, key: &Key) -> Option<&Setting> {
        self.settings.get(key.name)
    }
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// The user's file.
fn of_user() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    config.map(|config| config.join("trailpare").join(NAME))
}

/// Reads a file; `None` where there is none. That of a store must be a plain one, no link to what is elsewhere.
fn read_file(path: &Path, is_of_store: bool) -> Result<Option<ConfigFile>, Fault> {
    let fault =
        |error: io::Error| Fault::Unread(format!("cannot read the configuration {}: {error}", shown::path(path)));
    let found = if is_of_store { fs::symlink_metadata(path) } else { fs::metadata(path) };
    match found {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(fault(error)),
        Ok(found) if !found.is_file() => return Err(Fault::Wrong(format!("{}: not a plain file", shown::path(path)))),
        Ok(_) => {}
    }
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text));
    read.map_err(fault)?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(Fault::Wrong(format!("{}: more than {FILE_MAX_BYTES} bytes: no configuration", shown::path(path))));
    }
    Ok(Some(parse(path, &text, is_of_store)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn options_are_found_before_they_are_understood() {
        assert_eq!(asked(&args("trailpare status --profile a"), "--profile").as_deref(), Some("a"));
        assert_eq!(asked(&args("trailpare --profile=b status"), "--profile").as_deref(), Some("b"));
        assert_eq!(asked(&args("trailpare --profiles=b status"), "--profile"), None);
    }

    #[test]
    fn the_user_comes_behind_the_system_a_profile_behind_both_and_the_store_last() {
        let folder = tempfile::tempdir().unwrap();
        let (system, user) = (folder.path().join("system.toml"), folder.path().join("user.toml"));
        fs::write(&system, "threads = 1\nwait = \"1m\"\n[profile.p]\nunused-after = 7\nwait = \"2m\"\n").unwrap();
        fs::write(&user, "threads = 2\nunused-after = 9\nwait = \"3m\"\n").unwrap();
        fs::write(folder.path().join(NAME), "file-size = \"1MiB\"\nunused-after = 8\n").unwrap();
        let paths = [system, user, folder.path().join("none.toml")];
        let value = |config: &Config, name: &str| config.settings.get(name).map(|one| one.values.join(","));
        let config = Config::of(&paths, None).unwrap();
        assert_eq!(value(&config, "threads").as_deref(), Some("2"));
        assert_eq!(value(&config, "wait").as_deref(), Some("3m"));
        let mut config = Config::of(&paths, Some("p".to_owned())).unwrap();
        assert_eq!(
            (value(&config, "wait").as_deref(), value(&config, "unused-after").as_deref()),
            (Some("2m"), Some("7"))
        );
        assert_eq!(config.add_store(folder.path()), Ok(true));
        assert_eq!(value(&config, "unused-after").as_deref(), Some("8"));
        assert_eq!(config.files.iter().map(|(_, is)| *is).collect::<Vec<_>>(), [true, true, false, true]);
        let Fault::Wrong(unknown) = Config::of(&paths, Some("q".to_owned())).unwrap_err() else { panic!() };
        assert!(unknown.contains("no such profile: q") && unknown.contains("hint:"), "{unknown}");
    }

    #[test]
    fn a_store_reaches_for_nothing_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.toml");
        fs::write(&other, "unused-after = 8\n").unwrap();
        let store = folder.path().join("store");
        fs::create_dir(&store).unwrap();
        std::os::unix::fs::symlink(&other, store.join(NAME)).unwrap();
        let fault = Config::default().add_store(&store).unwrap_err();
        assert!(matches!(fault, Fault::Wrong(why) if why.contains("not a plain file")));
    }
}
