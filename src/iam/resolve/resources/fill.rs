//! ARN formats filled with what a request says.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::arn::{RegionAccount, escape, partition_of};
use crate::iam::request::params::VALUES_MAX;

/// Resources that one call has of a type at the most.
pub(in crate::iam) const RESOURCES_MAX: usize = VALUES_MAX;

/// A form with its variables filled; what `value` doesn't know becomes `*`.
pub(in crate::iam) fn fill<'v>(
    form: &ArnFormat,
    event: RegionAccount<'_>,
    value: impl Fn(usize) -> Option<&'v str>,
) -> String {
    let mut out = String::with_capacity(96);
    for piece in &form.pieces {
        out.push_str(match piece {
            Piece::Literal(text) => text,
            Piece::Partition => partition_of(event.aws_region),
            Piece::Region => event.region(),
            Piece::Account => event.account(),
            Piece::Name(at) => value(*at).unwrap_or("*"),
        });
    }
    // `*` behind `*` means no more than one.
    static STARS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("**"));
    while STARS.find(out.as_bytes()).is_some() {
        out = out.replace("**", "*");
    }
    reserved_path(out)
}

/// Roles of Identity Center and service-linked roles have paths that requests don't say.
/// Source: IAM Identity Center User Guide, "Referencing permission sets"; IAM User Guide, "Service-linked roles".
fn reserved_path(arn: String) -> String {
    static ROLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(":role/"));
    if ROLE.find(arn.as_bytes()).is_none() {
        return arn;
    }
    match arn.split_once(":role/") {
        Some((head, name)) if name.starts_with("AWSReservedSSO_") => {
            format!("{head}:role/aws-reserved/sso.amazonaws.com/*{name}")
        }
        Some((head, name)) if name.starts_with("AWSServiceRoleFor") => format!("{head}:role/aws-service-role/*/{name}"),
        _ => arn,
    }
}

/// A role's ARN by its name, in the account of the event.
pub(in crate::iam) fn role_arn(name: &str, event: RegionAccount<'_>) -> String {
    reserved_path(format!("{}:role/{}", event.global_arn("iam"), escape(name.trim_start_matches('/'))))
}
