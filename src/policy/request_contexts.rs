//! What a row tells about its requests. Everything else is unknown.

use super::binding::{create_action, is_impossible};
use super::origin::public_ip;
use crate::iam::arn::Arn;
use crate::iam::evaluate::{Context, ContextValue, PolicySet, Verdict};
use crate::time::{format_time, parse_time};
use crate::usage::{Origin, RequestValues, UsageRow};

/// The points in time that policies name: between two of them nothing changes.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// Microseconds since 1970-01-01 UTC.
    points: Vec<i64>,
    /// Whether a policy speaks of the time at all.
    is_asked: bool,
    /// Whether a policy names a time that cannot be read.
    is_unreadable: bool,
}

impl Times {
    pub(crate) fn of(policies: &PolicySet) -> Times {
        let mut times = Times::default();
        let tests = policies.groups().flat_map(|(_, _, policies)| policies).flat_map(|policy| &policy.statements);
        for (key, values) in tests.flat_map(|statement| &statement.condition).flat_map(|test| &test.keys) {
            let is_epoch = key.eq_ignore_ascii_case("aws:EpochTime");
            if !is_epoch && !key.eq_ignore_ascii_case("aws:CurrentTime") {
                continue;
            }
            times.is_asked = true;
            for value in values {
                let epoch = value.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000_000));
                match epoch.or_else(|| parse_time(value)) {
                    Some(point) => times.points.push(point),
                    None => times.is_unreadable = true,
                }
            }
        }
        times
    }

    /// `aws:CurrentTime` of a row's calls: of the first if it is all the same, else of the first, the last and any
    /// other.
    fn of_row(&self, row: &UsageRow) -> Vec<Option<i64>> {
        let (first, last) = (row.first_time_us, row.last_time_us);
        let is_between = |point: &i64| first <= *point && *point <= last;
        if !self.is_asked {
            Vec::new()
        } else if first == last || !self.is_unreadable && !self.points.iter().any(is_between) {
            vec![Some(first)]
        } else {
            vec![Some(first), Some(last), None]
        }
    }
}

/// The contexts of all calls of a row.
pub(crate) struct RequestContexts<'a> {
    /// What all of them have in common.
    common: Context,
    row: &'a UsageRow,
    requests: &'a RequestValues,
    times: Vec<Option<i64>>,
}

impl<'a> RequestContexts<'a> {
    pub(crate) fn of(row: &'a UsageRow, requests: &'a RequestValues, times: &Times) -> RequestContexts<'a> {
        RequestContexts { common: common(row), row, requests, times: times.of_row(row) }
    }

    /// What becomes of all calls: allowed only if each of them is.
    pub(crate) fn verdict(&self, ask: impl Fn(&Context) -> Verdict) -> Verdict {
        let whole = ask(&self.common);
        if !matches!(whole, Verdict::Depends { .. }) {
            return whole;
        }
        let badness = |verdict: &Verdict| match verdict {
            Verdict::Allowed { .. } => 0,
            Verdict::Depends { .. } => 1,
            Verdict::Denied { .. } => 2,
        };
        self.calls().iter().map(ask).max_by_key(badness).unwrap_or(whole)
    }

    /// Whether any call may have got a verdict like that.
    pub(crate) fn any(&self, ask: impl Fn(&Context) -> Verdict, is_like: impl Fn(&Verdict) -> bool) -> bool {
        let whole = ask(&self.common);
        let calls = if matches!(whole, Verdict::Depends { .. }) { self.calls() } else { Vec::new() };
        if calls.is_empty() { is_like(&whole) } else { calls.iter().map(ask).any(|verdict| is_like(&verdict)) }
    }

    /// One context for each origin, request and time that is known; none where nothing more is. Which session called
    /// from where is not recorded: each of them is taken to have called from everywhere.
    fn calls(&self) -> Vec<Context> {
        let origins = self.origins();
        let mut requests = self.requests.told(self.row);
        requests.retain(|told| !is_impossible(told));
        if origins.is_empty() && requests.is_empty() && self.times.is_empty() {
            return Vec::new();
        }
        let each = |contexts: Vec<Context>, count: usize, set: &dyn Fn(&mut Context, usize)| -> Vec<Context> {
            let of = |context: Context| {
                (0..count).map(move |n| {
                    let mut context = context.clone();
                    set(&mut context, n);
                    context
                })
            };
            if count == 0 { contexts } else { contexts.into_iter().flat_map(of).collect() }
        };
        let calls = vec![self.common.clone()];
        let calls = each(calls, origins.len(), &|context, n| {
            for (key, value) in origins.get(n).into_iter().flatten() {
                context.set(key, value.clone());
            }
        });
        let calls = each(calls, requests.len(), &|context, n| {
            for (key, values) in requests.get(n).into_iter().flat_map(|told| told.iter()) {
                context.set(key, ContextValue::Known(values.clone()));
            }
        });
        each(calls, self.times.len(), &|context, n| {
            if let Some(Some(time_us)) = self.times.get(n) {
                context.set("aws:CurrentTime", known(format_time(*time_us)));
                context.set("aws:EpochTime", known(time_us.div_euclid(1_000_000).to_string()));
            }
        })
    }

    /// Where the calls came from and how their callers had signed in, where that is known.
    fn origins(&self) -> Vec<[(&'static str, ContextValue); 3]> {
        let Some(origin) = self.row.origin.as_ref().filter(|_| self.row.via.is_none()) else { return Vec::new() };
        let sessions = sessions(origin, &self.row.principal_type);
        let of = |(ip, endpoint): (ContextValue, ContextValue)| {
            let with = move |mfa: &ContextValue| {
                [
                    ("aws:SourceIp", ip.clone()),
                    ("aws:SourceVpce", endpoint.clone()),
                    ("aws:MultiFactorAuthPresent", mfa.clone()),
                ]
            };
            sessions.iter().map(with).collect::<Vec<_>>()
        };
        places(origin).into_iter().flat_map(of).collect()
    }
}

