//! One record, written as CloudTrail writes it.

use super::actors::Kind;
use super::dates::write_iso;
use super::events::{self, Event};
use super::rng;
use super::scene::Scene;
use super::template::{Template, UnknownHole};

/// An event whose texts are taken apart.
#[derive(Debug)]
pub(super) struct Script {
    pub event: Event,
    on: Template,
    request: Template,
    response: Template,
    resources: Template,
    additional: Template,
    host: Template,
    fault: Template,
    /// The IAM action, for denials.
    action: String,
}

impl Script {
    pub fn all() -> Result<Vec<Script>, UnknownHole> {
        events::all().into_iter().map(Script::new).collect()
    }

    fn new(event: Event) -> Result<Script, UnknownHole> {
        let host = if event.host.is_empty() {
            format!("{}.<region>.amazonaws.com", event.source)
        } else {
            event.host.to_owned()
        };
        let plain = strip_version(event.name);
        Ok(Script {
            on: Template::parse(event.on)?,
            request: Template::parse(event.request)?,
            response: Template::parse(event.response)?,
            resources: Template::parse(event.resources)?,
            additional: Template::parse(event.additional)?,
            host: Template::parse(&host)?,
            fault: Template::parse(event.fault.split_once('|').map_or("", |(_, message)| message))?,
            action: if event.action.is_empty() { format!("{}:{plain}", event.source) } else { event.action.to_owned() },
            event,
        })
    }
}

/// `GetFunction20150331v2` → `GetFunction`.
fn strip_version(name: &str) -> &str {
    match name.find("2015") {
        Some(at) => name.get(..at).unwrap_or(name),
        None => name,
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Well.
    Done,
    /// Refused by IAM.
    Denied,
    /// Allowed, but it failed.
    Failed,
}

/// Which of two accounts' copies of one call this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The only one.
    Only,
    /// The caller's.
    Caller,
    /// That of whose resource it is.
    Owner,
}

