//! What other options would come to, side by side: where a policy does not fit, or takes several.

use rayon::prelude::*;

use super::choice::Choice;
use super::classify::Grant;
use super::excess::excess;
use super::fit::{Ready, fit};
use super::limits::{Limits, MANAGED_ON_REQUEST};
use super::options::{Attach, Fit, Generalize, Granularity, Kind, Options};
use super::recipe::Recipe;
use super::widen::Scope;

/// The options that differ from those given and would take fewer policies than `needed`, tried out.
pub(crate) fn choices(
    ready: &Ready<'_>,
    grants: &[Grant],
    options: &Options,
    needed: usize,
    recipe: &Recipe<'_>,
) -> Vec<Choice> {
    if !options.weigh_choices {
        return Vec::new();
    }
    let knowledge = recipe.knowledge;
    let named = recipe.named.unwrap_or(grants);
    // What is cut down stays below its own patterns.
    let is_cut = recipe.ceiling.is_some();
    let limits = Limits::of(options);
    let mut tried = Vec::new();
    // Where there can be one policy only, splitting has widened as far as it goes.
    if options.fit == Fit::Exact || options.fit == Fit::Split && limits.policies_max > 1 {
        tried.push(("--fit widen".to_owned(), Options { fit: Fit::Widen, ..options.clone() }));
    }
    if options.granularity == Granularity::Resource && options.generalize < Generalize::Broad {
        let broad = Options { generalize: Generalize::Broad, ..options.clone() };
        tried.push(("--generalize broad".to_owned(), broad));
    }
    if options.granularity > Granularity::Action && !is_cut {
        let action = Options { granularity: Granularity::Action, ..options.clone() };
        tried.push(("--granularity action".to_owned(), action));
    }
    if options.granularity > Granularity::Service && !is_cut {
        let service = Options { granularity: Granularity::Service, ..options.clone() };
        tried.push(("--granularity service".to_owned(), service));
    }
    let is_managed = options.kind == Kind::Identity && options.attach == Attach::Managed;
    if is_managed && needed > limits.policies_max && needed <= MANAGED_ON_REQUEST {
        let more = Options { policies_max: Some(needed), ..options.clone() };
        tried.push((format!("--max-policies {needed}"), more));
    }
    let asked = (options.generalize, options.granularity);
    let choice = |(option, options): (String, Options)| {
        // Statements of the width that was asked for are there already.
        let fitted = if (options.generalize, options.granularity) == asked {
            fit(ready, &options)
        } else {
            let scope = Scope::new(grants, &options, knowledge, recipe.ceiling);
            fit(&Ready::new(grants, &scope), &options)
        };
        match fitted {
            Ok(fitted) => {
                let opens = excess(fitted.policies.iter().flatten(), named, knowledge).words();
                Choice { option, policies: Some(fitted.policies.len()), opens }
            }
            Err(_) => Choice { option, policies: None, opens: Vec::new() },
        }
    };
    let is_better = |choice: &Choice| needed > limits.policies_max || choice.policies.is_some_and(|n| n < needed);
    tried.into_par_iter().map(choice).filter(is_better).collect()
}
