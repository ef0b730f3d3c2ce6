//! `trailpare status --coverage`: for which hours there are log objects, for which they are proved, and what is missing.

use std::collections::BTreeMap;

use super::answer::OutputArgs;
use super::table::{render, row, table};
use super::{CliError, Context, Exit, printable};
use crate::query::Format;
use crate::report::Day;
use crate::report::coverage::{Coverage, MissingBy, Place, State};
use crate::report::rows;
use crate::store::Store;
use crate::time::{format_date, parse_date};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Runs of missing hours that the table has at the most.
const MISSING_MAX: usize = 100;

/// How states are drawn.
struct Signs {
    proved: char,
    present: char,
    unknown: char,
    missing: char,
}

const ASCII: Signs = Signs { proved: '#', present: '+', unknown: '.', missing: 'X' };
const UNICODE: Signs = Signs { proved: '█', present: '▒', unknown: '·', missing: '✗' };

impl Signs {
    /// More than ASCII where standard output is a terminal that says that it takes UTF-8.
    fn new(context: &Context) -> &'static Signs {
        let first = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
        let is_utf8 = first.is_some_and(|locale| {
            let locale = locale.to_string_lossy().to_ascii_lowercase();
            locale.ends_with("utf-8") || locale.ends_with("utf8")
        });
        if context.stdout_is_terminal && is_utf8 { &UNICODE } else { &ASCII }
    }

    fn of(&self, state: State) -> char {
        match state {
            State::Outside => ' ',
            State::Proved => self.proved,
            State::Present => self.present,
            State::Unknown => self.unknown,
            State::Missing => self.missing,
        }
    }
}

pub(super) fn run(store: &Store, answer: &OutputArgs, context: &Context) -> Result<Exit, CliError> {
    let coverage = Coverage::read(store)?;
    if store.coverage()?.is_none() {
        context.warn("the store is of an older version: the next `trailpare ingest` sums up what it has");
    }
    match answer.format {
        Format::Json => answer.text(&(serde_json::to_string_pretty(&coverage)? + "\n"))?,
        Format::Table => answer.text(&printable(&text(&coverage, Signs::new(context))))?,
        _ => answer.rows(rows::COVERAGE, rows::coverage(&coverage))?,
    }
    Ok(Exit::Done)
}

fn text(coverage: &Coverage, signs: &Signs) -> String {
    if coverage.places.is_empty() {
        return "no log objects with names of CloudTrail's, and no digests\n".to_owned();
    }
    let Signs { proved, present, unknown, missing } = signs;
    let hours = |name: &str| coverage.hours.get(name).copied().unwrap_or_default();
    let mut out = format!("{proved} proved   {present} there, not proved   {unknown} unknown   {missing} missing\n");
    out += &format!(
        "hours: {} proved, {} present, {} unknown, {} missing\n\n",
        hours("proved"),
        hours("present"),
        hours("unknown"),
        hours("missing")
    );
    if coverage.days_left_out > 0 {
        out += &format!("{} days more are not shown: there are too many\n\n", coverage.days_left_out);
    }
    out + &map(coverage, signs) + &missing_text(coverage)
}

/// A row an account and region, a column a day; of a long time a week or a month.
fn map(coverage: &Coverage, signs: &Signs) -> String {
    let labels: Vec<String> =
        coverage.places.iter().map(|place| format!("{} {}", place.account_id, place.region)).collect();
    // Names may be anybody's; those of CloudTrail are shorter.
    let label_width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default().clamp(8, 40);
    let columns_max = WIDTH - label_width - 1;
    let days = coverage.places.iter().flat_map(|place| &place.days).map(|day| day.day.0);
    let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return String::new() };
    let fits = |unit: &Unit| unit.column(last) - unit.column(first) < i64::try_from(columns_max).unwrap_or(i64::MAX);
    let unit = [Unit::Day, Unit::Week].into_iter().find(fits).unwrap_or(Unit::Month);
    let (first_column, last_column) = (unit.column(first), unit.column(last));
    let mut out = String::new();
    let mut from = first_column;
    while from <= last_column {
        let to = (from + i64::try_from(columns_max).unwrap_or(1)).min(last_column + 1);
        let (begin, end) = (unit.first_day(from).max(first), (unit.first_day(to) - 1).min(last));
        out += &format!("{}, a column a {}\n", days_text(begin, end), unit.name());
        for (place, label) in coverage.places.iter().zip(&labels) {
            let states = columns(place, unit);
            let drawn: String =
                (from..to).map(|column| signs.of(states.get(&column).copied().unwrap_or(State::Outside))).collect();
            let label: String = label.chars().take(label_width).collect();
            out += format!("{label:<label_width$} {drawn}").trim_end();
            out.push('\n');
        }
        out.push('\n');
        from = to;
    }
    out
}

