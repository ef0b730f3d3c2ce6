//! `wisdom`: how its names are read.

use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    read: Some(|_, variable| VERSIONED.contains(&variable).then(|| ValueReader::new(without_version))),
    ..ServiceRules::new("wisdom")
};

/// Ids that requests may give with a version behind.
const VERSIONED: &[&str] = &["AIAgentId", "AIGuardrailId", "AIPromptId", "MessageTemplateId"];

/// An id is a UUID; whether its version is part of what is authorised isn't told.
/// Source: Amazon Q in Connect API Reference, GetAIAgent, "aiAgentId": with or without a qualifier.
fn without_version(text: &str) -> Reading<'_> {
    match text.split_once(':') {
        Some((id, _)) => Reading::NameThen(id, "*"),
        None => Reading::Name(text),
    }
}
