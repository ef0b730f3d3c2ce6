//! Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, `${*}`, `${?}`, `${$}`.
//!
//! IAM User Guide, "IAM policy elements: Variables and tags" (`reference_policies_variables`). They exist in documents
//! of version 2012-10-17 only, in the resource part of `Resource` and in the values of string and ARN operators (and
//! `Bool`). A value that is put in is text: its `*` and `?` are no wildcards.

use super::context::{Context, ContextValue};
use super::glob::{Glob, Kind, Piece};

/// A text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Text as written; `*` and `?` are wildcards where the element has any.
    Text(String),
    /// `${*}`, `${?}`, `${$}`: the character itself.
    Escaped(&'static str),
    Variable {
        /// In lower case: keys are compared without regard to case.
        key: String,
        default: Option<String>,
    },
}

/// What a template comes to in a request's context.
#[derive(Debug)]
pub(super) enum Resolved<'a> {
    Pieces(Vec<Piece<'a>>),
    /// Some variable's value is not known: [`Piece::Anything`] stands in its place.
    Unknown(Vec<Piece<'a>>),
    /// A variable has no value and no default. "Any attempt to match it fails and causes the statement to be invalid."
    Unresolvable,
}

impl Template {
    /// `None` where there is nothing to replace, so that the text can be compiled once.
    pub(super) fn new(text: &str) -> Option<Template> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("${") {
            let (before, from) = rest.split_at(open);
            let Some(close) = from.find('}') else { break };
            push_text(&mut parts, before);
            let inside = from.get(2..close).unwrap_or_default();
            parts.push(variable(inside));
            rest = from.get(close + 1..).unwrap_or_default();
        }
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return None;
        }
        push_text(&mut parts, rest);
        Some(Template { parts })
    }

    /// The pieces, if no variable is among them: only escaped characters.
    pub(super) fn constant(&self) -> Option<Vec<Piece<'_>>> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(Piece::Wild(text)),
                Part::Escaped(text) => Some(Piece::Literal(text)),
                Part::Variable { .. } => None,
            })
            .collect()
    }

    /// What every match begins with, whatever the variables are.
    pub(super) fn prefix(&self) -> Vec<u8> {
        match self.parts.first() {
            Some(Part::Text(text)) => Glob::new(text, Kind::Plain).prefix().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The variables that are not known to have one value.
    pub(super) fn open_keys<'a>(&'a self, context: &'a Context) -> impl Iterator<Item = &'a str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { key, default } => match (context.get(key), default) {
                (ContextValue::Known(values), _) if values.len() == 1 => None,
                (ContextValue::Absent, Some(_)) => None,
                _ => Some(key.as_str()),
            },
            _ => None,
        })
    }

    pub(super) fn resolve<'a>(&'a self, context: &'a Context) -> Resolved<'a> {
        let mut pieces = Vec::with_capacity(self.parts.len());
        let mut unknown = false;
        for part in &self.parts {
            match part {
                Part::Text(text) => pieces.push(Piece::Wild(text)),
                Part::Escaped(text) => pieces.push(Piece::Literal(text)),
                Part::Variable { key, default } => match (context.get(key), default) {
                    (ContextValue::Unknown, _) => {
                        unknown = true;
                        pieces.push(Piece::Anything);
                    }
                    (ContextValue::Known(values), default) => match (values.as_slice(), default) {
                        ([value], _) => pieces.push(Piece::Literal(value)),
                        ([], Some(default)) => pieces.push(Piece::Literal(default)),
                        // A multivalued key cannot be a policy variable.
                        _ => return Resolved::Unresolvable,
                    },
                    (ContextValue::Absent, Some(default)) => pieces.push(Piece::Literal(default)),
                    (ContextValue::Absent, None) => return Resolved::Unresolvable,
                },
            }
        }
        if unknown { Resolved::Unknown(pieces) } else { Resolved::Pieces(pieces) }
    }
}

/// The pieces as a pattern; without `wild` (`StringEquals`) its `*` and `?` are text.
pub(super) fn glob(pieces: Vec<Piece<'_>>, kind: Kind, wild: bool) -> Glob {
    if wild {
        return Glob::from_pieces(&pieces, kind);
    }
    let literal: Vec<Piece<'_>> = pieces
        .into_iter()
        .map(|piece| if let Piece::Wild(text) = piece { Piece::Literal(text) } else { piece })
        .collect();
    Glob::from_pieces(&literal, kind)
}

/// A pattern in which only `${*}`, `${?}` and `${$}` are special: a name out of a log is never a variable.
pub(super) fn escaped(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(open) = rest.get(from..).and_then(|tail| tail.find("${")).map(|at| from + at) {
        let (before, tail) = rest.split_at(open);
        let special = ["${*}", "${?}", "${$}"].into_iter().find(|special| tail.starts_with(special));
        match special {
            Some(special) => {
                pieces.extend([Piece::Wild(before), Piece::Literal(special.get(2..3).unwrap_or_default())]);
                rest = tail.get(special.len()..).unwrap_or_default();
                from = 0;
            }
            None => from = open + 2,
        }
    }
    pieces.push(Piece::Wild(rest));
    pieces
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn variable(inside: &str) -> Part {
    match inside {
        "*" => Part::Escaped("*"),
        "?" => Part::Escaped("?"),
        "$" => Part::Escaped("$"),
        _ => {
            let (key, default) = match inside.split_once(',') {
                Some((key, default)) => (key, unquoted(default.trim())),
                None => (inside, None),
            };
            Part::Variable { key: key.trim().to_ascii_lowercase(), default }
        }
    }
}

fn unquoted(text: &str) -> Option<String> {
    text.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_variables_needs_no_template() {
        for text in ["", "arn:aws:s3:::b/*", "$", "${open", "a}b"] {
            assert_eq!(Template::new(text), None, "{text}");
        }
    }

    #[test]
    fn only_three_things_are_special_in_a_name() {
        let wild = Piece::Wild;
        assert_eq!(escaped("a${x}${*}b${"), [wild("a${x}"), Piece::Literal("*"), wild("b${")]);
        assert_eq!(escaped("${$}{*}*"), [wild(""), Piece::Literal("$"), wild("{*}*")]);
    }

    #[test]
    fn keys_and_defaults() {
        let template = Template::new("a/${aws:PrincipalTag/Team, 'company-wide'}/${$}x").unwrap();
        assert_eq!(
            template.parts,
            [
                Part::Text("a/".to_owned()),
                Part::Variable { key: "aws:principaltag/team".to_owned(), default: Some("company-wide".to_owned()) },
                Part::Text("/".to_owned()),
                Part::Escaped("$"),
                Part::Text("x".to_owned()),
            ]
        );
        let context = Context::new();
        assert_eq!(template.open_keys(&context).collect::<Vec<_>>(), ["aws:principaltag/team"]);
    }
}
