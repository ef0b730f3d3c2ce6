//! One row of the `usage` table: the plain type that crosses from usage to policy.

use super::origin::Origin;
use super::shared_str::Text;
pub use crate::iam::Outcome;

/// One principal × session × action × resource × outcome × day, with how often and when. `T` is a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow<T = Text> {
    /// Day of the events, UTC, in days since 1970-01-01.
    pub event_date: i32,
    /// The account in which the principal lives (twelve digits), or empty when no record says.
    pub account_id: T,
    /// ARN of the principal: role (with path), user, root, …
    pub principal_arn: T,
    /// CloudTrail's `userIdentity.type`: `AssumedRole`, `IAMUser`, `Root`, …
    pub principal_type: T,
    /// Identity Center permission set of an `AWSReservedSSO_*` role.
    pub permission_set: Option<T>,
    /// Role session name: for Identity Center roles, the person.
    pub session_name: Option<T>,
    /// IAM action in the catalogue's casing (`s3:GetObject`); `None` for events that need no permission.
    pub action: Option<T>,
    /// An ARN, an ARN pattern, or `*`, as the event says it; with `overflow` a container and `*`.
    pub resource: T,
    /// Allowed, denied, or undecided.
    pub outcome: Outcome,
    /// How the action is known: `stated`, `documented`, `catalogued`, `inferred`, `unverified`.
    pub confidence: T,
    /// Name of the rule that led from the event to the action, or why no permission is needed.
    pub rule: T,
    /// The service the role is handed to (`lambda.amazonaws.com`); `iam:PassRole` only.
    pub passed_to_service: Option<T>,
    /// CloudTrail's `eventSource`.
    pub event_source: T,
    /// CloudTrail's `eventName`.
    pub event_name: T,
    /// CloudTrail's `awsRegion`.
    pub aws_region: T,
    /// `userIdentity.invokedBy`: the service that made the call on the principal's behalf.
    pub via: Option<T>,
    /// How many events.
    pub event_count: u64,
    /// Time of the first event, microseconds since 1970-01-01 UTC.
    pub first_time_us: i64,
    /// Time of the last event, microseconds since 1970-01-01 UTC.
    pub last_time_us: i64,
    /// `eventID` of one of these events, the earliest, for looking it up.
    pub example_event_id: T,
    /// Whether the rows were seen only in the account that was called, whose record knows less of the caller.
    pub cross_account: bool,
    /// Whether the row counts further resources of a container (`resource` is the container and `*`), beside those
    /// that have rows of their own.
    pub overflow: bool,
    /// Where the calls came from; `None` in rows of stores that didn't record it.
    pub origin: Option<Origin<T>>,
}

impl UsageRow {
    /// One allowed call on a resource.
    #[cfg(test)]
    pub fn example(resource: &str) -> UsageRow {
        UsageRow {
            event_date: 0,
            account_id: "111122223333".into(),
            principal_arn: "arn:aws:iam::111122223333:user/ann".into(),
            principal_type: "IAMUser".into(),
            permission_set: None,
            session_name: None,
            action: Some("s3:GetObject".into()),
            resource: resource.into(),
            outcome: Outcome::Allowed,
            confidence: "documented".into(),
            rule: "override".into(),
            passed_to_service: None,
            event_source: "s3.amazonaws.com".into(),
            event_name: "GetObject".into(),
            aws_region: "eu-west-1".into(),
            via: None,
            event_count: 1,
            first_time_us: 7,
            last_time_us: 7,
            example_event_id: "x".into(),
            cross_account: false,
            overflow: false,
            origin: None,
        }
    }

    /// The order of rows in a file: the table's sort order, then everything else, so that the same rows always make
    /// the same file.
    ///
    /// What `stored_order` does sooner.
    #[cfg(test)]
    pub fn stored_order(a: &UsageRow, b: &UsageRow) -> std::cmp::Ordering {
        fn key(row: &UsageRow) -> impl Ord + '_ {
            let main =
                (&row.account_id, &row.principal_arn, &row.event_source, &row.event_name, &row.action, &row.resource);
            let who = (&row.principal_type, &row.permission_set, &row.session_name, &row.via, &row.aws_region);
            let how =
                (row.outcome, &row.confidence, &row.rule, &row.passed_to_service, row.cross_account, row.overflow);
            (main, who, how, row.event_date, row.first_time_us, &row.example_event_id)
        }
        key(a).cmp(&key(b))
    }

    /// Whether two rows count the same thing on the same day.
    #[cfg(test)]
    pub fn same_use(a: &UsageRow, b: &UsageRow) -> bool {
        fn key(row: &UsageRow) -> impl PartialEq + '_ {
            let main =
                (&row.account_id, &row.principal_arn, &row.event_source, &row.event_name, &row.action, &row.resource);
            let who = (&row.principal_type, &row.permission_set, &row.session_name, &row.via, &row.aws_region);
            (
                main,
                who,
                (row.outcome, &row.confidence, &row.rule, &row.passed_to_service, row.cross_account, row.overflow),
                row.event_date,
            )
        }
        key(a) == key(b)
    }

    /// Adds another row's counts to this one.
    pub fn absorb(&mut self, other: &UsageRow) {
        self.event_count += other.event_count;
        self.last_time_us = self.last_time_us.max(other.last_time_us);
        if (other.first_time_us, &other.example_event_id) < (self.first_time_us, &self.example_event_id) {
            self.first_time_us = other.first_time_us;
            self.example_event_id.clone_from(&other.example_event_id);
        }
        Origin::sum(&mut self.origin, other.origin.as_ref());
    }
}