fn known(text: impl Into<String>) -> ContextValue {
    ContextValue::Known(vec![text.into()])
}

/// `aws:SourceIp` and `aws:SourceVpce` of the calls: a request has one of them.
fn places(origin: &Origin) -> Vec<(ContextValue, ContextValue)> {
    use ContextValue::{Absent, Unknown};
    let mut places = Vec::new();
    for text in &origin.source_ips.items {
        // A private address came through an endpoint that the record does not name, or from within AWS.
        places.push(public_ip(text).map_or((Unknown, Unknown), |ip| (known(ip.to_string()), Absent)));
    }
    if origin.source_ips.more {
        places.push((Unknown, Absent));
    }
    places.extend(origin.vpc_endpoint_ids.items.iter().map(|id| (Absent, known(id.as_str()))));
    if origin.vpc_endpoint_ids.more {
        places.push((Absent, Unknown));
    }
    places
}

/// `aws:MultiFactorAuthPresent` of the calls: long-term credentials don't have it.
fn sessions(origin: &Origin, principal_type: &str) -> Vec<ContextValue> {
    let is_lasting = matches!(principal_type, "IAMUser" | "Root");
    let silent = if is_lasting { ContextValue::Absent } else { ContextValue::Unknown };
    let kinds =
        [(origin.with_mfa, known("true")), (origin.without_mfa, known("false")), (origin.mfa_not_recorded, silent)];
    kinds.into_iter().filter(|(is_there, _)| *is_there).map(|(_, value)| value).collect()
}

/// What does not depend on the origin.
fn common(row: &UsageRow) -> Context {
    let mut context = Context::new().with("aws:PrincipalArn", row.principal_arn.as_str());
    let mut set = |key: &str, value: &str| {
        if !value.is_empty() {
            context.set(key, ContextValue::Known(vec![value.to_owned()]));
        }
    };
    set("aws:RequestedRegion", &row.aws_region);
    set("aws:PrincipalAccount", &row.account_id);
    set("iam:PassedToService", row.passed_to_service.as_deref().unwrap_or_default());
    set("aws:PrincipalType", principal_type(&row.principal_type));
    if let Some(user) = Arn::parse(&row.principal_arn).and_then(|arn| arn.resource.strip_prefix("user/")) {
        set("aws:username", user.rsplit('/').next().unwrap_or_default());
    }
    let action = row.action.as_deref().unwrap_or_default();
    if action.starts_with("ec2:") {
        set("ec2:Region", &row.aws_region);
    }
    if action == "ec2:CreateTags" {
        set("ec2:CreateAction", create_action(row).unwrap_or_default());
    }
    if row.principal_type == "AssumedRole" {
        // IAM User Guide, `reference_policies_variables`: "not present" for roles.
        context.set("aws:username", ContextValue::Absent);
    }
    match &row.via {
        Some(service) => {
            context.set("aws:CalledVia", ContextValue::Known(vec![service.to_string()]));
            context.set("aws:ViaAWSService", ContextValue::Known(vec!["true".to_owned()]));
        }
        None => {
            context.set("aws:CalledVia", ContextValue::Absent);
            context.set("aws:ViaAWSService", ContextValue::Known(vec!["false".to_owned()]));
        }
    }
    context
}

