//! Resources of AWS itself that are named like the account's own: their ARNs have no account.

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
pub(in crate::iam) fn of_systems_manager(resource: String) -> String {
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

/// QuickSight's starter themes. Source: QuickSight API Reference, DescribeTheme; User Guide, "Using themes".
const THEMES: &[&str] = &["CLASSIC", "MIDNIGHT", "RAINIER", "SEASIDE"];

/// A theme of QuickSight: those of AWS have its word in the place of an account, and no region.
/// Source: QuickSight API Reference, ListThemes: `arn:aws:quicksight::aws:theme/CLASSIC`.
pub(in crate::iam) fn of_quicksight(resource: String) -> String {
    let theme = resource.split_once(":theme/").filter(|(_, name)| THEMES.contains(name));
    let partition = theme.and_then(|(head, name)| Some((head.split(':').nth(1)?, name)));
    match partition {
        Some((partition, name)) => format!("arn:{partition}:quicksight::aws:theme/{name}"),
        None => resource,
    }
}

/// A hub of SageMaker, or what is in it: the public one is AWS's.
/// Source: SageMaker Developer Guide, "Private hubs": `arn:aws:sagemaker:region:aws:hub/SageMakerPublicHub`.
pub(in crate::iam) fn of_sagemaker(resource: String) -> String {
    const PUBLIC: &str = "SageMakerPublicHub";
    let mut parts = resource.splitn(6, ':');
    let [Some(arn), Some(partition), Some(service), Some(region), Some(_), Some(named)] =
        std::array::from_fn(|_| parts.next())
    else {
        return resource;
    };
    match named.split_once('/') {
        Some(("hub" | "hub-content", name)) if name.split('/').next() == Some(PUBLIC) => {
            format!("{arn}:{partition}:{service}:{region}:aws:{named}")
        }
        _ => resource,
    }
}

fn begins(name: &str, front: &str) -> bool {
    name.get(..front.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(front))
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
