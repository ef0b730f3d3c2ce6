//! Who works in the organisation: people, pipelines, programs, services; each with a habit.

use super::config::Config;
use super::events::{self, Event};
use super::jobs::{self, Job};
use super::rng::Rng;

/// What an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody who comes through IAM Identity Center.
    Person,
    /// A role that a pipeline takes by web identity.
    Pipeline,
    /// A function's execution role.
    Function,
    /// An instance's role.
    Instance,
    /// An IAM user with keys of its own.
    User,
    /// A role linked to an AWS service.
    Linked,
    /// An AWS service itself.
    Service,
    /// The account's root user.
    Root,
}

/// Somebody or something that calls.
#[derive(Debug)]
pub(super) struct Actor {
    pub id: u64,
    pub kind: Kind,
    /// A person's mail address, a role's or user's name, a service's host name.
    pub name: String,
    /// A person's permission set; a linked role's service.
    pub set: &'static str,
    /// Where it works, as places in the organisation's accounts.
    pub accounts: Vec<usize>,
    /// Where it works, as places in the organisation's regions.
    pub regions: Vec<usize>,
    /// How much of the traffic is its own.
    pub weight: f64,
    pub habit: Habit,
    /// What a person does for a living.
    pub job: &'static str,
}

/// What an actor does, as places in [`events::all`], most frequent first.
#[derive(Clone, Debug, Default)]
pub(super) struct Habit {
    pub allowed: Vec<usize>,
    /// What it tries and may not.
    pub denied: Vec<usize>,
}

const FIRST_NAMES: [&str; 20] = [
    "ann", "ben", "carla", "dev", "elena", "farid", "grace", "hugo", "ines", "jonas", "kim", "lena", "marco", "nadia",
    "omar", "petra", "quinn", "rosa", "sam", "tara",
];
const LAST_NAMES: [&str; 16] = [
    "lee", "okafor", "meyer", "rossi", "garcia", "novak", "singh", "dubois", "larsen", "costa", "kaya", "ito", "walsh",
    "berg", "haddad", "silva",
];
/// Beside `AdministratorAccess`.
pub(super) const SETS: [&str; 39] = [
    "PowerUserAccess",
    "ReadOnlyAccess",
    "DataAnalyst",
    "DatabaseAdministrator",
    "SecurityAudit",
    "Billing",
    "SupportUser",
    "NetworkAdministrator",
    "SystemAdministrator",
    "ViewOnlyAccess",
    "DataScientist",
    "Developer",
    "DeveloperReadOnly",
    "Operations",
    "OnCall",
    "ContainerPlatform",
    "IdentityTeam",
    "FinanceReports",
    "MachineLearning",
    "Observability",
    "Payments",
    "Search",
    "Warehouse",
    "Integrations",
    "QualityAssurance",
    "MobileTeam",
    "WebTeam",
    "DataEngineering",
    "Compliance",
    "IncidentResponse",
    "Backup",
    "Migration",
    "Messaging",
    "Storage",
    "EdgeNetwork",
    "Sandbox",
    "Training",
    "Contractors",
    "Auditors",
];
/// What those try who may not.
const FORBIDDEN: [&str; 12] = [
    "s3:GetObject",
    "iam:ListUsers",
    "secretsmanager:GetSecretValue",
    "kms:Decrypt",
    "organizations:ListAccounts",
    "ec2:TerminateInstances",
    "s3:ListBuckets",
    "ssm:GetParameter",
    "dynamodb:Scan",
    "iam:CreateAccessKey",
    "lambda:UpdateFunctionConfiguration20150331v2",
    "rds:ModifyDBInstance",
];

/// How much AWS services do of their own, beside a principal's 1 or so, for each ten principals.
const SERVICE_WEIGHT: f64 = 0.25;

/// How people come in.
const SIGNING_IN: [&str; 3] = ["sts:AssumeRoleWithSAML", "signin:ConsoleLogin", "sso:Federate"];
/// How pipelines come in.
const TAKING_A_ROLE: &str = "sts:AssumeRoleWithWebIdentity";

