//! Who calls: `userIdentity`, address and user agent.

use super::actors::{Actor, Kind};
use super::agents::{Agent, agents};
use super::dates::write_iso;
use super::rng::{HEX, Rng, UPPER};
use super::world::World;

/// The caller of one event.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// ARN of the session or user; of a service its host name.
    pub arn: String,
    /// Name of the session or user.
    pub session: String,
    /// Name of the role; empty where there is none.
    pub role: String,
    /// Path of the role, without the first slash.
    pub role_path: String,
    /// `sourceIPAddress`
    pub address: String,
    /// What it calls with, one or the other.
    pub agents: Vec<Agent>,
    /// `userIdentity` without its last brace.
    pub identity: Vec<u8>,
    /// The same as another account sees it, whole.
    pub seen_from_outside: Vec<u8>,
    /// Account of the caller.
    pub account_id: String,
    principal_id: String,
}

const HOUR: i64 = 3600;

/// How long a session of an actor lasts, in seconds.
pub(super) fn session_seconds(kind: Kind) -> i64 {
    match kind {
        Kind::Person => 8 * HOUR,
        Kind::Pipeline => HOUR / 4,
        Kind::Instance => 6 * HOUR,
        _ => HOUR,
    }
}

impl Caller {
    /// The actor as it is in one account during one session, the `epoch`-th since 1970.
    #[expect(clippy::cast_sign_loss, reason = "made-up numbers within the bounds that the configuration sets")]
    pub fn new(
        world: &World,
        actor: &Actor,
        (account, account_id): (usize, &str),
        instance: &str,
        epoch: i64,
    ) -> Caller {
        let lasts = session_seconds(actor.kind);
        let mut caller = Caller { account_id: account_id.to_owned(), ..Caller::default() };
        let mut session = Rng::at(world.seed, &[0x0020, actor.id, account as u64, epoch as u64]);
        let mut fixed = Rng::at(world.seed, &[0x0021, actor.id, account as u64]);
        caller.name_role(world, actor, &mut fixed);
        caller.name_session(actor, instance, &mut session);
        caller.principal_id = id(if actor.kind == Kind::User { "AIDA" } else { "AROA" }, 17, &mut fixed);
        let began = epoch * lasts - session.below(600) as i64;
        let key = if actor.kind == Kind::User { id("AKIA", 16, &mut fixed) } else { id("ASIA", 16, &mut session) };
        caller.arn = match actor.kind {
            Kind::User => format!("arn:aws:iam::{account_id}:user/{}", actor.name),
            Kind::Root => format!("arn:aws:iam::{account_id}:root"),
            Kind::Service => actor.name.clone(),
            _ => format!("arn:aws:sts::{account_id}:assumed-role/{}/{}", caller.role, caller.session),
        };
        caller.place(actor, &mut session, &mut fixed);
        caller.write_identity(actor, &key, began);
        caller
    }

    fn name_role(&mut self, world: &World, actor: &Actor, fixed: &mut Rng) {
        (self.role, self.role_path) = match actor.kind {
            Kind::Person => {
                // us-east-1 is where the path has no region (IAM Identity Center User Guide).
                let region =
                    if world.home_region == "us-east-1" { String::new() } else { format!("{}/", world.home_region) };
                // The same permission set in the same account is the same role for everybody.
                let set = name_number(actor.set);
                let mut role = Rng::at(world.seed, &[0x0022, set, name_number(&self.account_id)]);
                *fixed = Rng::at(world.seed, &[0x0023, set, name_number(&self.account_id)]);
                let mut hex = Vec::new();
                role.text(&mut hex, HEX, 16);
                let hex = String::from_utf8_lossy(&hex).into_owned();
                (format!("AWSReservedSSO_{}_{hex}", actor.set), format!("aws-reserved/sso.amazonaws.com/{region}"))
            }
            Kind::Function => (actor.name.clone(), "service-role/".to_owned()),
            Kind::Linked => (actor.name.clone(), format!("aws-service-role/{}/", actor.set)),
            Kind::Pipeline | Kind::Instance => (actor.name.clone(), String::new()),
            Kind::User | Kind::Service | Kind::Root => (String::new(), String::new()),
        };
    }

    fn name_session(&mut self, actor: &Actor, instance: &str, session: &mut Rng) {
        self.session = match actor.kind {
            Kind::Person | Kind::User => actor.name.clone(),
            Kind::Pipeline if actor.id.is_multiple_of(2) => "GitHubActions".to_owned(),
            Kind::Pipeline => format!("run-{}", 4_000_000_000 + session.next() % 5_000_000_000),
            Kind::Function => actor.name.replace("lambda-", ""),
            Kind::Instance => instance.to_owned(),
            Kind::Linked => actor.set.split('.').next().unwrap_or("aws").to_owned(),
            Kind::Service | Kind::Root => actor.name.clone(),
        };
    }

