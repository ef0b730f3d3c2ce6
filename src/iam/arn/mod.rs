//! ARNs: `arn:partition:service:region:account:resource`.
//!
//! Source: AWS General Reference, "Amazon Resource Names (ARNs)".

pub(in crate::iam) mod arn_format;
pub(in crate::iam) mod wildcard;

use std::borrow::Cow;
use std::fmt::Write;

/// An ARN's parts, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// `s3`.
    pub service: &'a str,
    /// Empty for global services.
    pub region: &'a str,
    /// Empty where the resource's name is unique without it.
    pub account: &'a str,
    /// Everything behind.
    pub resource: &'a str,
}

/// Regions and accounts are letters, digits and hyphens.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether a text is twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

impl<'a> Arn<'a> {
    /// Reads an ARN; `None` for anything else.
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let rest = text.strip_prefix("arn:")?;
        let (mut colons, mut begin) = (memchr::memchr_iter(b':', rest.as_bytes()), 0);
        let mut part = || {
            let end = colons.next()?;
            let part = rest.get(begin..end);
            begin = end + 1;
            part
        };
        let (partition, service, region, account) = (part()?, part()?, part()?, part()?);
        let arn = Arn { partition, service, region, account, resource: rest.get(begin..)? };
        (!arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty()).then_some(arn)
    }
}

/// The partition that a region belongs to.
pub fn partition_of(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        Some(region) if region.starts_with("us-iso-") => "aws-iso",
        Some(region) if region.starts_with("us-isob-") => "aws-iso-b",
        Some(region) if region.starts_with("eu-isoe-") => "aws-iso-e",
        Some(region) if region.starts_with("us-isof-") => "aws-iso-f",
        Some(region) if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// A text from a log as part of a `Resource` element: what IAM would read as a wildcard or variable is written as the
/// variable that stands for the character, so that nobody's choice of a name widens a policy.
///
/// Source: IAM User Guide, "IAM policy elements: Variables and tags", "Specifying special characters".
pub fn escape(text: &str) -> String {
    escaped(text).into_owned()
}

/// As [`escape`], without a copy where there is nothing to escape.
pub(in crate::iam) fn escaped(text: &str) -> Cow<'_, str> {
    // No branch within: most texts are plain, and so they are looked at many bytes at a time.
    let special = |b: &u8| *b < b' ' || *b >= 0x7f || *b == b'*' || *b == b'?' || *b == b'$';
    if !text.as_bytes().chunks(32).any(|bytes| bytes.iter().fold(false, |any, b| any | special(b))) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => out.push_str("${*}"),
            '?' => out.push_str("${?}"),
            '$' if chars.peek() == Some(&'{') => out.push_str("${$}"),
            // No ARN holds one; IAM would refuse the policy.
            c if c.is_control() => {
                let _ = write!(out, "?");
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Stands in an ARN where the record told something that is no name, region or account: it matches nothing. IAM would
/// read it as a variable that there is none of; no text of a record comes out of [`escape`] like this.
pub(crate) const NO_NAME: &str = "${}";

/// The region and the account that an ARN is in. Rules see the region and account of a call as this.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct RegionAccount<'a> {
    pub aws_region: Option<&'a str>,
    pub account_id: Option<&'a str>,
}

impl<'a> RegionAccount<'a> {
    /// The region in an ARN: any where the record tells none, nobody's where it tells what can't be one.
    pub fn region(self) -> &'a str {
        plain_or_nobodys(self.aws_region)
    }

    /// Likewise the account.
    pub fn account(self) -> &'a str {
        plain_or_nobodys(self.account_id)
    }

    /// What a service's ARNs begin with here, up to the account.
    pub fn arn(self, service: &str) -> String {
        format!("arn:{}:{service}:{}:{}", partition_of(self.aws_region), self.region(), self.account())
    }

    /// Likewise of a service that has no regions.
    pub fn global_arn(self, service: &str) -> String {
        format!("arn:{}:{service}::{}", partition_of(self.aws_region), self.account())
    }
}

fn plain_or_nobodys(told: Option<&str>) -> &str {
    match told {
        None | Some("") => "*",
        Some(told) if is_plain(told) => told,
        Some(_) => NO_NAME,
    }
}

/// Whether a text begins like an ARN.
pub(in crate::iam) fn is_like_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

/// Whether a text is the ARN of a role.
pub(in crate::iam) fn is_role_arn(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let arn = Arn::parse("arn:aws-cn:lambda:cn-north-1:111122223333:function:f:1");
        assert_eq!(arn.map(|a| (a.partition, a.region, a.resource)), Some(("aws-cn", "cn-north-1", "function:f:1")));
        for text in ["", "arn:aws:s3", "arn:aws:s3:::", "urn:aws:s3:::b", "arn::s3:::b"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_never_widen() {
        assert_eq!(escape("a*b?c${aws:x}$"), "a${*}b${?}c${$}{aws:x}$");
        assert_eq!(escape("plain/key-1.json"), "plain/key-1.json");
    }
}
