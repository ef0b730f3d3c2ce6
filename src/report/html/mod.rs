//! A report as one page of HTML that needs nothing but itself.
//!
//! `minijinja` fills `page.html`, and everything that it puts in is escaped. The page's own policy
//! (Content-Security-Policy) allows its one script and its one style by their hashes, and nothing else: no request, no
//! event handler, no other script, whatever a name from a log holds. Charts are SVG, whose numbers `chart` works out.

mod account;
mod chart;
mod marked;
mod section;
mod strip;
mod subject;
mod words;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, context, escape_formatter};
use sha2::{Digest, Sha256};

use super::overview::{Overview, Principal};
use crate::rightsize::SubjectKind;
use crate::util::shown;
use account::accounts;
use chart::HeatMap;
use section::Section;
use strip::Strip;
use subject::{Places, people};
pub use words::Language;

/// Macros come before what calls them.
const PAGE: &str = concat!(
    include_str!("macros.html"),
    include_str!("trust.html"),
    include_str!("subject.html"),
    include_str!("page.html")
);
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Characters of a name beside a row of the heat map; the row's cells have the whole.
const SHORT: usize = 34;

/// What a page is made of.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its figures.
    pub overview: &'a Overview,
    /// Its language.
    pub language: Language,
    /// Its heading, if not the usual one.
    pub title: Option<&'a str>,
    /// Principals with a section of their own.
    pub sections_max: usize,
}

/// The page cannot be filled: a template does not fit the values.
#[derive(Debug, thiserror::Error)]
#[error("the page cannot be written: {0:#}")]
pub struct HtmlError(#[from] minijinja::Error);

/// The page.
///
/// # Errors
/// A template that does not fit the values: a fault of this program.
pub fn render(page: &Page<'_>) -> Result<String, HtmlError> {
    let Page { overview, language, title, sections_max } = *page;
    let words = language.words();
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(escaped);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    add_filters(&mut environment);
    environment.add_template("page.html", PAGE)?;
    let places = Places::of(overview, sections_max);
    let sections: Vec<Section<'_>> = overview
        .principals
        .iter()
        .take(sections_max)
        .enumerate()
        .map(|(n, of)| Section::of(n, of, overview, &places))
        .collect();
    let set_anchors: Vec<&str> =
        overview.permission_sets.iter().map(|set| places.of_set(overview, &set.name).unwrap_or_default()).collect();
    let of_kind = |kind: SubjectKind| filled(places.of_kind(overview, kind));
    Ok(environment.get_template("page.html")?.render(context! {
        w => words,
        language => language.code(),
        title => title,
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        style_hash => hash(STYLE),
        script_hash => hash(SCRIPT),
        o => filled(overview),
        counts => filled(overview.counts()),
        total => overview.counts().total(),
        granted => filled(overview.granted()),
        accounts => filled(accounts(overview, &places)),
        waves => filled(places.waves(overview)),
        set_anchors => filled(set_anchors),
        sets => of_kind(SubjectKind::PermissionSet),
        personas => of_kind(SubjectKind::Persona),
        groups => of_kind(SubjectKind::RoleGroup),
        persons => of_kind(SubjectKind::Person),
        people => filled(people(overview, &places, sections_max)),
        heat => filled(HeatMap::of(overview)),
        actions => overview.principals.iter().map(Principal::actions).collect::<Vec<_>>(),
        strips => filled(overview.coverage.places.iter().map(Strip::of).collect::<Vec<_>>()),
        sections => filled(sections),
    })?)
}

/// A value as templates take it.
fn filled(value: impl serde::Serialize) -> Value {
    Value::from(Serde(value))
}

/// As a Content-Security-Policy names a script or style (CSP Level 3, "hash-source").
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Escapes what would end a text or a quoted attribute, and nothing else: half of a page are ARNs, whose slashes
/// `minijinja` itself would write in six characters.
fn escaped(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str().filter(|_| !value.is_safe() && *state.auto_escape() == AutoEscape::Html) {
        Some(text) => write_escaped(out, text, true)?,
        None => escape_formatter(out, state, value)?,
    }
    Ok(())
}

fn write_escaped(out: &mut impl fmt::Write, text: &str, with_quotes: bool) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' if with_quotes => out.write_str("&#34;")?,
            '\'' if with_quotes => out.write_str("&#39;")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

/// A JSON document between tags, where quotes end nothing; indented by tabs, which the style shows as two spaces.
fn json(text: &str) -> Result<Value, minijinja::Error> {
    let mut out = String::with_capacity(text.len());
    for (at, line) in shown::lines(text).lines().enumerate() {
        let bare = line.trim_start_matches(' ');
        let indent = line.len() - bare.len();
        out.push_str(if at > 0 { "\n" } else { "" });
        out.extend(std::iter::repeat_n('\t', indent / 2).chain(std::iter::repeat_n(' ', indent % 2)));
        write_escaped(&mut out, bare, false)?;
    }
    Ok(Value::from_safe_string(out))
}

fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("num", grouped);
    environment.add_filter("day", |time: &str| time.get(..10).unwrap_or(time).to_owned());
    environment.add_filter("moment", |time: &str| format!("{} UTC", time.get(..16).unwrap_or(time)));
    environment.add_filter("short", |text: &str| match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    });
    environment.add_filter("json", json);
    environment.add_filter("seen", |text: &str| shown::name(text).into_owned());
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(super::grouped(number), text);
        }
    }

    #[test]
    fn nothing_ends_a_text_or_an_attribute() {
        let mut environment = minijinja::Environment::new();
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        environment.set_formatter(super::escaped);
        super::add_filters(&mut environment);
        let of = |template: &str, v: &str| environment.render_named_str("t.html", template, minijinja::context!(v));
        let hostile = "</pre><b a='1' b=\"2\">&amp;/";
        let expected = "&lt;/pre&gt;&lt;b a=&#39;1&#39; b=&#34;2&#34;&gt;&amp;amp;/";
        assert_eq!(of("{{ v }}", hostile).unwrap(), expected);
        assert_eq!(of("{{ [v]|join('; ')|seen }}", hostile).unwrap(), expected);
        assert_eq!(of("{{ v|json }}", hostile).unwrap(), "&lt;/pre&gt;&lt;b a='1' b=\"2\"&gt;&amp;amp;/");
        assert_eq!(of("{{ v|json }}", "{\n  \"a\": [\n    \"\u{1b}<\"").unwrap(), "{\n\t\"a\": [\n\t\t\"\\u{1b}&lt;\"");
    }
}