    /// Where it calls from, and with what.
    fn place(&mut self, actor: &Actor, session: &mut Rng, fixed: &mut Rng) {
        const MACHINES: &[u8] = &[3, 18, 34, 52, 54];
        self.agents = agents(actor, session.below(40));
        self.address = match actor.kind {
            Kind::Service => actor.name.clone(),
            Kind::Linked => actor.set.to_owned(),
            // At the office, three of them, or at home.
            Kind::Person | Kind::Root if session.chance(0.7) => {
                public(&[81, 93, 185, 212], &mut Rng::at(3, &[actor.id % 3]))
            }
            Kind::Person | Kind::Root => public(&[81, 93, 185, 212], &mut Rng::at(4, &[actor.id])),
            Kind::Pipeline => public(&[20, 40, 52, 13, 172], session),
            // The service's machines: another one every now and then.
            Kind::Function => public(MACHINES, &mut Rng::at(5, &[session.next() % 400])),
            Kind::Instance => public(MACHINES, &mut Rng::at(6, &[fixed.next(), name_number(&self.session)])),
            Kind::User => public(&[62, 78, 109], &mut Rng::at(7, &[actor.id, session.next() % 3])),
        };
    }

    fn write_identity(&mut self, actor: &Actor, key: &str, began: i64) {
        let Caller { arn, session, role, role_path, account_id, principal_id, identity, .. } = self;
        identity.clear();
        let text = match actor.kind {
            Kind::Service => format!(r#"{{"type":"AWSService","invokedBy":"{}""#, actor.name),
            Kind::User => format!(
                r#"{{"type":"IAMUser","principalId":"{principal_id}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","userName":"{session}""#
            ),
            Kind::Root => format!(
                r#"{{"type":"Root","principalId":"{account_id}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","sessionContext":{{"attributes":{{"creationDate":""#
            ),
            _ => format!(
                r#"{{"type":"AssumedRole","principalId":"{principal_id}:{session}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{principal_id}","arn":"arn:aws:iam::{account_id}:role/{role_path}{role}","accountId":"{account_id}","userName":"{role}"}},"#
            ),
        };
        identity.extend_from_slice(text.as_bytes());
        match actor.kind {
            Kind::Service | Kind::User => {}
            Kind::Root => {
                write_iso(began, identity);
                identity.extend_from_slice(br#"","mfaAuthenticated":"true"}}"#);
            }
            kind => {
                if kind == Kind::Pipeline {
                    let provider = "oidc-provider/token.actions.githubusercontent.com";
                    let text = format!(
                        r#""webIdFederationData":{{"federatedProvider":"arn:aws:iam::{account_id}:{provider}","attributes":{{}}}},"#
                    );
                    identity.extend_from_slice(text.as_bytes());
                }
                identity.extend_from_slice(br#""attributes":{"creationDate":""#);
                write_iso(began, identity);
                identity.extend_from_slice(br#"","mfaAuthenticated":"false"}"#);
                if kind == Kind::Instance {
                    identity.extend_from_slice(br#","ec2RoleDelivery":"2.0""#);
                }
                identity.push(b'}');
                if kind == Kind::Function {
                    let text = format!(
                        r#","inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:us-east-1:{account_id}:function:{session}"}}"#
                    );
                    identity.extend_from_slice(text.as_bytes());
                }
            }
        }
        let outside = match actor.kind {
            Kind::Service => format!(r#"{{"type":"AWSService","invokedBy":"{}"}}"#, actor.name),
            Kind::User => {
                format!(r#"{{"type":"AWSAccount","principalId":"{principal_id}","accountId":"{account_id}"}}"#)
            }
            _ => format!(
                r#"{{"type":"AWSAccount","principalId":"{principal_id}:{session}","accountId":"{account_id}"}}"#
            ),
        };
        self.seen_from_outside.clear();
        self.seen_from_outside.extend_from_slice(outside.as_bytes());
    }

    /// `userIdentity` of those events in which the caller isn't a principal of the account yet.
    pub fn write_federated(&self, event_name: &str, out: &mut Vec<u8>) {
        let Caller { session, account_id, principal_id, .. } = self;
        let text = match event_name {
            "AssumeRoleWithWebIdentity" => {
                let provider = format!("arn:aws:iam::{account_id}:oidc-provider/token.actions.githubusercontent.com");
                let subject = "repo:example/platform:ref:refs/heads/main";
                format!(
                    r#"{{"type":"WebIdentityUser","principalId":"{provider}:sts.amazonaws.com:{subject}","userName":"{subject}","identityProvider":"{provider}"}}"#
                )
            }
            "AssumeRoleWithSAML" => format!(
                r#"{{"type":"SAMLUser","principalId":"{principal_id}=:{session}","userName":"{session}","identityProvider":"{principal_id}="}}"#
            ),
            _ => format!(
                r#"{{"type":"IdentityCenterUser","accountId":"{account_id}","onBehalfOf":{{"userId":"{}","identityStoreArn":"arn:aws:identitystore::{account_id}:identitystore/d-9067642ac7"}},"credentialId":"{principal_id}"}}"#,
                user_id(session)
            ),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// A public address that begins with one of these.
fn public(first: &[u8], rng: &mut Rng) -> String {
    let first = rng.pick(first).copied().unwrap_or(52);
    format!("{first}.{}.{}.{}", rng.below(256), rng.below(256), 1 + rng.below(254))
}

/// A number that belongs to a name.
fn name_number(name: &str) -> u64 {
    name.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

fn id(prefix: &str, len: usize, rng: &mut Rng) -> String {
    let mut out = prefix.as_bytes().to_vec();
    rng.text(&mut out, UPPER, len);
    String::from_utf8_lossy(&out).into_owned()
}

/// A person's id in the identity store: the same in every account.
fn user_id(mail: &str) -> String {
    let mut out = Vec::new();
    super::rng::uuid(&mut Rng::at(8, &[name_number(mail)]), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
