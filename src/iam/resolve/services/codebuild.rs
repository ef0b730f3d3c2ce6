//! `codebuild`: how its names are read; ids with colons.

use crate::iam::arn::escape;
use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // `project:0a1b…`, as a build's id. Source: CodeBuild User Guide, "Debug builds with CodeBuild sandbox".
    names_with_colons: &["sandbox/SandboxId"],
    read: Some(read),
    ..ServiceRules::new("codebuild")
};

/// A build's id begins with its project's name. Source: CodeBuild API Reference, StopBuild, "id".
/// So does a report's ARN, with its group's. Source: CodeBuild API Reference, Report, "arn".
fn read(_: &str, variable: &str) -> Option<ValueReader> {
    match variable {
        "ProjectName" => Some(ValueReader::new(|text| Reading::Name(text.split(':').next().unwrap_or(text)))),
        "ReportGroupName" => Some(ValueReader {
            arn: |arn| Some(escape(arn.split_once(":report/")?.1.split(':').next()?)),
            ..ValueReader::new(|text| Reading::Name(text))
        }),
        _ => None,
    }
}
