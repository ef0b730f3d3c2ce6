//! `codebuild`: roles by their names; how its names are read; ids with colons.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Source: Service Authorization Reference, operations of CodeBuild, CreateFleet: iam:PassRole. As of a project the
    // role may be given by its name.
    named_roles: Some(|call| call.roles_in(&["fleetServiceRole"])),
    special: Some(by_arn),
    // `project:0a1b…`, as a build's id. Source: CodeBuild User Guide, "Debug builds with CodeBuild sandbox".
    names_with_colons: &["sandbox/SandboxId"],
    read: Some(read),
    ..ServiceRules::new("codebuild")
};

/// Builds and sandboxes by their ARNs, which end with their ids; the actions take projects.
/// Source: CodeBuild API Reference, BatchGetSandboxes, "ids"; StartCommandExecution, "sandboxId".
fn by_arn(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let action = call.own_action("codebuild")?;
    let texts: Vec<&str> = ["ids", "id"].iter().flat_map(|key| call.request.parameters.texts(key)).collect();
    let id = |text: &'_ str| {
        let kinds = [":build/", ":build-batch/", ":sandbox/"];
        kinds.iter().find_map(|kind| text.split_once(kind)).map(|(of, id)| (of.to_owned(), id.to_owned()))
    };
    if !texts.iter().any(|text| id(text).is_some()) {
        return None;
    }
    let project = |text: &&str| {
        let (of, id) = id(text).unwrap_or_else(|| (call.request.event.arn("codebuild"), (*text).to_owned()));
        format!("{}:project/{}", escape(&of), escape(id.split(':').next().unwrap_or(&id)))
    };
    let mut projects: Vec<String> = texts.iter().map(project).collect();
    projects.retain(|arn| call.catalog.does_take(action, arn));
    projects.sort_unstable();
    projects.dedup();
    let source = "CodeBuild API Reference, BatchGetSandboxes, ids: ids or ARNs";
    (!projects.is_empty()).then(|| vec![permission(action, projects, "codebuild-arns", source)])
}

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
