//! What a record says beside its parameters and its response: the listed resources, the caller, additional data.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::iam::event::ResourceRef;

/// The record's own list.
pub(in crate::iam) type Listed<'a> = &'a [ResourceRef<'a>];

/// What a record says beside what was asked and answered.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::iam) struct RecordContext<'a> {
    pub listed: Listed<'a>,
    /// The caller's ARN.
    pub caller: Option<&'a str>,
    /// `additionalEventData`.
    pub additional: Option<&'a str>,
}

impl<'a> RecordContext<'a> {
    /// How S3 encrypts an object: `SSE_S3`, `Default_SSE_KMS` and the like.
    /// Source: S3 User Guide, "CloudTrail log file entries": `SSEApplied`.
    pub fn encryption(self) -> Option<&'a str> {
        static APPLIED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"SSEApplied\""));
        let text = self.additional?;
        let behind = text.get(APPLIED.find(text.as_bytes())? + "\"SSEApplied\"".len()..)?;
        let value = behind.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        Some(value.split('"').next().unwrap_or(value))
    }
}
