//! What crosses into this room and out of it: an event as the resolver needs it, and the permissions that it took.

use std::sync::Arc;

/// One entry of CloudTrail's `resources`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceRef<'a> {
    /// `ARN`.
    pub arn: Option<&'a str>,
    /// `ARNPrefix`: the ARNs that begin like this.
    pub arn_prefix: Option<&'a str>,
    /// `accountId`.
    pub account_id: Option<&'a str>,
    /// `type`, as CloudFormation calls it: `AWS::S3::Object`.
    pub resource_type: Option<&'a str>,
}

/// What the resolver needs of one record. Texts are unescaped; parameters, elements and data are JSON text as logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    /// `eventSource`.
    pub event_source: &'a str,
    /// `eventName`.
    pub event_name: &'a str,
    /// `eventType`.
    pub event_type: Option<&'a str>,
    /// `eventCategory`.
    pub event_category: Option<&'a str>,
    /// `awsRegion`.
    pub aws_region: Option<&'a str>,
    /// `recipientAccountId`, else the identity's account: where resources without an account of their own are.
    pub account_id: Option<&'a str>,
    /// Account of the principal.
    pub principal_account_id: Option<&'a str>,
    /// ARN of the principal.
    pub principal_arn: Option<&'a str>,
    /// `errorCode`.
    pub error_code: Option<&'a str>,
    /// `errorMessage`.
    pub error_message: Option<&'a str>,
    /// `requestParameters`.
    pub request_parameters: Option<&'a str>,
    /// `responseElements`.
    pub response_elements: Option<&'a str>,
    /// `additionalEventData`.
    pub additional_event_data: Option<&'a str>,
    /// `resources`.
    pub resources: &'a [ResourceRef<'a>],
}

/// How it is known that an event takes an action; the first is the surest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The record says so itself: its denial message.
    Stated,
    /// An official table or a hand-written rule with its source.
    Documented,
    /// An action of the same name is in the catalogue.
    Catalogued,
    /// A heuristic.
    Inferred,
    /// No known action: shown, never granted.
    Unverified,
}

impl Confidence {
    /// The word where an action is only suggested: shown, never granted.
    pub const SUGGESTED: &'static str = "suggested";

    /// The word in the `confidence` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Stated => "stated",
            Confidence::Documented => "documented",
            Confidence::Catalogued => "catalogued",
            Confidence::Inferred => "inferred",
            Confidence::Unverified => "unverified",
        }
    }

    /// Reads the word in the `confidence` column.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Stated, Self::Documented, Self::Catalogued, Self::Inferred, Self::Unverified]
            .into_iter()
            .find(|confidence| confidence.as_str() == word)
    }
}

/// One action that an event took, on the resources that it took it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `s3:GetObject`, as the catalogue spells it.
    pub action: Arc<str>,
    /// ARNs or ARN patterns; `*` where the action has no resource type or none is known. Never empty.
    pub resources: Vec<String>,
    /// How it is known.
    pub confidence: Confidence,
    /// The rule that led here.
    pub rule: &'static str,
    /// Where the fact comes from.
    pub source: Arc<str>,
    /// The service that the role is handed to; `iam:PassRole` only.
    pub passed_to_service: Option<Arc<str>>,
}

/// What an event took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// The actions without which it would have been denied.
    pub needed: Vec<Permission>,
    /// Actions that may have been needed too but leave no trace of their own.
    pub suggestions: Vec<Permission>,
    /// Whether it was allowed.
    pub outcome: Outcome,
    /// Why it takes no permission at all.
    pub no_permission: Option<&'static str>,
}

/// Whether a call was authorised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Authorised, whether or not it then succeeded.
    #[default]
    Allowed,
    /// Failed because it was not authorised.
    Denied,
    /// Failed before anybody decided whether it was.
    Undecided,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 3] = [Outcome::Allowed, Outcome::Denied, Outcome::Undecided];

    /// The word in the `outcome` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Denied => "denied",
            Outcome::Undecided => "undecided",
        }
    }

    /// Reads the word in the `outcome` column.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}
