//! `trailpare catalog show`.

use super::place::imported_path;
use crate::cli::answer::OutputArgs;
use crate::cli::table::{render, row, table};
use crate::cli::{CliError, Context, Exit};
use crate::query::Format;
use crate::report::catalog::Overview;
use crate::report::catalog::entries::{ActionEntry, Entries, ServiceEntry};
use crate::time::{day_of, now_us};
use crate::util::closest::closest;
use crate::util::shown;

/// Say which catalogue is used, how old it is and what is in it; or the entries of services and actions.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  trailpare catalog show
  trailpare catalog show lambda
  trailpare catalog show s3:GetObject
  trailpare catalog show 's3:*Tag*' --format csv")]
pub struct ShowArgs {
    /// A service (`s3`), an action (`s3:GetObject`), or a pattern of actions as policies have them (`s3:Get*`).
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    answer: OutputArgs,
}

pub fn run(args: &ShowArgs, context: &Context) -> Result<Exit, CliError> {
    if args.names.is_empty() {
        return overview(&args.answer, context);
    }
    let (entries, unknown) = Entries::find(context.catalog, &args.names);
    if let Some(name) = unknown.first() {
        return Err(CliError::failed(unknown_name(name, context)));
    }
    match args.answer.format {
        Format::Table => args.answer.text(&text(&entries))?,
        Format::Json => args.answer.text(&(serde_json::to_string_pretty(&entries)? + "\n"))?,
        _ => args.answer.rows(Entries::COLUMNS, entries.rows())?,
    }
    Ok(Exit::Done)
}

fn unknown_name(name: &str, context: &Context) -> String {
    let meant: Vec<String> = match name.split_once(':') {
        Some((prefix, action)) if !name.contains(['*', '?']) => match context.catalog.service(prefix) {
            Some(service) => {
                let names: Vec<&str> = service.actions().iter().map(|action| &*action.name).collect();
                let bare = names.iter().filter_map(|name| Some(name.split_once(':')?.1));
                closest(action, bare).into_iter().map(|name| format!("{prefix}:{name}")).collect()
            }
            None => closest(prefix, context.catalog.prefixes()).into_iter().map(str::to_owned).collect(),
        },
        Some(_) => Vec::new(),
        None => closest(name, context.catalog.prefixes()).into_iter().map(str::to_owned).collect(),
    };
    let hint = match meant.is_empty() {
        true => "`trailpare catalog import` takes a newer catalogue".to_owned(),
        false => format!("did you mean {}?", meant.join(" or ")),
    };
    let version = context.catalog.version();
    format!("the catalogue {version} has no {}\nhint: {hint}", shown::name(name))
}

fn overview(answer: &OutputArgs, context: &Context) -> Result<Exit, CliError> {
    let mut overview = Overview::new(context.catalog, day_of(now_us()));
    overview.source = context.catalog_source.name();
    overview.path = context.catalog_source.path().map(|path| path.to_string_lossy().into_owned());
    overview.passed_over = context.passed_over.map(str::to_owned);
    match answer.format {
        Format::Table => answer.text(&overview_text(&overview))?,
        Format::Json => answer.text(&(serde_json::to_string_pretty(&overview)? + "\n"))?,
        _ => answer.rows(Overview::COLUMNS, overview.rows())?,
    }
    Ok(Exit::Done)
}

fn overview_text(overview: &Overview<'_>) -> String {
    let Overview { version, source, services, actions, resource_types, sha256, .. } = overview;
    let path = overview.path.as_ref().map_or_else(String::new, |path| format!(", {}", shown::name(path)));
    let mut out = format!("catalogue  {version}, {source}{path}\n");
    if let (Some(made), Some(days)) = (&overview.made, overview.age_days) {
        out += &format!("made       {made}, {days} days ago\n");
    }
    out += &format!("sha256     {sha256}\n");
    out += &format!("has        {services} services, {actions} actions, {resource_types} resource types\n");
    let levels = overview.actions_by_access_level.iter();
    let levels: Vec<String> = levels.map(|(level, count)| format!("{count} {level}")).collect();
    out += &format!("levels     {}\n", levels.join(", "));
    for (i, origin) in overview.origins.iter().enumerate() {
        out += &format!("{:<9}  {}\n", if i == 0 { "from" } else { "" }, shown::name(origin));
    }
    if let Some(older) = &overview.passed_over {
        let path = imported_path().map_or_else(String::new, |path| format!(" ({})", shown::path(&path)));
        out += &format!("older      {older} is imported{path} and not used: `trailpare catalog reset` removes it\n");
    }
    out
}

fn text(entries: &Entries<'_>) -> String {
    let services = entries.services.iter().map(service_text).collect::<String>();
    if let ([], [action]) = (entries.services.as_slice(), entries.actions.as_slice()) {
        return action_text(action);
    }
    let mut rows = table(&["ACTION", "ACCESS LEVEL", "RESOURCE TYPES"], &[]);
    for action in &entries.actions {
        row(&mut rows, [action.action, action.access_level, &action.types()]);
    }
    format!("{services}{}", render(&rows))
}

fn service_text(service: &ServiceEntry<'_>) -> String {
    let ServiceEntry { prefix, actions, resource_types } = service;
    let mut out = format!("{prefix}: {actions} actions, {} resource types\n", resource_types.len());
    let mut rows = table(&["RESOURCE TYPE", "ARN FORMAT"], &[]);
    for (name, arns) in resource_types {
        arns.iter().for_each(|arn| row(&mut rows, [name, arn]));
    }
    out += &render(&rows);
    out + "\n"
}

fn action_text(action: &ActionEntry<'_>) -> String {
    let mut out = format!("action     {}\n", action.action);
    let only = if action.permission_only { ", no operation of the API has it" } else { "" };
    out += &format!("level      {}{only}\n", action.access_level);
    let mut name = "resources";
    for kind in &action.resource_types {
        let required = if kind.required { " (required)" } else { "" };
        out += &format!("{name:<9}  {}{required}: {}\n", kind.name, kind.arns.join(" "));
        name = "";
    }
    if action.resource_types.is_empty() {
        out += "resources  only *\n";
    }
    for (name, list) in [("keys", action.condition_keys.join(" ")), ("needs", action.dependent_actions.join(" "))] {
        if !list.is_empty() {
            out += &format!("{name:<9}  {list}\n");
        }
    }
    out
}