/// Everybody.
pub(super) fn actors(config: &Config) -> Vec<Actor> {
    let mut hiring = Hiring { config, events: events::all(), actors: Vec::new() };
    let people = config.people.unwrap_or_else(|| (config.principals * 3).div_ceil(10).max(1)).min(config.principals);
    for i in 0..people {
        hiring.person(i);
    }
    for i in 0..config.principals.saturating_sub(people) {
        // Of twelve others: five functions, three pipelines, two sorts of instances, two users.
        match i % 12 {
            0 | 3 | 5 | 8 | 10 => hiring.role(Kind::Function, i, jobs::PROGRAMS, "lambda", 3.0),
            1 | 6 | 11 => hiring.role(Kind::Pipeline, i, jobs::PIPELINES, "deploy", 2.0),
            2 | 7 => hiring.role(Kind::Instance, i, jobs::INSTANCES, "instance", 3.0),
            _ => hiring.role(Kind::User, i, jobs::USERS, "svc", 1.0),
        }
    }
    hiring.services();
    hiring.actors
}

struct Hiring<'a> {
    config: &'a Config,
    events: Vec<Event>,
    actors: Vec<Actor>,
}

impl Hiring<'_> {
    fn rng(&self) -> Rng {
        Rng::at(self.config.seed, &[0x0010, self.actors.len() as u64])
    }

    fn hire(&mut self, kind: Kind, name: String, set: &'static str, accounts: Vec<usize>, weight: f64, habit: Habit) {
        let mut rng = self.rng();
        let mut regions = vec![0];
        for region in 1..self.config.regions.len() {
            if rng.chance(0.35) || matches!(kind, Kind::Linked | Kind::Service | Kind::Root) {
                regions.push(region);
            }
        }
        let id = self.actors.len() as u64;
        self.actors.push(Actor { id, kind, name, set, accounts, regions, weight, habit, job: "" });
    }

    fn person(&mut self, i: usize) {
        let mut rng = self.rng();
        let first = FIRST_NAMES.get(i % FIRST_NAMES.len()).copied().unwrap_or("ann");
        let last = LAST_NAMES.get((i * 7 + i / FIRST_NAMES.len()) % LAST_NAMES.len()).copied().unwrap_or("lee");
        // Who comes when every name is taken has a number behind it.
        let number = match i / (FIRST_NAMES.len() * LAST_NAMES.len()) {
            0 => String::new(),
            more => (more + 1).to_string(),
        };
        let is_admin = i < 3 || i.is_multiple_of(3);
        let set = if is_admin {
            "AdministratorAccess"
        } else {
            let sets = self.config.permission_sets.saturating_sub(1).clamp(1, SETS.len());
            SETS.get(rng.below(sets)).copied().unwrap_or("ReadOnlyAccess")
        };
        let accounts = self.some_accounts(&mut rng, if is_admin { 2 } else { 1 });
        let mut habit = self.habit(&mut rng, jobs::PEOPLE, i);
        habit.allowed.extend(self.indexes(&SIGNING_IN));
        self.hire(Kind::Person, format!("{first}.{last}{number}@example.com"), set, accounts, 0.6 + rng.unit(), habit);
        let job = jobs::PEOPLE.get(i % jobs::PEOPLE.len()).map_or("", |(job, _)| job);
        if let Some(actor) = self.actors.last_mut() {
            actor.job = job;
        }
    }

    fn role(&mut self, kind: Kind, i: usize, jobs: &'static [Job], prefix: &str, weight: f64) {
        let mut rng = self.rng();
        let place = i / 2 + rng.below(2);
        let (job, _) = jobs.get(place % jobs.len()).copied().unwrap_or_default();
        let mut habit = self.habit(&mut rng, jobs, place);
        if kind == Kind::Pipeline {
            habit.allowed.extend(self.indexes(&[TAKING_A_ROLE]));
        }
        // Pipelines have a role of the same name in many accounts, programs live in one.
        let accounts = if kind == Kind::Pipeline {
            self.some_accounts(&mut rng, 2)
        } else {
            vec![rng.below(self.config.accounts)]
        };
        self.hire(
            kind,
            format!("{prefix}-{}-{i}", job.replace(' ', "-")),
            "",
            accounts,
            weight * (0.3 + rng.lumpy()),
            habit,
        );
    }

    fn services(&mut self) {
        let everywhere: Vec<usize> = (0..self.config.accounts).collect();
        for (service, does) in jobs::SERVICES {
            let habit = Habit { allowed: self.indexes(does), denied: Vec::new() };
            // Sessions that services take are few, what is done in them is much.
            let weight = if does.contains(&"sts:AssumeRole") { SERVICE_WEIGHT / 5.0 } else { 2.0 * SERVICE_WEIGHT };
            self.hire(Kind::Service, (*service).to_owned(), "", everywhere.clone(), weight, habit);
        }
        for (service, role, does) in jobs::LINKED {
            let habit = Habit { allowed: self.indexes(does), denied: Vec::new() };
            self.hire(Kind::Linked, (*role).to_owned(), service, everywhere.clone(), 2.0 * SERVICE_WEIGHT, habit);
        }
        let does = ["signin:ConsoleLogin", "iam:GetAccountSummary", "iam:ListMFADevices", "ce:GetCostAndUsage"];
        let habit = Habit { allowed: self.indexes(&does), denied: Vec::new() };
        self.hire(Kind::Root, "root".to_owned(), "", everywhere, 0.1 * SERVICE_WEIGHT, habit);
    }

    fn some_accounts(&self, rng: &mut Rng, least: usize) -> Vec<usize> {
        let all = self.config.accounts;
        let first = rng.below(all);
        let count = (least + rng.zipf(4)).min(all);
        (0..count).map(|i| (first + i) % all).collect()
    }

    /// A job as one principal does it: some of it never, the rest in an order of its own.
    fn habit(&self, rng: &mut Rng, jobs: &[Job], place: usize) -> Habit {
        let Some((_, does)) = jobs.get(place % jobs.len().max(1)) else { return Habit::default() };
        let mut ranked: Vec<(f64, &str)> = Vec::new();
        for (rank, name) in does.iter().enumerate() {
            if rank < 3 || !rng.chance(0.2) {
                ranked.push((rank as f64 + rng.unit() * 5.0, name));
            }
        }
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let names: Vec<&str> = ranked.iter().map(|(_, name)| *name).collect();
        let first = rng.below(FORBIDDEN.len());
        let denied: Vec<&str> =
            FORBIDDEN.iter().cycle().skip(first).filter(|name| !names.contains(name)).take(3).copied().collect();
        Habit { allowed: self.indexes(&names), denied: self.indexes(&denied) }
    }

    /// Places of events named `source:name`, without data events where these are not wanted.
    fn indexes(&self, names: &[&str]) -> Vec<usize> {
        let find = |name: &&str| {
            let (source, name) = name.split_once(':')?;
            self.events.iter().position(|event| event.source == source && event.name == name)
        };
        let is_wanted = |at: &usize| self.config.data_events || self.events.get(*at).is_some_and(|event| !event.data);
        names.iter().filter_map(find).filter(is_wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_every_job_exists() {
        let all = events::all();
        let linked = jobs::LINKED.iter().map(|(_, role, does)| (*role, *does));
        let jobs = [jobs::PEOPLE, jobs::PIPELINES, jobs::PROGRAMS, jobs::INSTANCES, jobs::USERS, jobs::SERVICES];
        let mut done = std::collections::BTreeSet::from([TAKING_A_ROLE]);
        done.extend(SIGNING_IN);
        for (job, does) in jobs.into_iter().flatten().copied().chain(linked) {
            for name in does {
                assert!(all.iter().any(|e| format!("{}:{}", e.source, e.name) == *name), "{job}: {name}");
                done.insert(*name);
            }
        }
        assert!(FORBIDDEN.iter().all(|name| all.iter().any(|e| format!("{}:{}", e.source, e.name) == *name)));
        let idle: Vec<_> =
            all.iter().map(|e| format!("{}:{}", e.source, e.name)).filter(|n| !done.contains(n.as_str())).collect();
        assert!(idle.is_empty(), "nobody does {idle:?}");
    }

    #[test]
    fn the_administrators() {
        let config = Config { principals: 12, accounts: 4, ..Config::default() };
        let actors = actors(&config);
        let admins: Vec<_> = actors.iter().filter(|actor| actor.set == "AdministratorAccess").collect();
        assert!(admins.len() >= 3 && admins.iter().all(|actor| actor.accounts.len() >= 2));
        assert_ne!(admins[0].habit.allowed, admins[1].habit.allowed);
    }
}
