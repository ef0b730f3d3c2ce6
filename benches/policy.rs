//! Policies for every principal, at every granularity and generalisation, each proved: statements, characters, grants
//! beyond those used, time, false denials.
//!
//! `cargo bench --bench policy` measures a made-up organisation of 200 principals;
//! `cargo bench --bench policy -- STORE...` measures every principal of these stores.
//! Exits with 1 if anything that was allowed would be denied.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use trailpare::iam::{Catalog, Outcome};
use trailpare::policy::replay::{policy_set, replay};
use trailpare::policy::{Generalize, Granularity, MakeError, Options, make};
use trailpare::store::Store;
use trailpare::usage::{self, Selection, Sessions, TimeRange, UsageRow};

const PRINCIPALS: usize = 200;

const GRANULARITIES: [(&str, Granularity); 3] =
    [("service", Granularity::Service), ("action", Granularity::Action), ("resource", Granularity::Resource)];

const GENERALIZATIONS: [(&str, Generalize); 3] =
    [("none", Generalize::None), ("balanced", Generalize::Balanced), ("broad", Generalize::Broad)];

fn main() -> ExitCode {
    let stores: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let mut holds = true;
    if stores.is_empty() {
        holds &= table(&format!("made-up organisation of {PRINCIPALS} principals"), &organisation());
    }
    for path in stores {
        match rows_of(Path::new(&path)) {
            Ok(rows) => holds &= table(&path, &rows),
            Err(error) => {
                eprintln!("error: {path}: {error}");
                holds = false;
            }
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rows_of(path: &Path) -> Result<Vec<UsageRow>, Box<dyn std::error::Error>> {
    let snapshot = Store::open(path)?.snapshot(None)?;
    let everybody = Selection { principals: vec!["*".to_owned()], ..Selection::default() };
    Ok(usage::read_exact(&snapshot, &everybody, &TimeRange::default(), Sessions::Apart, Catalog::embedded())?)
}

/// What the policies of all principals come to.
#[derive(Default)]
struct Sum {
    policies: usize,
    documents: usize,
    statements: usize,
    chars: usize,
    granted: usize,
    excess: usize,
    widened: usize,
    denied: u64,
    depends: u64,
    making: Vec<Duration>,
    proving: Duration,
    empty: usize,
    failed: usize,
}

fn table(title: &str, rows: &[UsageRow]) -> bool {
    let mut principals: BTreeMap<&str, Vec<UsageRow>> = BTreeMap::new();
    for row in rows {
        principals.entry(&row.principal_arn).or_default().push(row.clone());
    }
    println!("\n{title}: {} principals, {} usage rows\n", principals.len(), rows.len());
    println!(
        "granularity generalize policies documents statements characters   pairs  excess widened denied depends  make ms (max)  prove ms"
    );
    let mut holds = true;
    for (granularity_name, granularity) in GRANULARITIES {
        for (generalize_name, generalize) in GENERALIZATIONS {
            if granularity != Granularity::Resource && generalize != Generalize::Balanced {
                // Names of resources play no part.
                continue;
            }
            let options = Options { granularity, generalize, ..Options::default() };
            let sum = sum(&principals, &options);
            holds &= sum.denied == 0 && sum.depends == 0 && sum.failed == 0;
            print(granularity_name, generalize_name, &sum);
        }
    }
    holds
}

fn sum(principals: &BTreeMap<&str, Vec<UsageRow>>, options: &Options) -> Sum {
    let catalog = Catalog::embedded();
    let mut sum = Sum::default();
    for (arn, rows) in principals {
        let start = Instant::now();
        let made = match make(rows, options, catalog) {
            Ok(made) => made,
            Err(MakeError::Nothing { .. }) => {
                sum.empty += 1;
                continue;
            }
            Err(error) => {
                eprintln!("error: {arn}: {error}");
                sum.failed += 1;
                continue;
            }
        };
        sum.making.push(start.elapsed());
        let start = Instant::now();
        let proof = replay(&policy_set(&made), rows, catalog);
        sum.proving += start.elapsed();
        for group in proof.groups.iter().take(3) {
            eprintln!("{arn}: {} on {}: {:?}", group.action, group.resource, group.fate);
        }
        sum.policies += 1;
        sum.documents += made.documents.len();
        sum.statements += made.statements.len();
        sum.chars += made.documents.iter().map(|document| document.policy.size()).sum::<usize>();
        sum.granted += made.excess.granted;
        sum.excess += made.excess.total();
        sum.widened += usize::from(!made.widened.is_empty());
        sum.denied += proof.denied;
        sum.depends += proof.depends;
    }
    sum
}

fn print(granularity: &str, generalize: &str, sum: &Sum) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let making: Duration = sum.making.iter().sum();
    let slowest = sum.making.iter().max().copied().unwrap_or_default();
    println!(
        "{granularity:11} {generalize:10} {:8} {:9} {:10} {:10} {:7} {:7} {:7} {:6} {:7} {:8.1} ({:5.1}) {:8.1}",
        sum.policies,
        sum.documents,
        sum.statements,
        sum.chars,
        sum.granted,
        sum.excess,
        sum.widened,
        sum.denied,
        sum.depends,
        ms(making),
        ms(slowest),
        ms(sum.proving),
    );
}

/// Always the same numbers (a linear congruential generator, constants of Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// 200 roles in ten accounts; each uses some services, of each some actions, each action on some resources of a type that
/// it takes.
fn organisation() -> Vec<UsageRow> {
    let catalog = Catalog::embedded();
    let prefixes = catalog.prefixes();
    let mut numbers = Numbers(1);
    let mut rows = Vec::new();
    for principal in 0..PRINCIPALS {
        let account_id = format!("{:012}", 111_111_111_111_u64 * (1 + principal as u64 % 9));
        let services = 1 + numbers.below(if principal % 20 == 0 { 120 } else { 12 });
        for _ in 0..services {
            let Some(service) = prefixes.get(numbers.below(prefixes.len())).and_then(|p| catalog.service(p)) else {
                continue;
            };
            let actions = service.actions();
            for _ in 0..1 + numbers.below(15) {
                let Some(action) = actions.get(numbers.below(actions.len())) else { continue };
                let forms = catalog.resource_arns(action);
                for _ in 0..1 + numbers.below(8) {
                    let resource = match forms.get(numbers.below(forms.len())) {
                        Some(form) => filled(&form.arn, &account_id, &mut numbers),
                        None => "*".to_owned(),
                    };
                    rows.push(row(principal, &account_id, &action.name, resource, &mut numbers));
                }
            }
        }
    }
    rows
}

/// `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}` with values in it.
fn filled(form: &str, account_id: &str, numbers: &mut Numbers) -> String {
    let mut out = String::new();
    let mut rest = form;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
        out.push_str(before);
        match name {
            "Partition" => out.push_str("aws"),
            "Region" => out.push_str("eu-west-1"),
            "Account" => out.push_str(account_id),
            _ if name.ends_with("Id") => {
                out += &format!("{:08x}-0000-4000-8000-{:012x}", numbers.below(1 << 30), numbers.below(1 << 30))
            }
            _ => out += &format!("{}-{}", name.to_ascii_lowercase(), numbers.below(20)),
        }
        rest = after;
    }
    out + rest
}

fn row(principal: usize, account_id: &str, action: &str, resource: String, numbers: &mut Numbers) -> UsageRow {
    let (service, name) = action.split_once(':').unwrap_or((action, ""));
    let first_time_us = 1_700_000_000_000_000 + numbers.below(1_000_000) as i64 * 1_000_000;
    UsageRow {
        event_date: 19_700,
        account_id: account_id.into(),
        principal_arn: format!("arn:aws:iam::{account_id}:role/role-{principal}").into(),
        principal_type: "AssumedRole".into(),
        permission_set: None,
        session_name: Some(format!("person{}", numbers.below(5)).into()),
        action: Some(action.into()),
        resource: resource.into(),
        outcome: if numbers.below(20) == 0 { Outcome::Denied } else { Outcome::Allowed },
        confidence: if numbers.below(50) == 0 { "unverified" } else { "documented" }.into(),
        rule: "bench".into(),
        passed_to_service: (action == "iam:PassRole").then(|| "lambda.amazonaws.com".into()),
        event_source: format!("{service}.amazonaws.com").into(),
        event_name: name.into(),
        aws_region: "eu-west-1".into(),
        via: None,
        event_count: 1 + numbers.below(1_000) as u64,
        first_time_us,
        last_time_us: first_time_us + 1_000_000,
        example_event_id: format!("{:032x}", numbers.below(1 << 31)).into(),
        cross_account: false,
        overflow: false,
        origin: None,
    }
}
