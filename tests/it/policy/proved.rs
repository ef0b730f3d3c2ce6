//! What is handed out is proved: a policy whose proof fails comes back as an error with what the proof found.

use serde_json::json;
use trailpare::iam::Catalog;
use trailpare::iam::document::Policy;
use trailpare::policy::{
    Existing, Findings, Generalize, Options, ProposeError, Proved, Proving, Task, Unproved, propose,
};
use trailpare::usage::{RequestValues, UsageRow};

use super::{options, row};

fn exact() -> Options {
    Options { generalize: Generalize::None, ..options() }
}

fn proposed(rows: &[UsageRow], events: &[UsageRow], existing: Existing<'_>) -> Result<Proved, ProposeError> {
    let (none, options) = (RequestValues::default(), exact());
    let task = Task::new(rows, &none, &options, Catalog::embedded());
    propose(&Task { existing, proving: Proving::Events(events), ..task })
}

fn unproved(rows: &[UsageRow], events: &[UsageRow], existing: Existing<'_>) -> Unproved {
    match proposed(rows, events, existing) {
        Err(ProposeError::Unproved(unproved)) => *unproved,
        other => panic!("{other:?}"),
    }
}

/// A use that only the events tell, and one that they do not.
#[test]
fn what_speaks_against_a_policy_comes_with_the_error() {
    let (get, delete) = (row("s3:GetObject", "arn:aws:s3:::lake/k"), row("s3:DeleteObject", "arn:aws:s3:::lake/k"));
    let queue = row("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:q");
    let sqs = json!({"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}).to_string();
    let sqs = [Policy::parse(&sqs).unwrap()];
    let (one, both) = ([queue.clone(), get.clone()], [queue.clone(), get.clone(), delete.clone()]);
    for existing in [Existing::None, Existing::Beside(&sqs), Existing::AddedTo(&sqs[0])] {
        let held = proposed(&one, &one, existing).unwrap();
        assert!(held.findings().whole().unwrap().by_events);
        let lacking = unproved(&one, &both, existing);
        let Findings::Whole(proof) = &lacking.findings else { panic!("{lacking:?}") };
        let denied: Vec<&str> = proof.replay.groups.iter().map(|group| group.action.as_str()).collect();
        assert_eq!((denied.as_slice(), proof.unspoken.len()), (["s3:DeleteObject"].as_slice(), 0));
        assert_eq!(&lacking.proposal, held.proposal(), "what was made can be looked at");
        let beyond = unproved(&both, &one, existing);
        let Findings::Whole(proof) = &beyond.findings else { panic!("{beyond:?}") };
        let unspoken: Vec<&str> = proof.unspoken.iter().map(|unspoken| unspoken.action.as_str()).collect();
        assert_eq!((unspoken.as_slice(), proof.replay.denied), (["s3:DeleteObject"].as_slice(), 0));
    }
}

#[test]
fn what_speaks_against_a_cut_comes_with_the_error() {
    let (get, delete) = (row("s3:GetObject", "arn:aws:s3:::lake/k"), row("s3:DeleteObject", "arn:aws:s3:::lake/k"));
    let given = json!({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}).to_string();
    let given = Policy::parse(&given).unwrap();
    let cut = Existing::CutDown(&given);
    let (one, both) = ([get.clone()], [get.clone(), delete.clone()]);
    let held = proposed(&one, &one, cut).unwrap();
    assert!(held.findings().hold() && held.proposal().cut().is_some());
    let lacking = unproved(&one, &both, cut);
    let Findings::Cut(proof) = &lacking.findings else { panic!("{lacking:?}") };
    let lost: Vec<&str> = proof.lost.iter().map(|(action, _, _)| action.as_str()).collect();
    assert_eq!((lost.as_slice(), proof.unspoken.len()), (["s3:DeleteObject"].as_slice(), 0));
    let beyond = unproved(&both, &one, cut);
    let Findings::Cut(proof) = &beyond.findings else { panic!("{beyond:?}") };
    let unspoken: Vec<&str> = proof.unspoken.iter().map(|unspoken| unspoken.action.as_str()).collect();
    assert_eq!((unspoken.as_slice(), proof.lost.len()), (["s3:DeleteObject"].as_slice(), 0));
}

/// That there is nothing to prove is said apart.
#[test]
fn nothing_to_do_is_no_failure_of_a_proof() {
    let rows = [row("s3:GetObject", "arn:aws:s3:::lake/k")];
    let all = [Policy::parse(r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#).unwrap()];
    let sqs = Policy::parse(r#"{"Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#).unwrap();
    assert_eq!(proposed(&rows, &rows, Existing::Beside(&all)), Err(ProposeError::NothingMissing));
    assert!(proposed(&rows, &rows, Existing::AddedTo(&all[0])).unwrap().proposal().is_unchanged());
    let unused = proposed(&rows, &rows, Existing::CutDown(&sqs)).unwrap_err();
    assert!(matches!(&unused, ProposeError::NothingUsed(statements) if statements.len() == 1), "{unused:?}");
}
