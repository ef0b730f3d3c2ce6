//! AWS Systems Manager: documents and parameters of AWS, managed nodes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::request::params::Params;
use crate::iam::resolve::service_rules::{KeyUse, NamedRole, Reading, ServiceRules, ValueReader, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&["CreateDocument", "UpdateDocument"], &[], &["justintimeaccess.ssm", "ssm"])],
    named_roles: Some(|call| if call.is("UpdateServiceSetting") { service_setting(call.request) } else { Vec::new() }),
    key_uses: &[KeyUse {
        operations: &["PutParameter"],
        actions: &["kms:Encrypt"],
        is_certain: true,
        source: "Systems Manager User Guide, Secure string parameters",
    }],
    policy_arns: Some(|_, arn, _| vec![of_systems_manager(of_parameter(arn))]),
    // Tags of an activation are put on the nodes that register with it.
    // Source: Systems Manager API Reference, CreateActivation, "Tags".
    tagged_types: Some(|operation, _| {
        (operation == "CreateActivation").then(|| BTreeSet::from(["managed-instance".to_owned()]))
    }),
    read: Some(read),
    targets: Some(("InstanceId", targeted_instances)),
    ..ServiceRules::new("ssm")
};

/// What names of documents begin with, in any case, that only AWS may give: `AWS-`, `AWSSupport-`, `AmazonCloudWatch-`.
/// Source: Systems Manager API Reference, CreateDocument, "Name": reserved prefixes.
const DOCUMENTS: &[&str] = &["aws", "amazon", "amzn"];

/// Where AWS keeps its public parameters.
/// Source: Systems Manager User Guide, "Discovering public parameters in Parameter Store".
const PARAMETERS: &str = "aws/service";

/// A resource of Systems Manager, without an account where it is AWS's own.
///
/// Source: denials that callers met: `ssm:StartAutomationExecution on resource:
/// arn:aws:ssm:ap-southeast-1::automation-definition/AWS-…:1` in aws-solutions/automated-security-response-on-aws#29;
/// Systems Manager User Guide, "Setting up automation": `arn:aws:ssm:region::document/AWS-…`; Parameter Store, "Calling
/// public parameters": `arn:aws:ssm:region::parameter/aws/service/…`.
fn of_systems_manager(resource: String) -> String {
    let mut parts = resource.splitn(6, ':');
    let [Some(arn), Some(partition), Some(service), Some(region), Some(account), Some(named)] =
        std::array::from_fn(|_| parts.next())
    else {
        return resource;
    };
    let is_own = match named.split_once('/') {
        _ if account.is_empty() => false,
        Some(("document" | "automation-definition", name)) => DOCUMENTS.iter().any(|front| begins(name, front)),
        Some(("parameter", name)) => {
            name.strip_prefix(PARAMETERS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        _ => false,
    };
    if is_own { format!("{arn}:{partition}:{service}:{region}::{named}") } else { resource }
}

fn begins(name: &str, front: &str) -> bool {
    name.get(..front.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(front))
}

/// Behind a parameter's name stands which version is meant. Source: Systems Manager API Reference, GetParameter,
/// "Name".
fn of_parameter(mut parameter: String) -> String {
    if let Some(at) = parameter.find(":parameter/")
        && let Some(end) = parameter.get(at + 1..).and_then(|rest| rest.find(':'))
    {
        parameter.truncate(at + 1 + end);
    }
    parameter
}

/// Source: Systems Manager User Guide, "Managing EC2 instances automatically with Default Host Management
/// Configuration".
fn service_setting(request: &Request<'_>) -> Vec<NamedRole> {
    let is_role = |id: &&str| id.ends_with("/default-ec2-instance-management-role");
    let id = request.parameters.text("settingId").filter(is_role);
    let value = request.parameters.text("settingValue").filter(|_| id.is_some());
    value.map(|role| ("role".to_owned(), role.to_owned())).into_iter().collect()
}

/// Nodes of Systems Manager's own begin with `mi-`, the others are EC2's instances.
/// Source: Systems Manager User Guide, "Managed nodes".
/// A session may be started with a task: `ecs:cluster_task_runtime`.
/// Source: ECS Developer Guide, "Monitor Amazon ECS containers with ECS Exec"; Systems Manager API Reference,
/// StartSession.
fn read(kind: &str, variable: &str) -> Option<ValueReader> {
    match (variable, kind) {
        ("InstanceId", "instance") => Some(ValueReader::new(|text| {
            if text.starts_with("mi-") || text.contains(':') { Reading::Other } else { Reading::Name(text) }
        })),
        ("InstanceId", _) => {
            Some(ValueReader::new(|text| if text.starts_with("mi-") { Reading::Name(text) } else { Reading::Other }))
        }
        ("TaskId", _) => Some(ValueReader::new(|text| task(text).map_or(Reading::Other, Reading::Exactly))),
        _ => None,
    }
}

/// A task with its cluster, of which a name may have underscores.
fn task(text: &str) -> Option<String> {
    let (cluster_and_task, _) = text.strip_prefix("ecs:")?.rsplit_once('_')?;
    let (cluster, task) = cluster_and_task.rsplit_once('_')?;
    Some(format!("{}/{}", escape(cluster), escape(task)))
}

/// Instances that a request of Systems Manager names as its targets, and whether any may be: by tags, by groups, all.
/// Source: Systems Manager API Reference, Target: `Key=InstanceIds,Values=…`; User Guide, "Restricting Run Command access
/// based on tags": whoever targets tags is asked for the nodes too.
fn targeted_instances(parameters: &Params<'_>) -> (Vec<String>, bool) {
    let targets = parameters.get("targets");
    let targets = targets.as_ref().and_then(|targets| targets.as_array()).map(Vec::as_slice).unwrap_or_default();
    let is_of_ids = |target: &&Value| {
        target.get("key").and_then(|key| key.as_str()).is_some_and(|key| key.eq_ignore_ascii_case("InstanceIds"))
    };
    let (of_ids, others): (Vec<&Value>, Vec<&Value>) = targets.iter().partition(is_of_ids);
    let values = of_ids.iter().filter_map(|target| target.get("values")?.as_array()).flatten();
    let (all, ids): (Vec<&str>, Vec<&str>) = values.filter_map(|value| value.as_str()).partition(|id| *id == "*");
    (ids.into_iter().take(100).map(str::to_owned).collect(), !others.is_empty() || !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_may_name_alone_has_no_account() {
        for (named, is_aws) in [
            ("document/AWS-RunShellScript", true),
            ("document/AWSFleetManager-CopyFile", true),
            ("document/AmazonCloudWatchAgent", true),
            ("document/AwsVssComponents", true),
            ("document/amzn-x", true),
            ("automation-definition/AWSConfigRemediation-X:$DEFAULT", true),
            ("document/MyAWS-Doc", false),
            ("document/SSM-SessionManagerRunShell", false),
            ("document/aw", false),
            ("parameter/aws/service/eks/x", true),
            ("parameter/aws/service", true),
            ("parameter/aws/services/x", false),
            ("parameter/aws/reference/secretsmanager/s", false),
            ("parameter/awsome", false),
            ("maintenancewindow/mw-0", false),
        ] {
            let of = |account: &str| format!("arn:aws:ssm:eu-west-1:{account}:{named}");
            let expected = if is_aws { of("") } else { of("111122223333") };
            assert_eq!(of_systems_manager(of("111122223333")), expected);
        }
        assert_eq!(of_systems_manager("*".to_owned()), "*");
    }
}
