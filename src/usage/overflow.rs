//! How much of what can be made up without end is kept apart.
//!
//! Rows that differ in nothing but their resources, on one day and within one container (a bucket's objects, a region's
//! instances), are a group. Of a group the [`RESOURCES_MAX`] smallest resources, in the order of their bytes, have
//! exact rows. The further ones are counted in one row whose resource is the container and `*`, with `overflow` set.
//!
//! That depends on the calls of the day alone, not on their order or how they were parted: a resource that is among the
//! smallest of all is among the smallest of each part that has it, so that no part has counted it elsewhere. Sums of
//! sums are the sum of all.
//!
//! A pattern that an event itself leads to (`bucket/*` where keys are not logged) is a resource like any other. It
//! takes nothing in.

/// Distinct resources of a group that are kept apart.
///
/// Measured: in two real archives of 18,436 events 533 of 542 groups have at most 100 resources, and 9, all of services
/// that write logs into a bucket, have more than 500 (at most 1,620). In a made-up archive of 150,000 events in ten
/// days the largest has 232. Any number between leaves everything exact but what never ends; this one leaves room for
/// principals that are busier. A policy doesn't depend on it: what overflowed is read from `events`.
pub const RESOURCES_MAX: usize = 400;

/// What holds a resource: an ARN up to the first `/` or `:` of what it names (`arn:aws:s3:::bucket/` for an object,
/// `…:instance/` for an instance); up to its last colon where there is none, because names of buckets can be made up
/// as well. Nothing where it is no ARN.
pub(super) fn container(resource: &str) -> &str {
    // Bytes, because every row of every sum is asked for it.
    let bytes = resource.as_bytes();
    let mut start = 0;
    for _ in 0..5 {
        match bytes.get(start..).and_then(|rest| memchr::memchr(b':', rest)) {
            Some(at) => start += at + 1,
            None => return "",
        }
    }
    let name = bytes.get(start..).and_then(|rest| memchr::memchr2(b'/', b':', rest));
    resource.get(..name.map_or(start, |at| start + at + 1)).unwrap_or_default()
}

/// The resource of the row for the further ones in a container.
pub(super) fn of_container(container: &str) -> String {
    [container, "*"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers() {
        for (resource, expected) in [
            ("arn:aws:s3:::b/a/b", "arn:aws:s3:::b/"),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/"),
            ("arn:aws:s3:::b", "arn:aws:s3:::"),
            ("arn:aws:ec2:us-east-1:111122223333:instance/i-1", "arn:aws:ec2:us-east-1:111122223333:instance/"),
            ("arn:aws:logs:us-east-1:1:log-group:g:log-stream:s", "arn:aws:logs:us-east-1:1:log-group:"),
            ("arn:aws:apigateway:us-east-1::/restapis/a", "arn:aws:apigateway:us-east-1::/"),
            ("*", ""),
            ("", ""),
            ("arn:aws:s3", ""),
            ("arn:aws:s3:::", "arn:aws:s3:::"),
        ] {
            assert_eq!(container(resource), expected, "{resource}");
        }
    }
}
