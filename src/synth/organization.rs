//! What IAM, Identity Center and Organizations would say of a made-up organisation: as their command lines answer.
//!
//! Everybody may do what the archive shows, and much more: administrators everything, programs whole services. Beside
//! those who act there are roles, users and people who never do, a role for emergencies, and one that is new.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::Days;
use serde_json::{Value, json};

use super::actors::{Actor, Kind};
use super::config::Config;
use super::error::SynthError;
use super::events;
use super::identity::Caller;
use super::output::store;
use super::rng::{HEX, Rng, UPPER};
use super::world::{Pool, World};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6";

/// Someone who has a permission set, uses it or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Mail address: the name of the sessions.
    pub name: String,
    /// The permission set.
    pub permission_set: &'static str,
    /// What the person does for a living; empty of one who does nothing.
    pub job: &'static str,
}

/// The people of an organisation, with the jobs that were drawn for them.
pub fn people(config: &Config) -> Vec<Person> {
    let world = World::new(config);
    let people = world.actors.iter().filter(|actor| actor.kind == Kind::Person);
    people.map(|actor| Person { name: actor.name.clone(), permission_set: actor.set, job: actor.job }).collect()
}

/// Writes the files below `out`: `iam/ACCOUNT.json` (`get-account-authorization-details`), `identity-center/` and
/// `organizations/` as `docs/collect-organization.sh` would. The same configuration gives the same bytes.
///
/// # Errors
/// A configuration that makes no sense, the disk.
pub fn organization(config: &Config, out: &Path) -> Result<(), SynthError> {
    super::check(config)?;
    let world = World::new(config);
    let files = Files { config, world: &world };
    for (place, account) in world.accounts.iter().enumerate() {
        files.write(out, &format!("iam/{}.json", account.id), &files.account(place))?;
    }
    files.write(out, "identity-center/answers.json", &files.identity_center())?;
    store(&out.join("rules.yaml"), RULES.as_bytes())?;
    files.write(out, "organizations/answers.json", &files.organizations())
}

