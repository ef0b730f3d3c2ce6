//! `bedrock-agentcore`: how its names are read.

use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { read: Some(read), ..ServiceRules::new("bedrock-agentcore") };

/// A tool of AWS, and one of the account's own making: `aws.browser.v1`.
/// Source: Bedrock AgentCore API Reference, StartBrowserSession, StartCodeInterpreterSession.
fn read(kind: &str, variable: &str) -> Option<ValueReader> {
    if !matches!(variable, "BrowserId" | "CodeInterpreterId") {
        return None;
    }
    Some(match kind.ends_with("-custom") {
        true => ValueReader::new(|text| if text.starts_with("aws.") { Reading::Other } else { Reading::Name(text) }),
        false => ValueReader::new(|text| if text.starts_with("aws.") { Reading::Name(text) } else { Reading::Other }),
    })
}