/// Writes one record.
pub(super) fn write(script: &Script, end: End, side: Side, scene: &mut Scene<'_>, out: &mut Vec<u8>) {
    let event = &script.event;
    let invoked_by = invoked_by(event, scene);
    scene.is_astray = end == End::Denied;
    let text =
        |out: &mut Vec<u8>, parts: [&str; 3]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    text(out, [r#"{"eventVersion":""#, version(event), r#"","userIdentity":"#]);
    write_identity(event, side, invoked_by, scene, out);
    out.extend_from_slice(br#","eventTime":""#);
    write_iso(scene.time, out);
    text(out, [r#"","eventSource":""#, event.source, r#".amazonaws.com","eventName":""#]);
    text(out, [event.name, r#"","awsRegion":""#, scene.region]);
    text(out, [r#"","sourceIPAddress":""#, invoked_by.unwrap_or(&scene.caller.address), r#"","userAgent":""#]);
    write_agent(invoked_by.or(scene.agent().map(|agent| agent.text.as_str())).unwrap_or_default(), event, out);
    out.push(b'"');
    // The request first: what it takes is what a denial names. It stands behind the error, so it waits.
    let mut request = std::mem::take(&mut scene.scratch);
    request.clear();
    script.request.render(scene, &mut request);
    write_error(script, end, scene, out);
    out.extend_from_slice(br#","requestParameters":"#);
    out.extend_from_slice(&request);
    scene.scratch = request;
    out.extend_from_slice(br#","responseElements":"#);
    if end == End::Done {
        script.response.render(scene, out);
    } else {
        out.extend_from_slice(b"null");
    }
    for (key, template) in [(r#","additionalEventData":"#, &script.additional)] {
        if !template.is_empty() {
            out.extend_from_slice(key.as_bytes());
            template.render(scene, out);
        }
    }
    write_ids(event, side, scene, out);
    if !script.resources.is_empty() {
        out.extend_from_slice(br#","resources":"#);
        script.resources.render(scene, out);
    }
    write_tail(script, end, side, invoked_by, scene, out);
    out.push(b'}');
}

/// A service that calls on the caller's behalf.
fn invoked_by(event: &Event, scene: &mut Scene<'_>) -> Option<&'static str> {
    if matches!(scene.actor.kind, Kind::Service | Kind::Linked) || event.event_type != "AwsApiCall" {
        return None;
    }
    let is_key = event.source == "kms" && matches!(event.name, "Decrypt" | "GenerateDataKey");
    let is_pipeline = scene.actor.kind == Kind::Pipeline;
    match event.source {
        _ if is_key && scene.rng.chance(0.7) => Some("AWS Internal"),
        "glue" | "s3" if scene.actor.set == "DataAnalyst" && scene.rng.chance(0.4) => Some("athena.amazonaws.com"),
        "iam" | "ssm" | "events" if is_pipeline && scene.rng.chance(0.2) => Some("cloudformation.amazonaws.com"),
        _ => None,
    }
}

/// `eventVersion`: services move on at their own pace.
fn version(event: &Event) -> &'static str {
    match event.source {
        "s3" | "dynamodb" | "kms" | "lambda" => "1.11",
        "iam" | "ec2" | "sns" | "sqs" | "glue" => "1.10",
        "ssm" | "logs" | "athena" | "monitoring" => "1.09",
        _ => "1.08",
    }
}

fn write_identity(event: &Event, side: Side, invoked_by: Option<&str>, scene: &Scene<'_>, out: &mut Vec<u8>) {
    let caller = &scene.caller;
    if matches!(event.name, "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity" | "Federate") {
        return caller.write_federated(event.name, out);
    }
    if side == Side::Owner {
        return out.extend_from_slice(&caller.seen_from_outside);
    }
    out.extend_from_slice(&caller.identity);
    let service = match scene.actor.kind {
        Kind::Linked => Some(scene.actor.set),
        _ => invoked_by,
    };
    if let Some(service) = service {
        out.extend_from_slice(br#","invokedBy":""#);
        out.extend_from_slice(service.as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
}

/// S3 writes user agents in brackets.
fn write_agent(agent: &str, event: &Event, out: &mut Vec<u8>) {
    let is_bracketed = event.source == "s3" && agent.contains('/');
    out.extend_from_slice(if is_bracketed { b"[" } else { b"" });
    out.extend_from_slice(agent.as_bytes());
    out.extend_from_slice(if is_bracketed { b"]" } else { b"" });
}

fn write_error(script: &Script, end: End, scene: &mut Scene<'_>, out: &mut Vec<u8>) {
    let event = &script.event;
    let mut text = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    match end {
        End::Done => {}
        End::Failed => {
            let code = event.fault.split_once('|').map_or("InternalFailure", |(code, _)| code);
            text(&[r#","errorCode":""#, code, r#"","errorMessage":""#]);
            script.fault.render(scene, out);
            out.push(b'"');
        }
        End::Denied => {
            text(&[r#","errorCode":""#, events::denial_code(event.source), r#"","errorMessage":""#]);
            if event.source == "ec2" {
                text(&["You are not authorized to perform this operation. "]);
            }
            text(&["User: ", &scene.caller.arn, " is not authorized to perform: ", &script.action, " on resource: "]);
            let quote: &[u8] = if event.source == "s3" { br#"\""# } else { b"" };
            out.extend_from_slice(quote);
            script.on.render(scene, out);
            out.extend_from_slice(quote);
            let why = if scene.actor.set == "AdministratorAccess" {
                " with an explicit deny in a service control policy"
            } else {
                " because no identity-based policy allows the "
            };
            out.extend_from_slice(why.as_bytes());
            if scene.actor.set != "AdministratorAccess" {
                out.extend_from_slice(script.action.as_bytes());
                out.extend_from_slice(b" action");
            }
            out.push(b'"');
        }
    }
}

fn write_ids(event: &Event, side: Side, scene: &mut Scene<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#","requestID":""#);
    match event.source {
        "s3" => scene.rng.text(out, rng::UPPER, 16),
        "dynamodb" | "sqs" if event.data => scene.rng.text(out, rng::UPPER, 52),
        _ => rng::uuid(&mut scene.rng, out),
    }
    out.extend_from_slice(br#"","eventID":""#);
    // The same call has another id in each account.
    let [kind, outer, inner] = scene.place;
    let side = u64::from(side == Side::Owner);
    rng::uuid_at(scene.world.seed, [kind | side << 32, outer, inner], out);
    out.extend_from_slice(if event.read_only { br#"","readOnly":true"# } else { br#"","readOnly":false"# });
}

fn write_tail(
    script: &Script,
    end: End,
    side: Side,
    invoked_by: Option<&str>,
    scene: &mut Scene<'_>,
    out: &mut Vec<u8>,
) {
    let event = &script.event;
    let text =
        |out: &mut Vec<u8>, parts: [&str; 3]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    text(out, [r#","eventType":""#, event.event_type, r#"""#]);
    if !event.api_version.is_empty() {
        text(out, [r#","apiVersion":""#, event.api_version, r#"""#]);
    }
    let recipient = if side == Side::Caller { &scene.caller.account_id } else { &scene.account.id };
    text(out, [r#","managementEvent":"#, if event.data { "false" } else { "true" }, r#","recipientAccountId":""#]);
    text(out, [recipient, "\"", ""]);
    if event.name == "Federate" {
        text(out, [r#","serviceEventDetails":{"role_name":""#, &scene.caller.role, r#"","account_id":""#]);
        text(out, [recipient, r#""}"#, ""]);
    }
    let is_shared = side != Side::Only || scene.actor.kind == Kind::Service;
    if is_shared {
        out.extend_from_slice(br#","sharedEventID":""#);
        rng::uuid(&mut scene.rng, out);
        out.push(b'"');
    }
    let is_inside = matches!(scene.actor.kind, Kind::Function | Kind::Instance) && scene.actor.id.is_multiple_of(3);
    if is_inside && invoked_by.is_none() {
        let mut endpoint = rng::Rng::at(scene.world.seed, &[0x0030, scene.actor.id % 7]);
        out.extend_from_slice(br#","vpcEndpointId":"vpce-0"#);
        endpoint.text(out, rng::HEX, 16);
        text(out, [r#"","vpcEndpointAccountId":""#, recipient, r#"""#]);
    }
    text(out, [r#","eventCategory":""#, if event.data { "Data" } else { "Management" }, r#"""#]);
    let is_console = scene.agent().is_some_and(|agent| agent.is_console);
    let is_direct = invoked_by.is_none() && !matches!(scene.actor.kind, Kind::Service | Kind::Linked);
    if is_direct && event.event_type == "AwsApiCall" && !is_console {
        let new = !scene.actor.id.is_multiple_of(4);
        let (version, suite) =
            if new { ("TLSv1.3", "TLS_AES_128_GCM_SHA256") } else { ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256") };
        text(out, [r#","tlsDetails":{"tlsVersion":""#, version, r#"","cipherSuite":""#]);
        text(out, [suite, r#"","clientProvidedHostHeader":""#, ""]);
        script.host.render(scene, out);
        out.extend_from_slice(br#""}"#);
    } else if is_console && end != End::Failed && event.event_type == "AwsApiCall" {
        out.extend_from_slice(br#","sessionCredentialFromConsole":"true""#);
    }
}