/// IAM User Guide, "AWS global condition context keys", `aws:PrincipalType`.
fn principal_type(cloudtrail: &str) -> &'static str {
    match cloudtrail {
        "Root" => "Account",
        "IAMUser" => "User",
        "AssumedRole" => "AssumedRole",
        "FederatedUser" => "FederatedUser",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Catalog;
    use crate::iam::document::Policy;
    use crate::iam::evaluate::PolicySet;
    use crate::policy::replay::{Replay, replay};
    use crate::usage::{Smallest, Text};

    fn ips(texts: &[&str], more: bool) -> Origin {
        let items = texts.iter().map(|text| Text::from(*text)).collect();
        let source_ips = Smallest { items, more };
        Origin { source_ips, without_vpc_endpoint: true, with_mfa: true, ..Origin::default() }
    }

    fn endpoints(ids: &[&str]) -> Origin {
        let items = ids.iter().map(|id| Text::from(*id)).collect();
        Origin { vpc_endpoint_ids: Smallest { items, more: false }, without_mfa: true, ..Origin::default() }
    }

    fn replayed(condition: &str, origin: Option<Origin>, via: Option<&str>) -> Replay {
        let mut row = crate::policy::properties::row("ec2:DescribeInstances", "*");
        (row.origin, row.via) = (origin, via.map(Text::from));
        let policy =
            format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}]}}"#);
        let set = PolicySet::of_identity(vec![Policy::parse(&policy).unwrap()]);
        replay(&set, &[row], Catalog::embedded())
    }

    #[track_caller]
    fn check(condition: &str, origin: Origin, expected: &str) {
        let replay = replayed(condition, Some(origin), None);
        let found = match (replay.allowed, replay.denied, replay.depends) {
            (3, 0, 0) => "allowed",
            (0, 3, 0) => "denied",
            (0, 0, 3) => "depends",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{condition}");
    }

    #[test]
    fn every_address_must_be_allowed() {
        let one = r#"{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}"#;
        let net = r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#;
        check(one, ips(&["192.0.2.1"], false), "allowed");
        check(one, ips(&["192.0.2.1", "192.0.2.2"], false), "denied");
        check(net, ips(&["192.0.2.1", "192.0.2.2"], false), "allowed");
        check(net, ips(&["192.0.2.1"], true), "depends");
        check(net, ips(&["192.0.2.1", "AWS Internal"], false), "depends");
        check(net, ips(&["10.0.0.1"], false), "depends");
        check(net, endpoints(&["vpce-1"]), "denied");
        check(r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.1"}}"#, ips(&["192.0.2.1", "192.0.2.2"], false), "denied");
    }

    #[test]
    fn endpoints_and_mfa() {
        let endpoint = r#"{"StringEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}}"#;
        check(endpoint, endpoints(&["vpce-1", "vpce-2"]), "allowed");
        check(endpoint, endpoints(&["vpce-1", "vpce-3"]), "denied");
        check(endpoint, Origin { without_mfa: false, ..ips(&["192.0.2.1"], false) }, "denied");
        let mfa = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
        check(mfa, ips(&["192.0.2.1"], false), "allowed");
        check(mfa, Origin { without_mfa: true, ..ips(&["192.0.2.1"], false) }, "denied");
        check(mfa, Origin { mfa_not_recorded: true, ..ips(&["192.0.2.1"], false) }, "depends");
    }

    /// A row's calls have times between its first and its last: only what is the same for all of them is known.
    #[test]
    fn the_time_is_known() {
        let first = format_time(crate::policy::properties::row("s3:GetObject", "*").first_time_us);
        assert_eq!(first, "2023-11-14T22:13:20Z");
        let check = |condition: &str, expected: &str| check(condition, ips(&["192.0.2.1"], false), expected);
        check(r#"{"DateGreaterThan":{"aws:CurrentTime":"2023-01-01T00:00:00Z"}}"#, "allowed");
        check(r#"{"DateLessThan":{"aws:CurrentTime":"2023-01-01T00:00:00Z"}}"#, "denied");
        check(r#"{"DateLessThan":{"aws:CurrentTime":"2023-11-14T22:14:00Z"}}"#, "denied");
        check(r#"{"DateNotEquals":{"aws:CurrentTime":"2023-11-14T22:14:00Z"}}"#, "depends");
        check(r#"{"NumericGreaterThan":{"aws:EpochTime":"1600000000"}}"#, "allowed");
        check(r#"{"StringEquals":{"ec2:Region":"eu-west-1"}}"#, "allowed");
        check(r#"{"StringEquals":{"ec2:Region":"us-east-1"}}"#, "denied");
        check(r#"{"StringLike":{"aws:username":"*"}}"#, "denied");
    }

    #[test]
    fn what_was_not_recorded_is_not_known() {
        let condition = r#"{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}"#;
        assert_eq!(replayed(condition, None, None).depends, 3);
        let through_a_service = Some("cloudformation.amazonaws.com");
        assert_eq!(replayed(condition, Some(ips(&["192.0.2.1"], false)), through_a_service).depends, 3);
    }
}