/// What the organisation's people would write.
const RULES: &str = "\
# What `trailpare rightsize --rules` leaves as it is, and why.
exclude:
  - name: break-glass
    path: /emergency/*
    break_glass: true
    reason: for emergencies, tried twice a year
keep_actions:
  - kind: permission-set
    actions: ['support:CreateCase', 'support:DescribeCases']
    reason: everybody may ask AWS for help
without_data_events:
  - source: kinesis.amazonaws.com
    reason: there are no streams
  - source: lambda.amazonaws.com
    reason: functions are called by events, not by principals
  - source: sns.amazonaws.com
    reason: topics are written to by alarms only
";

struct Files<'a> {
    config: &'a Config,
    world: &'a World,
}

fn policy(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(actions: impl IntoIterator<Item = String>) -> Value {
    let actions: Vec<String> = actions.into_iter().collect();
    policy(json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]))
}

fn managed(arn: &str, document: &Value) -> Value {
    let name = arn.rsplit('/').next().unwrap_or_default();
    json!({
        "PolicyName": name, "PolicyId": format!("ANPA{name}"), "Arn": arn, "Path": "/", "DefaultVersionId": "v1",
        "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
        "PolicyVersionList": [{"Document": document, "VersionId": "v1", "IsDefaultVersion": true}],
    })
}

/// Prefix of the actions of an event's source.
fn prefix(source: &str) -> Option<&str> {
    match source {
        "signin" => None,
        "monitoring" => Some("cloudwatch"),
        other => Some(other),
    }
}

impl Files<'_> {
    fn write(&self, out: &Path, name: &str, value: &Value) -> Result<(), SynthError> {
        let mut text = format!("{value:#}");
        text.push('\n');
        store(&out.join(name), text.as_bytes())
    }

    /// A day so many days before the first, or behind it.
    fn day(&self, before: u64, behind: u64) -> String {
        let day = self.config.start.checked_sub_days(Days::new(before)).unwrap_or(self.config.start);
        let day = day.checked_add_days(Days::new(behind)).unwrap_or(day);
        format!("{day}T08:00:00+00:00")
    }

    fn id(&self, prefix: &str, name: &str) -> String {
        let place = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut out = prefix.as_bytes().to_vec();
        Rng::at(self.world.seed, &[0x0060, place]).text(&mut out, UPPER, 17);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Whole services: those that actors use, and some that they don't.
    fn services(&self, actors: &[&Actor], more: &[&str]) -> Value {
        let all = events::all();
        let used = actors.iter().flat_map(|actor| &actor.habit.allowed).filter_map(|at| all.get(*at));
        let mut services: BTreeSet<&str> = used.filter_map(|event| prefix(event.source)).collect();
        // A call may need keys and other services' resources as well.
        services.extend(["kms", "logs", "s3", "ec2", "dynamodb", "sts"]);
        services.extend(more);
        let pass = services.remove("iam");
        let mut actions: Vec<String> = services.into_iter().map(|service| format!("{service}:*")).collect();
        actions.push(if pass { "iam:*" } else { "iam:PassRole" }.to_owned());
        allow(actions)
    }

    /// `get-account-authorization-details` of one account.
    fn account(&self, place: usize) -> Value {
        let Some(account) = self.world.accounts.get(place) else { return Value::Null };
        let boundary = format!("arn:aws:iam::{}:policy/delivery-boundary", account.id);
        let mut roles: BTreeMap<String, Value> = BTreeMap::new();
        let mut users: BTreeMap<String, Value> = BTreeMap::new();
        for actor in self.world.actors.iter().filter(|actor| actor.accounts.contains(&place)) {
            match actor.kind {
                Kind::Service | Kind::Root => {}
                Kind::User => {
                    let user = self.user(&account.id, &actor.name, &self.services(&[actor], &["sqs", "rds"]));
                    users.insert(actor.name.clone(), user);
                }
                _ => {
                    let (name, role) = self.role(actor, (place, &account.id), &boundary);
                    roles.insert(name, role);
                }
            }
        }
        self.add_idle(&account.id, account.pools.get(Pool::Role as usize), (&mut roles, &mut users));
        let everything = allow(["*".to_owned()]);
        let limits = policy(json!([
            {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Sid": "NoUsers", "Effect": "Deny", "Action": ["iam:CreateUser", "iam:CreateAccessKey"], "Resource": "*"},
        ]));
        json!({
            "UserDetailList": users.into_values().collect::<Vec<_>>(),
            "GroupDetailList": [],
            "RoleDetailList": roles.into_values().collect::<Vec<_>>(),
            "Policies": [managed(ADMIN, &everything), managed(&boundary, &limits)],
            "IsTruncated": false,
        })
    }

    fn role(&self, actor: &Actor, (place, account): (usize, &str), boundary: &str) -> (String, Value) {
        let caller = Caller::new(self.world, actor, (place, account), "", 0);
        let federated = |provider: &str, action: &str| {
            policy(json!([{"Effect": "Allow", "Principal": {"Federated": provider}, "Action": action}]))
        };
        let trust = match actor.kind {
            Kind::Person => federated(
                &format!("arn:aws:iam::{account}:saml-provider/AWSSSO_0a1b2c3d4e5f6789_DO_NOT_DELETE"),
                "sts:AssumeRoleWithSAML",
            ),
            Kind::Pipeline => federated(
                &format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"),
                "sts:AssumeRoleWithWebIdentity",
            ),
            Kind::Function => service_trust("lambda.amazonaws.com"),
            Kind::Linked => service_trust(actor.set),
            _ => service_trust("ec2.amazonaws.com"),
        };
        let is_admin = actor.set == "AdministratorAccess" || actor.kind == Kind::Pipeline && actor.id.is_multiple_of(2);
        let mut role = self.bare_role(account, &caller.role_path, &caller.role, &trust, &self.day(400, 0));
        if is_admin {
            put(
                &mut role,
                "AttachedManagedPolicies",
                json!([{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]),
            );
        } else {
            let document = match actor.kind {
                Kind::Person => self.of_set(actor.set),
                _ => self.services(&[actor], &["ssm", "sns"]),
            };
            put(&mut role, "RolePolicyList", json!([{"PolicyName": "grants", "PolicyDocument": document}]));
        }
        if actor.kind == Kind::Pipeline {
            let limit = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary});
            put(&mut role, "PermissionsBoundary", limit);
            put(&mut role, "Tags", json!([{"Key": "team", "Value": "delivery"}]));
        }
        (caller.role, role)
    }

    fn bare_role(&self, account: &str, path: &str, name: &str, trust: &Value, made: &str) -> Value {
        json!({
            "Path": format!("/{path}"), "RoleName": name, "RoleId": self.id("AROA", &format!("{account}{name}")),
            "Arn": format!("arn:aws:iam::{account}:role/{path}{name}"), "CreateDate": made,
            "AssumeRolePolicyDocument": trust, "InstanceProfileList": [], "RolePolicyList": [],
            "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {},
        })
    }

    fn user(&self, account: &str, name: &str, document: &Value) -> Value {
        json!({
            "Path": "/", "UserName": name, "UserId": self.id("AIDA", &format!("{account}{name}")),
            "Arn": format!("arn:aws:iam::{account}:user/{name}"), "CreateDate": self.day(500, 0),
            "UserPolicyList": [{"PolicyName": "grants", "PolicyDocument": document}], "GroupList": [],
            "AttachedManagedPolicies": [], "Tags": [],
        })
    }

    /// Those who never do anything: forgotten roles and a user, the role for emergencies, a role of yesterday.
    fn add_idle(
        &self,
        account: &str,
        names: Option<&Vec<String>>,
        (roles, users): (&mut BTreeMap<String, Value>, &mut BTreeMap<String, Value>),
    ) {
        let trust = service_trust("ec2.amazonaws.com");
        let admin = || json!([{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]);
        for name in names.into_iter().flatten().take(3) {
            let mut role = self.bare_role(account, "", name, &trust, &self.day(300, 0));
            let document = allow(["s3:*".to_owned(), "sqs:*".to_owned()]);
            put(&mut role, "RolePolicyList", json!([{"PolicyName": "grants", "PolicyDocument": document}]));
            roles.insert(name.clone(), role);
        }
        let own = policy(json!([{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "sts:AssumeRole",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        }]));
        let mut emergency = self.bare_role(account, "emergency/", "break-glass", &own, &self.day(800, 0));
        put(&mut emergency, "AttachedManagedPolicies", admin());
        put(&mut emergency, "Tags", json!([{"Key": "purpose", "Value": "break-glass"}]));
        roles.insert("break-glass".to_owned(), emergency);
        let last = u64::from(self.config.days.saturating_sub(1));
        let mut young = self.bare_role(account, "", "migration", &trust, &self.day(0, last));
        put(&mut young, "AttachedManagedPolicies", admin());
        roles.insert("migration".to_owned(), young);
        users.insert("former-partner".to_owned(), self.user(account, "former-partner", &allow(["s3:*".to_owned()])));
    }

    fn set_arn(&self, set: &str) -> String {
        let mut hex = Vec::new();
        let place = set.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Rng::at(self.world.seed, &[0x0061, place]).text(&mut hex, HEX, 16);
        format!("arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-{}", String::from_utf8_lossy(&hex))
    }

    /// What a permission set grants: the services of all who have it.
    fn of_set(&self, set: &str) -> Value {
        let people = self.world.actors.iter().filter(|actor| actor.kind == Kind::Person && actor.set == set);
        self.services(&people.collect::<Vec<_>>(), &["rds", "sns", "sagemaker", "glue"])
    }

    /// Permission sets, users, groups, and who has what where. Administrators are a group that has all accounts.
    fn identity_center(&self) -> Value {
        let people: Vec<&Actor> = self.world.actors.iter().filter(|actor| actor.kind == Kind::Person).collect();
        let sets: BTreeSet<&str> = people.iter().map(|actor| actor.set).collect();
        let mut answers = vec![json!({"Instances": [{"InstanceArn": INSTANCE, "IdentityStoreId": "d-9967750fbe"}]})];
        for set in sets {
            let arn = self.set_arn(set);
            answers.push(json!({"PermissionSet": {"Name": set, "PermissionSetArn": arn, "SessionDuration": "PT8H"}}));
            let is_admin = set == "AdministratorAccess";
            let attached = if is_admin { json!([{"Name": set, "Arn": ADMIN}]) } else { json!([]) };
            answers.push(json!({"Of": arn, "Answer": {"AttachedManagedPolicies": attached}}));
            let inline = if is_admin { String::new() } else { self.of_set(set).to_string() };
            answers.push(json!({"Of": arn, "Answer": {"InlinePolicy": inline}}));
        }
        let user_id = |name: &str| self.id("user-", name).to_ascii_lowercase();
        let name_user =
            |name: &str| json!({"UserName": name, "UserId": user_id(name), "IdentityStoreId": "d-9967750fbe"});
        let left = "zoe.left@example.com";
        answers.push(json!({
            "Users": people.iter().map(|actor| name_user(&actor.name)).chain([name_user(left)]).collect::<Vec<_>>(),
        }));
        answers.push(json!({"Groups": [{"GroupId": "group-admins", "DisplayName": "Administrators"}]}));
        let admins = people.iter().filter(|actor| actor.set == "AdministratorAccess").map(|actor| actor.name.as_str());
        let member = |name: &str| json!({"GroupId": "group-admins", "MemberId": {"UserId": user_id(name)}});
        answers.push(json!({"GroupMemberships": admins.chain([left]).map(member).collect::<Vec<_>>()}));
        answers.push(json!({"AccountAssignments": self.assignments(&people, &user_id)}));
        Value::Array(answers)
    }

    fn assignments(&self, people: &[&Actor], user_id: &dyn Fn(&str) -> String) -> Vec<Value> {
        let assigned = |account: &str, set: &str, kind: &str, id: &str| json!({"AccountId": account, "PermissionSetArn": self.set_arn(set), "PrincipalType": kind, "PrincipalId": id});
        let accounts = &self.world.accounts;
        let admins =
            accounts.iter().map(|account| assigned(&account.id, "AdministratorAccess", "GROUP", "group-admins"));
        let others = people.iter().filter(|actor| actor.set != "AdministratorAccess").flat_map(|actor| {
            let places = actor.accounts.iter().filter_map(|place| accounts.get(*place));
            places.map(|account| assigned(&account.id, actor.set, "USER", &user_id(&actor.name)))
        });
        admins.chain(others).collect()
    }

    /// A root with two units, and policies on both levels: regions, leaving, a role that nobody may touch.
    fn organizations(&self) -> Value {
        let id = &self.world.org_id;
        let management = "999900001111";
        let (workloads, security) = ("ou-ab12-workload", "ou-ab12-security");
        let scp = |id: &str, name: &str, statements: Value| {
            json!({"Policy": {
                "PolicySummary": {"Id": id, "Name": name, "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": id == "p-FullAWSAccess"},
                "Content": policy(statements).to_string(),
            }})
        };
        let global = json!([
            "account:*",
            "budgets:*",
            "ce:*",
            "cloudfront:*",
            "health:*",
            "iam:*",
            "organizations:*",
            "route53:*",
            "s3:*",
            "sts:*",
            "support:*",
            "sso:*",
            "identitystore:*",
        ]);
        let everything = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
        let regions = json!([{
            "Sid": "Regions", "Effect": "Deny", "NotAction": global, "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": self.config.regions}},
        }]);
        let leaving = json!([
            {"Sid": "Leaving", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"},
            {"Sid": "Emergency", "Effect": "Deny", "Action": ["iam:DeleteRole", "iam:PutRolePolicy", "iam:AttachRolePolicy",
                "iam:UpdateAssumeRolePolicy"], "Resource": "arn:aws:iam::*:role/emergency/break-glass"},
        ]);
        let targets = |policy: &str, ids: &[&str]| {
            let targets: Vec<Value> = ids.iter().map(|id| json!({"TargetId": id})).collect();
            json!({"Of": policy, "Answer": {"Targets": targets}})
        };
        let account = |account: &super::world::Account| json!({"Id": account.id, "Name": format!("account-{}", account.id), "Status": "ACTIVE"});
        let (last, most) = self.world.accounts.split_last().map_or((None, &[][..]), |(last, most)| (Some(last), most));
        let in_workloads: Vec<Value> = most.iter().map(account).collect();
        let in_security: Vec<Value> = last.map(account).into_iter().collect();
        json!([
            {"Organization": {"Id": id, "MasterAccountId": management, "FeatureSet": "ALL"}},
            {"Roots": [{"Id": "r-ab12", "Name": "Root"}]},
            {"Of": "r-ab12", "Answer": {"OrganizationalUnits": [{"Id": workloads, "Name": "Workloads"}, {"Id": security, "Name": "Security"}]}},
            {"Of": "r-ab12", "Answer": {"Accounts": [{"Id": management, "Name": "management"}]}},
            {"Of": workloads, "Answer": {"Accounts": in_workloads}},
            {"Of": security, "Answer": {"Accounts": in_security}},
            scp("p-FullAWSAccess", "FullAWSAccess", everything),
            scp("p-regions1", "Regions", regions),
            scp("p-leaving1", "Leaving", leaving),
            targets("p-FullAWSAccess", &["r-ab12", workloads, security]),
            targets("p-regions1", &[workloads]),
            targets("p-leaving1", &["r-ab12"]),
        ])
    }
}

fn service_trust(service: &str) -> Value {
    policy(json!([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]))
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}
