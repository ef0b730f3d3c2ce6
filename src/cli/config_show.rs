//! `trailpare config`: what is set, and from where.

use std::io::{self, Write};

use serde::Serialize;

use super::config::keys::{KEYS, Key};
use super::config::{Config, variable};
use super::select::StoreArgs;
use super::table::{Format, render, row, table};
use super::{CliError, Context, Exit};
use crate::util::shown;

/// Show what is configured: each key, its value, and which file and line, or which variable of the environment, it
/// comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Later ones hold: /etc/trailpare/trailpare.toml; $XDG_CONFIG_HOME/trailpare/trailpare.toml (or ~/.config/…); of both
[profile.NAME], with --profile NAME; trailpare.toml in the store; variables TRAILPARE_KEY; options. --config FILE (or
TRAILPARE_CONFIG) takes the place of the first two. Paths in a file are seen from its folder.

A store's file may set few keys, because somebody else may have made the store: those that read, write, show and delete
nothing.

Examples:
  trailpare config
  trailpare --profile production config --format json
  TRAILPARE_THREADS=2 trailpare config --store /data/store")]
pub struct ConfigArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    profile: Option<&'a str>,
    profiles: Vec<&'a str>,
    files: Vec<FileShown>,
    settings: Vec<SettingShown>,
}

#[derive(Serialize)]
struct FileShown {
    path: String,
    is_there: bool,
}

#[derive(Serialize)]
struct SettingShown {
    key: &'static str,
    /// Null: the default of each command.
    values: Option<Vec<String>>,
    from: Option<String>,
    variable: String,
    may_be_set_by_a_store: bool,
    about: &'static str,
}

/// Prints it.
pub fn run(args: &ConfigArgs, context: &Context) -> Result<Exit, CliError> {
    let config = context.config;
    let settings = KEYS.iter().map(|key| setting(key, config)).collect::<Result<Vec<_>, _>>()?;
    let shown = Shown {
        schema: "trailpare/config/1",
        profile: config.profile.as_deref(),
        profiles: config.profiles.iter().map(String::as_str).collect(),
        files: config
            .files
            .iter()
            .map(|(path, is_there)| FileShown { path: path.to_string_lossy().into_owned(), is_there: *is_there })
            .collect(),
        settings,
    };
    let text = match args.format {
        Format::Table => text(&shown),
        Format::Json => serde_json::to_string_pretty(&shown)? + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn setting(key: &'static Key, config: &Config) -> Result<SettingShown, CliError> {
    let name = key.variable();
    let (values, from) = match (variable(&name), config.get(key)) {
        (Some(value), _) => {
            key.check(&value).map_err(|why| CliError::Usage(format!("{name}: {why}")))?;
            (Some(vec![value]), Some(name.clone()))
        }
        (None, Some(setting)) => {
            let profile = setting.profile.as_ref().map_or_else(String::new, |name| format!(" [profile.{name}]"));
            let from = format!("{}:{}{profile}", setting.file.to_string_lossy(), setting.line);
            (Some(setting.values.clone()), Some(from))
        }
        (None, None) => (None, None),
    };
    Ok(SettingShown {
        key: key.name,
        values,
        from,
        variable: name,
        may_be_set_by_a_store: key.from_store,
        about: key.about,
    })
}

fn text(shown: &Shown<'_>) -> String {
    let mut out = String::new();
    for file in &shown.files {
        out += &format!("{:<9}  {}\n", if file.is_there { "file" } else { "(none)" }, shown::name(&file.path));
    }
    if let Some(profile) = shown.profile {
        out += &format!("profile    {}\n", shown::name(profile));
    } else if !shown.profiles.is_empty() {
        out += &format!(
            "profiles   {}\n",
            shown.profiles.iter().map(|name| shown::name(name)).collect::<Vec<_>>().join(", ")
        );
    }
    let mut rows = table(&["KEY", "VALUE", "FROM", "WHAT IT IS"], &[]);
    for SettingShown { key, values, from, about, .. } in &shown.settings {
        let values =
            values.as_ref().map_or_else(|| "-".to_owned(), |values| shown::name(&values.join(", ")).into_owned());
        let from = from.as_deref().map_or_else(|| "default".into(), shown::name);
        row(&mut rows, [key, &values, &from, about]);
    }
    format!("{out}\n{}", render(&rows))
}
