//! Logs of other services in the same folders as CloudTrail's. Their content identifies them: lines of text, or JSON.
//!
//! Source: the user guides of Elastic Load Balancing ("Access logs"), Amazon VPC ("Flow log records"), Amazon S3 ("Server
//! access log format"), Amazon CloudFront ("Standard log file format"), AWS Config, Amazon GuardDuty, AWS WAF, Route 53
//! Resolver, AWS Network Firewall, Amazon EKS and AWS Security Hub.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "other services", read };

/// Fields that only records of a service have together, and what they are called.
const FIELDS: [(&[&str], &str); 10] = [
    (&["configurationItems"], CONFIG),
    (&["configurationItem", "messageType"], CONFIG),
    (&["configurationItemCaptureTime", "resourceType"], CONFIG),
    (&["schemaVersion", "accountId", "service", "severity"], "GuardDuty findings"),
    (&["SchemaVersion", "ProductArn", "AwsAccountId"], "Security Hub findings"),
    (&["webaclId", "httpRequest"], "WAF logs"),
    (&["query_name", "rcode", "srcaddr"], "Route 53 Resolver query logs"),
    (&["firewall_name", "event_timestamp"], "Network Firewall logs"),
    (&["srcaddr", "dstaddr"], FLOW),
    (&["auditID", "verb", "requestURI"], "Kubernetes audit logs"),
];

const CONFIG: &str = "Config items";
const FLOW: &str = "VPC flow logs";
const LOAD_BALANCER: &str = "load balancer logs";

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    of_names(&|name| object.has(name)).map(Content::Other)
}

/// What has fields of these names, if it is a known other log.
pub(in crate::archive) fn of_names(has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    FIELDS.iter().find(|(names, _)| names.iter().all(|name| has(name))).map(|(_, kind)| *kind)
}

/// What lines of text are, if they are a known other log. Its first line tells; but a text in which events may stand is
/// looked at line by line, so that no such line hides them.
pub(super) fn of_text(bytes: &[u8]) -> Option<&'static str> {
    const LINE_MAX: usize = 4 << 10;
    if memchr::memmem::find(bytes, b"eventName").is_some() {
        return None;
    }
    let begin = bytes.get(..LINE_MAX.min(bytes.len()))?;
    let line = begin.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    // A URL in it may be cut within a character.
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_ascii_whitespace().take(12).collect();
    let is_flow = is_flow_header(&words) || is_flow_record(&words);
    match words.as_slice() {
        ["#Version:" | "#Fields:", ..] => Some("CloudFront logs"),
        _ if is_flow => Some(FLOW),
        _ if is_load_balancer(&words) => Some(LOAD_BALANCER),
        _ if is_server_access(&words) => Some("S3 server access logs"),
        _ => None,
    }
}

/// The first line of a file of flow logs names its fields, in any order.
fn is_flow_header(words: &[&str]) -> bool {
    const FIELDS: [&str; 12] = [
        "version",
        "account-id",
        "interface-id",
        "srcaddr",
        "dstaddr",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "start",
        "vpc-id",
    ];
    words.len() >= 4 && words.iter().filter(|word| FIELDS.contains(word)).count() >= 4
}

/// `2 123456789012 eni-… …`, a record in the default form.
fn is_flow_record(words: &[&str]) -> bool {
    matches!(words, ["2" | "3" | "4" | "5", account, interface, ..]
        if crate::iam::arn::is_account_id(account) && interface.starts_with("eni-"))
}

/// `http TIME app/NAME/ID …`, `tls 2.0 TIME net/NAME/ID …`, and the classic `TIME NAME IP:PORT IP:PORT …`.
fn is_load_balancer(words: &[&str]) -> bool {
    let is_time = |word: &str| word.len() > 20 && word.ends_with('Z') && word.as_bytes().get(10) == Some(&b'T');
    let is_address =
        |word: &str| word == "-" || word.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match words {
        ["http" | "https" | "h2" | "ws" | "wss" | "grpcs", time, name, ..] => is_time(time) && name.starts_with("app/"),
        ["tls", _, time, name, ..] => name.starts_with("net/") && time.as_bytes().get(10) == Some(&b'T'),
        [time, _, client, backend, duration, ..] => {
            is_time(time) && is_address(client) && is_address(backend) && duration.parse::<f64>().is_ok()
        }
        _ => false,
    }
}

/// `OWNER BUCKET [06/Feb/2019:00:00:38 +0000] IP …`: the owner is 64 hexadecimal digits.
fn is_server_access(words: &[&str]) -> bool {
    let is_owner = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(words, [owner, _, time, zone, ..] if is_owner(owner) && time.starts_with('[') && zone.ends_with(']'))
}
