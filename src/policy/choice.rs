//! What another option would come to, in words.

use std::collections::BTreeSet;

use super::opening::OpeningLine;

/// Openings that are told of each option.
const OPENINGS_MAX: usize = 3;

/// What another option would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The option, as it is typed.
    pub option: String,
    /// Policies that it would take; `None` if that does not do either.
    pub policies: Option<usize>,
    /// What it would open beyond what was used, the most dangerous first.
    pub opens: Vec<OpeningLine>,
}

/// One line for each option.
pub(crate) fn lines(choices: &[Choice]) -> Vec<String> {
    let line = |choice: &Choice| {
        let policies = match choice.policies {
            None => return format!("`{}`: does not do either", choice.option),
            Some(1) => "1 policy".to_owned(),
            Some(policies) => format!("{policies} policies"),
        };
        let (shown, rest) = choice.opens.split_at(choice.opens.len().min(OPENINGS_MAX));
        let ways: BTreeSet<&str> = rest.iter().flat_map(|line| &line.escalating).map(String::as_str).collect();
        let ways = match ways.is_empty() {
            true => String::new(),
            false => format!(", ways to more among them: {}", ways.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let more = match rest.len() {
            0 => String::new(),
            more => format!("; and {more} more{ways}"),
        };
        let shown: Vec<&str> = shown.iter().map(|line| line.text.as_str()).collect();
        let opens = if shown.is_empty() { "opens nothing".to_owned() } else { format!("opens {}", shown.join("; ")) };
        format!("`{}`: {policies}, {opens}{more}", choice.option)
    };
    choices.iter().map(line).collect()
}

/// The hint of an error.
pub(crate) fn hint(choices: &[Choice]) -> String {
    let begin = "\nhint: writes, permissions and secrets are never opened so that a policy fits;";
    let fewer = "select fewer principals or a shorter window";
    if choices.is_empty() {
        return format!("{begin} {fewer}");
    }
    let lines: String = lines(choices).iter().map(|line| format!("\n  {line}")).collect();
    format!("{begin} what would do:{lines}\n  or {fewer}")
}
