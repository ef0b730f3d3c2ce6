//! One principal as a page: before and after, evidence, proof. Everything from a log or a file stands in spans and blocks
//! that it cannot leave.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::document::{preset, why};
use crate::policy::loss::Loss;
use crate::policy::{Provenance, explain};
use crate::report::trust::section;
use crate::rightsize::{Assessment, DISAGREEMENTS_MAX, Proposal, Today};
use crate::time::format_time;
use crate::trust::RoleTrust;
use crate::util::markdown::{code, fence, plain};
use crate::util::shown;

/// Characters of one policy of today that are shown.
const BEFORE_MAX: usize = 8_000;

/// Names of one list.
const NAMES_MAX: usize = 40;

/// A name as it stands in a span.
fn span(text: &str) -> String {
    code(&shown::name(text))
}

/// Names of a list, each in a span; what is more is counted.
fn spans<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&String> = names.into_iter().collect();
    let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|name| span(name)).collect();
    let more = names.len().saturating_sub(shown.len());
    shown.join(", ") + &if more > 0 { format!(", … {more} more") } else { String::new() }
}

/// The whole page.
pub(super) fn page(one: &Assessment<'_>, trust: Option<&RoleTrust>, provenance: &Provenance) -> String {
    let mut out = String::new();
    let subject = &one.subject;
    let _ = writeln!(out, "# {} {}\n", subject.kind.as_str(), span(&subject.name));
    if let Some(of) = &subject.of {
        let what = if subject.roles.is_empty() { "People of permission set" } else { "Roles named" };
        let _ = writeln!(out, "{what} {} who do the same.\n", span(of));
    }
    if let Some(arn) = &subject.arn {
        let _ = writeln!(out, "{}\n", span(arn));
    }
    let _ = writeln!(out, "**{}**: {}.\n", one.wave.as_str(), one.wave.about());
    for reason in &one.reasons {
        let _ = writeln!(out, "- {}", plain(&shown::name(reason)));
    }
    figures(&mut out, one);
    if let Some(loss) = &one.loss {
        lost(&mut out, loss, one.proposal.is_some());
    }
    people(&mut out, one);
    presets(&mut out, one);
    if let Some(today) = &one.today {
        before(&mut out, today, &one.never_needed);
    }
    match &one.proposal {
        Some(proposal) => after(&mut out, proposal, provenance),
        None => {
            if let Some(none) = &one.no_proposal {
                let _ = writeln!(out, "\n## After\n\nNo policy: {}", plain(&shown::name(&none.why)));
            }
        }
    }
    disagreements(&mut out, one);
    if let Some(trust) = trust {
        let _ = writeln!(out, "\n## Who takes it\n{}", section(trust, 3));
    }
    out
}

fn figures(out: &mut String, one: &Assessment<'_>) {
    let granted = one.today.as_ref().map_or("not known".to_owned(), |today| today.granted.len().to_string());
    let made = one.proposal.as_ref().map(Proposal::made);
    let documents = made.map(|made| &made.documents);
    let size = documents.map(|documents| documents.iter().map(|document| document.policy.size()).sum::<usize>());
    let statements = documents.map(|all| all.iter().map(|document| document.policy.statements.len()).sum::<usize>());
    let number = |number: Option<usize>| number.map_or("none".to_owned(), |number| number.to_string());
    out.push_str("\n| granted today | used | proposed |\n|---|---|---|\n");
    let _ = writeln!(
        out,
        "| {granted} actions | {} actions, {} uses, {} denied | {} statements in {} policies, {} characters |",
        one.used.actions.len(),
        one.used.events,
        one.used.denied,
        number(statements),
        number(documents.map(Vec::len)),
        number(size),
    );
    if let Some((first, last)) = one.used.times_us {
        let _ = writeln!(
            out,
            "\nUsed from {} to {} in {}.",
            format_time(first),
            format_time(last),
            accounts(&one.used.accounts)
        );
    }
}

fn accounts(accounts: &BTreeSet<String>) -> String {
    match accounts.len() {
        0 => "no account".to_owned(),
        _ => format!("account {}", spans(accounts)),
    }
}

fn lost(out: &mut String, loss: &Loss, is_proposed: bool) {
    let title = if is_proposed { "No longer allowed, and never used" } else { "Granted, and never used" };
    let _ = writeln!(out, "\n## {title}\n");
    let levels: Vec<String> =
        loss.by_access.iter().rev().map(|(access, n)| format!("{n} {}", access.as_str())).collect();
    let _ = writeln!(out, "- {} actions: {}", loss.actions, levels.join(", "));
    if is_proposed {
        let _ = writeln!(out, "- {} more on fewer resources", loss.narrowed);
    }
    if !loss.services.is_empty() {
        let _ = writeln!(out, "- services as a whole: {}", spans(loss.services.keys()));
    }
    if !loss.secret_reads.is_empty() {
        let _ = writeln!(out, "- reads of credentials, secrets and code: {}", spans(&loss.secret_reads));
    }
    for (title, ways) in
        [("Ways to more", &loss.escalations), ("Ways to more on fewer resources", &loss.narrowed_escalations)]
    {
        if ways.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title}:\n");
        for (action, opens) in ways {
            let _ = writeln!(out, "- {}: {opens}", code(action));
        }
    }
}