fn days_text(first: i32, last: i32) -> String {
    if first == last { Day(first).to_string() } else { format!("{} to {}", Day(first), Day(last)) }
}

#[derive(Clone, Copy)]
enum Unit {
    Day,
    Week,
    Month,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
        }
    }

    /// In which column a day is.
    fn column(self, day: i32) -> i64 {
        match self {
            Unit::Day => i64::from(day),
            // 1970-01-01 was a Thursday.
            Unit::Week => (i64::from(day) + 3).div_euclid(7),
            Unit::Month => {
                let date = format_date(day);
                let mut parts = date.rsplitn(3, '-').skip(1).map(|part| part.parse::<i64>().unwrap_or_default());
                let month = parts.next().unwrap_or_default();
                parts.next().unwrap_or_default() * 12 + month - 1
            }
        }
    }

    fn first_day(self, column: i64) -> i32 {
        let day = match self {
            Unit::Day => column,
            Unit::Week => column * 7 - 3,
            Unit::Month => {
                let date = format!("{:04}-{:02}-01", column.div_euclid(12), column.rem_euclid(12) + 1);
                i64::from(parse_date(&date).unwrap_or_default())
            }
        };
        i32::try_from(day).unwrap_or_default()
    }
}

/// The worst state of each column; proved where all days are.
fn columns(place: &Place, unit: Unit) -> BTreeMap<i64, State> {
    let mut columns: BTreeMap<i64, Vec<State>> = BTreeMap::new();
    for day in &place.days {
        columns.entry(unit.column(day.day.0)).or_default().push(day.state);
    }
    let worst = |states: Vec<State>| {
        let is = |state| states.contains(&state);
        match () {
            () if is(State::Missing) => State::Missing,
            () if is(State::Unknown) && (is(State::Present) || is(State::Proved)) => State::Present,
            () => states.into_iter().max().unwrap_or(State::Outside),
        }
    };
    columns.into_iter().map(|(column, states)| (column, worst(states))).collect()
}

fn missing_text(coverage: &Coverage) -> String {
    let mut rows = table(&["MISSING FROM", "TO", "ACCOUNT", "REGION", "WHAT"], &[]);
    let all = coverage.places.iter().flat_map(|place| place.missing.iter().map(move |missing| (place, missing)));
    let count = all.clone().count();
    for (place, missing) in all.take(MISSING_MAX) {
        let what = match missing.by {
            MissingBy::Objects => format!("{} objects in digests", missing.objects),
            MissingBy::Digests => "digests".to_owned(),
            MissingBy::Pattern => "by pattern".to_owned(),
        };
        let time = |text: &str| text.trim_end_matches(":00:00Z").to_owned();
        row(&mut rows, [&time(&missing.from), &time(&missing.to), &place.account_id, &place.region, &what]);
    }
    match count {
        0 => String::new(),
        count if count > MISSING_MAX => {
            format!("{}… and {} more (--format json)\n", render(&rows), count - MISSING_MAX)
        }
        _ => render(&rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_their_first_days() {
        for unit in [Unit::Day, Unit::Week, Unit::Month] {
            for day in [-400, -1, 0, 3, 4, 5, 31, 365, 19_784, 20_000] {
                let column = unit.column(day);
                let (first, next) = (unit.first_day(column), unit.first_day(column + 1));
                assert!((first..next).contains(&day), "{day} in {first} to {next}, a {}", unit.name());
                assert_eq!((unit.column(first), unit.column(next)), (column, column + 1));
            }
        }
    }
}
