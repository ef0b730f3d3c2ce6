//! From `eventSource` and `eventName` to IAM prefixes and the operation's name.

use crate::iam::catalog::Catalog;
use crate::iam::catalog::overrides::overrides;

/// The IAM prefixes that events of a source need actions of, the likeliest first; never empty.
pub(in crate::iam) fn prefixes(catalog: &Catalog, event_source: &str) -> Vec<String> {
    let host = host(event_source);
    let mut prefixes: Vec<String> = Vec::new();
    if let Some(given) = overrides().sources.get(host) {
        prefixes.extend(given.iter().cloned());
    } else {
        let own = catalog.service(host).map(|_| host.to_owned());
        prefixes.extend(own);
        prefixes.extend(catalog.source(host).unwrap_or_default().iter().cloned());
        if prefixes.is_empty() {
            prefixes.extend(related(catalog, host));
        }
    }
    prefixes.retain(|prefix| catalog.service(prefix).is_some());
    let mut seen = std::collections::HashSet::new();
    prefixes.retain(|prefix| seen.insert(prefix.clone()));
    if prefixes.is_empty() {
        prefixes.push(host.rsplit('.').next().unwrap_or(host).to_owned());
    }
    prefixes
}

/// `s3.amazonaws.com` → `s3`, whatever the domain of the partition.
pub(in crate::iam) fn host(event_source: &str) -> &str {
    let end = event_source.find(".amazonaws.").or_else(|| event_source.find(".aws.")).unwrap_or(event_source.len());
    event_source.get(..end).unwrap_or(event_source)
}

/// Prefixes that a host nobody lists may mean: its last or first part, without hyphens, without a version.
fn related(catalog: &Catalog, host: &str) -> Vec<String> {
    let (first, last) = (host.split('.').next().unwrap_or(host), host.rsplit('.').next().unwrap_or(host));
    let bare = host.replace(['-', '.'], "");
    let unversioned = host.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('v').trim_end_matches('-');
    let sliced = host.rsplit_once('-').map_or(host, |(front, _)| front);
    [last, first, &bare, unversioned, sliced]
        .into_iter()
        .filter(|candidate| catalog.service(candidate).is_some())
        .map(str::to_owned)
        .collect()
}

/// Prefixes that share the beginning of one of these: where an action may live that the source's own don't have.
pub(in crate::iam) fn siblings<'c>(catalog: &'c Catalog, prefixes: &[String]) -> Vec<&'c str> {
    let stem = |prefix: &str| prefix.split('-').next().unwrap_or(prefix).to_owned();
    let stems: Vec<String> = prefixes.iter().map(|p| stem(p)).collect();
    catalog.prefixes().into_iter().filter(|p| stems.iter().any(|s| *s == stem(p))).collect()
}

/// An event's name without what CloudTrail puts around the operation's: blanks, and the API's date
/// (`GetFunction20150331v2`, `CreateFunction2020_05_31`). A plain digit or `V2` at the end is part of the name.
pub(in crate::iam) fn operation(event_name: &str) -> &str {
    let name = event_name.trim();
    undated(name).filter(|undated| !undated.is_empty()).unwrap_or(name).trim_end_matches('_')
}

fn undated(name: &str) -> Option<&str> {
    let unversioned = match name.rsplit_once('v') {
        Some((front, version)) if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) => front,
        _ => name,
    };
    strip_date(unversioned).or_else(|| strip_date(name))
}

fn strip_date(name: &str) -> Option<&str> {
    for (length, separators) in [(10, true), (8, false)] {
        let Some((front, date)) = name.len().checked_sub(length).and_then(|at| name.split_at_checked(at)) else {
            continue;
        };
        let is_date = date
            .bytes()
            .enumerate()
            .all(|(i, b)| if separators && (i == 4 || i == 7) { b == b'_' } else { b.is_ascii_digit() });
        if is_date && (date.starts_with("19") || date.starts_with("20")) {
            return Some(front);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_and_nothing_else() {
        for (name, expected) in [
            ("GetFunction20150331v2", "GetFunction"),
            ("ListFunctions20150331", "ListFunctions"),
            ("PublishFunction2020_05_31", "PublishFunction"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("SendSSHPublicKey ", "SendSSHPublicKey"),
            ("CreateVpc2", "CreateVpc2"),
            ("Get20150331", "Get"),
            ("20150331", "20150331"),
        ] {
            assert_eq!(operation(name), expected, "{name}");
        }
    }

    #[test]
    fn sources_that_are_spelled_otherwise() {
        let catalog = Catalog::embedded();
        for (source, expected) in [
            ("s3.amazonaws.com", "s3"),
            ("monitoring.amazonaws.com", "cloudwatch"),
            ("email.amazonaws.com", "ses"),
            ("amazonmq.amazonaws.com", "mq"),
            ("api.ecr.amazonaws.com", "ecr"),
            ("bedrock-runtime.amazonaws.com", "bedrock"),
            ("dynamodb.amazonaws.com.cn", "dynamodb"),
            ("chime-sdk-meetings.amazonaws.com", "chime"),
            ("participant.connect.amazonaws.com", "connect"),
            ("entitlement-marketplace.amazonaws.com", "aws-marketplace"),
            ("metering.marketplace.amazonaws.com", "aws-marketplace"),
            ("runtime.sagemaker.amazonaws.com", "sagemaker"),
            ("runtime-sagemaker.amazonaws.com", "sagemaker"),
            ("data.iot.amazonaws.com", "iot"),
            ("ioteventsdata.amazonaws.com", "iotevents"),
            ("runtime-v2-lex.amazonaws.com", "lex"),
            ("transcribestreaming.amazonaws.com", "transcribe"),
            ("personalize-events.amazonaws.com", "personalize"),
            ("session.qldb.amazonaws.com", "qldb"),
            ("portal.sso.amazonaws.com", "sso"),
            ("sso-oauth.amazonaws.com", "sso-oauth"),
            ("backupstorage.amazonaws.com", "backup-storage"),
            ("s3-object-lambda.amazonaws.com", "s3-object-lambda"),
            ("nobody.example.com", "com"),
        ] {
            let found = prefixes(catalog, source);
            assert_eq!(found.first().map(String::as_str), Some(expected), "{source}");
        }
    }
}