fn people(out: &mut String, one: &Assessment<'_>) {
    if let (Some(group), false) = (&one.persona, one.subject.roles.is_empty()) {
        let _ = writeln!(out, "\n## Roles\n\n- {}", spans(&one.subject.roles));
        let _ = writeln!(out, "- all of them used: {}", spans(&group.shared));
    }
    if one.active_people.is_empty() && one.idle_people.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## People\n\n- used it: {}", spans(&one.active_people));
    if let Some(persona) = &one.persona {
        let _ = writeln!(out, "- all of them used: {}", spans(&persona.shared));
    }
    for (name, accounts) in one.idle_people.iter().take(NAMES_MAX) {
        let _ = writeln!(out, "- has it and never used it: {} in {}", span(name), spans(accounts));
    }
    if let more @ 1.. = one.idle_people.len().saturating_sub(NAMES_MAX) {
        let _ = writeln!(out, "- and {more} more who never used it");
    }
}

fn presets(out: &mut String, one: &Assessment<'_>) {
    if one.presets.is_empty() {
        return;
    }
    if let Some(proposal) = &one.proposal {
        let _ = writeln!(out, "\n## Preset {}\n\nBecause {}.\n", preset(proposal.preset), proposal.preset_reason);
    } else {
        out.push_str("\n## Presets\n\n");
    }
    out.push_str("| preset | policies | statements | characters | pairs granted | beyond use |\n|---|---:|---:|---:|---:|---:|\n");
    for figures in &one.presets {
        let name = preset(figures.preset);
        let _ = match (figures.size, figures.pairs) {
            (Some([policies, statements, characters]), Some((pairs, beyond))) => {
                writeln!(out, "| {name} | {policies} | {statements} | {characters} | {pairs} | {beyond} |")
            }
            _ => writeln!(out, "| {name} | none | | | | |"),
        };
    }
    for figures in one.presets.iter().filter(|figures| !figures.opens.is_empty()) {
        let _ = writeln!(out, "\n`{}` opens:\n", preset(figures.preset));
        for line in &figures.opens {
            let _ = writeln!(out, "- {}", plain(&shown::name(line)));
        }
    }
}

fn before(out: &mut String, today: &Today<'_>, never_needed: &[String]) {
    out.push_str("\n## Before\n");
    if !never_needed.is_empty() {
        let _ = writeln!(out, "\nPolicies under which nothing was used: {}", spans(never_needed));
    }
    if !today.missing.is_empty() {
        let _ = writeln!(out, "\nPolicies whose text no file holds: {}", spans(&today.missing));
    }
    for identity in &today.policies {
        let _ = writeln!(out, "\n{}\n", span(&identity.name));
        block(out, &identity.policy.pretty(), BEFORE_MAX);
    }
}

/// A policy as a block, cut where there is more than so much. What turns the direction of text around stands as JSON's escape.
fn block(out: &mut String, text: &str, chars_max: usize) {
    let mut shown = String::new();
    for c in text.chars().take(chars_max) {
        match c {
            '\n' => shown.push(c),
            c if shown::is_harmful(c) => {
                let _ = write!(shown, "\\u{:04x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    let fence = fence(&shown);
    let _ = writeln!(out, "{fence}json\n{shown}\n{fence}");
    if let more @ 1.. = text.chars().count().saturating_sub(chars_max) {
        let _ = writeln!(out, "\n… {more} characters more");
    }
}

fn after(out: &mut String, proposal: &Proposal, provenance: &Provenance) {
    let made = proposal.made();
    out.push_str("\n## After\n");
    for document in &made.documents {
        let _ = writeln!(out, "\n{}\n", span(&document.name));
        block(out, &document.policy.pretty(), usize::MAX);
    }
    for (action, reason) in &proposal.kept_actions {
        let _ = writeln!(out, "\n{} stays though nobody used it: {}", span(action), plain(&shown::name(reason)));
    }
    out.push_str("\n## Proof\n\n");
    let proof = proposal.proved.findings().whole();
    for line in explain::summary(made, provenance, proof.map(|proof| &proof.replay)).iter().skip(1) {
        let _ = writeln!(out, "- {}", plain(&shown::name(line)));
    }
    out.push_str(
        "\n## What each statement rests on\n\n| statement | uses | first | last | sessions | confidence | example |\n",
    );
    out.push_str("|---|---:|---|---|---:|---|---|\n");
    out.push_str(&explain::statement_rows(made, span));
    out.push_str("\n## What CloudTrail cannot show\n\n");
    for line in explain::blind_spots(made, provenance) {
        let _ = writeln!(out, "- {}", plain(&shown::name(&line)));
    }
}

fn disagreements(out: &mut String, one: &Assessment<'_>) {
    if one.disagreements.is_empty() {
        return;
    }
    out.push_str(
        "\n## Used, and not granted by the files\n\nThe policies were others then, or a resource policy allows it: the file \
         is not of the same time as the log, or it is not all.\n\n| action | resource | why | uses | example |\n|---|---|---|---:|---|\n",
    );
    for group in one.disagreements.iter().take(DISAGREEMENTS_MAX) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            span(&group.action),
            span(&group.resource),
            plain(&shown::name(&why(&group.fate))),
            group.events,
            span(&group.example_event_id),
        );
    }
    if let more @ 1.. = one.disagreements.len().saturating_sub(DISAGREEMENTS_MAX) {
        let _ = writeln!(out, "\nAnd {more} more.");
    }
}
