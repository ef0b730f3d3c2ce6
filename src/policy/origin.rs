//! Conditions on where calls come from, put on whole statements: what the calls behind one had in common.
//!
//! IAM User Guide, "AWS global condition context keys" (`reference_policies_condition-keys`): `aws:SourceIp` is not in
//! requests through a VPC endpoint and holds only public addresses, `aws:SourceVpce` is only in those through one,
//! `aws:MultiFactorAuthPresent` only in those with temporary credentials. What a service calls on a principal's behalf
//! comes from the service's own network ("Forward access sessions").

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::condition::Conditions;
use super::evidence::Evidence;
use super::options::ConditionKind;
use crate::usage::Origin;

/// Operator and key of each kind of this file.
const KEYS: [(ConditionKind, (&str, &str)); 3] = [
    (ConditionKind::SourceIp, ("IpAddress", "aws:SourceIp")),
    (ConditionKind::SourceVpce, ("StringEquals", "aws:SourceVpce")),
    (ConditionKind::Mfa, ("Bool", "aws:MultiFactorAuthPresent")),
];

/// Whether any is wanted.
pub(crate) fn are_wanted(wanted: &BTreeSet<ConditionKind>) -> bool {
    KEYS.iter().any(|(kind, _)| wanted.contains(kind))
}

/// Those of the wanted conditions that all calls behind a statement met.
pub(crate) fn conditions(
    wanted: &BTreeSet<ConditionKind>,
    evidence: &Evidence,
) -> BTreeMap<(&'static str, &'static str), BTreeSet<String>> {
    let kinds = KEYS.iter().filter(|(kind, _)| wanted.contains(kind));
    kinds.filter_map(|(kind, key)| Some((*key, values(*kind, evidence).ok()?))).collect()
}

/// The wanted conditions that a statement does not have, and why.
pub(crate) fn left_off(wanted: &BTreeSet<ConditionKind>, has: &Conditions, evidence: &Evidence) -> Vec<String> {
    let kinds = KEYS.iter().filter(|(kind, key)| wanted.contains(kind) && !has.own.contains_key(key));
    let line = |(kind, (_, key)): &(ConditionKind, (&str, &str))| {
        let why = values(*kind, evidence).err().unwrap_or("left out so that the policy fits");
        format!("{key}: {why}")
    };
    kinds.map(line).collect()
}

/// The condition's values, or why there are none.
fn values(kind: ConditionKind, evidence: &Evidence) -> Result<BTreeSet<String>, &'static str> {
    let origin = evidence.origin.as_ref().ok_or("the store does not know where all calls came from")?;
    if !evidence.via.is_empty() {
        return Err("some calls were made by a service on the principal's behalf");
    }
    match kind {
        ConditionKind::SourceIp => source_ips(origin),
        ConditionKind::SourceVpce => vpc_endpoints(origin),
        ConditionKind::Mfa => mfa(origin),
        ConditionKind::Region | ConditionKind::CalledVia => Err("no condition on the origin"),
    }
}

fn source_ips(origin: &Origin) -> Result<BTreeSet<String>, &'static str> {
    let (ips, endpoints) = (&origin.source_ips, &origin.vpc_endpoint_ids);
    if !endpoints.items.is_empty() || endpoints.more {
        return Err("some calls came through a VPC endpoint, which hides the address");
    }
    if ips.more {
        return Err("calls came from too many addresses");
    }
    let public = ips.items.iter().map(|text| public_ip(text).map(|ip| ip.to_string()));
    let public: Option<BTreeSet<String>> = public.collect();
    public.filter(|ips| !ips.is_empty()).ok_or("some calls came from no public address")
}

fn vpc_endpoints(origin: &Origin) -> Result<BTreeSet<String>, &'static str> {
    let ids = &origin.vpc_endpoint_ids;
    if origin.without_vpc_endpoint || ids.items.is_empty() {
        return Err("some calls came through no VPC endpoint");
    }
    if ids.more {
        return Err("calls came through too many VPC endpoints");
    }
    if !ids.items.iter().all(|id| is_endpoint_id(id)) {
        return Err("some calls came through what is no VPC endpoint of a known form");
    }
    Ok(ids.items.iter().map(|id| id.to_string()).collect())
}

fn mfa(origin: &Origin) -> Result<BTreeSet<String>, &'static str> {
    let always = origin.with_mfa && !origin.without_mfa && !origin.mfa_not_recorded;
    if always { Ok(BTreeSet::from(["true".to_owned()])) } else { Err("some calls were made without MFA") }
}

/// Nothing from a log may be a variable in a policy.
fn is_endpoint_id(id: &str) -> bool {
    id.strip_prefix("vpce-").is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The address that `aws:SourceIp` held, if the text is one: other networks' own addresses never reach AWS as they are.
pub(crate) fn public_ip(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    let is_own = match ip {
        IpAddr::V4(ip) => is_own_v4(ip),
        IpAddr::V6(ip) => is_own_v6(ip),
    };
    (!is_own).then_some(ip)
}

fn is_own_v4(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    // RFC 6598: between a provider and its customers.
    let is_shared = first == 100 && (64..128).contains(&second);
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast() || is_shared
}

fn is_own_v6(ip: Ipv6Addr) -> bool {
    let mapped = ip.to_ipv4_mapped().is_some();
    ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified() || mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses() {
        for text in ["192.0.2.1", "100.128.0.1", "2001:db8::1"] {
            assert!(public_ip(text).is_some(), "{text}");
        }
        for text in [
            "",
            "10.0.0.1",
            "172.31.0.9",
            "100.64.0.1",
            "169.254.0.1",
            "fd00::1",
            "::ffff:1.2.3.4",
            "AWS Internal",
            "cloudformation.amazonaws.com",
        ] {
            assert!(public_ip(text).is_none(), "{text}");
        }
        assert!(is_endpoint_id("vpce-0a1b2c3d") && !is_endpoint_id("vpce-${aws:x}") && !is_endpoint_id("vpce-"));
    }
}
