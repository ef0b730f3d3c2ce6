//! Handing a role over to a service: `iam:PassRole`, which has no event of its own.
//!
//! Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".

use std::collections::BTreeSet;
use std::sync::Arc;

use super::arn::{Arn, escape, partition_of};
use super::catalog::{AccessLevel, Action, Catalog, Service};
use super::event::{Confidence, Permission};
use super::params::Params;
use super::plan::Plan;
use super::resources::{Request, is_role_arn, role_arn};

/// `iam:PassRole` for the roles in the request of a call that changes something. The tables list many such calls; of the
/// others a parameter that is named after a role and holds the ARN of one, of the same account, is enough.
pub(super) fn passed_roles(
    catalog: &Catalog,
    service: &Service,
    action: &Action,
    request: &Request<'_>,
    operation: &str,
) -> Option<Permission> {
    let is_dependent = action.dependent_actions.iter().any(|d| d == "iam:PassRole");
    if service.prefix() == "sts" || !is_dependent && action.access_level <= AccessLevel::Read {
        return None;
    }
    let listed = service.passes.get(&operation.to_ascii_lowercase());
    let is_documented = listed.is_some() || is_dependent;
    let mut roles = BTreeSet::new();
    for name in listed.into_iter().flatten() {
        for text in request.parameters.texts(name) {
            if is_role_arn(text) {
                roles.insert(escape(text));
            } else if !text.contains(':') && name.to_ascii_lowercase().contains("role") {
                roles.extend(roles_named(text, request));
            }
        }
    }
    if is_documented {
        roles.extend(in_role_parameters(service, &request.parameters).map(escape));
        let profile = instance_profile(&request.parameters, operation);
        roles.extend(profile.iter().flat_map(|name| roles_named(name, request)));
    } else if Plan::of(catalog, action).may_pass {
        roles.extend(
            in_role_parameters(service, &request.parameters).filter(|arn| is_passable(arn, request)).map(escape),
        );
    }
    if roles.is_empty() {
        return None;
    }
    Some(Permission {
        action: Arc::clone(&catalog.action("iam:PassRole")?.name),
        resources: roles.into_iter().collect(),
        confidence: if is_documented { Confidence::Documented } else { Confidence::Inferred },
        rule: "passed-role",
        source: if is_documented {
            "dependent actions of the Service Authorization Reference; iam-dataset".into()
        } else {
            "the request hands over a role; IAM User Guide, Grant a user permissions to pass a role".into()
        },
        passed_to_service: passed_to(service.prefix(), operation).filter(|_| has_plain_names(request)).map(Arc::from),
    })
}

/// The role of a name, wherever its path is if the name doesn't say it.
fn roles_named(name: &str, request: &Request<'_>) -> Vec<String> {
    let role = role_arn(name, request.event);
    match role.split_once(":role/") {
        Some((head, name)) if !name.contains('/') => vec![format!("{head}:role/*/{name}"), role],
        _ => vec![role],
    }
}

/// Whether services are called `….amazonaws.com` alone: in China some are called `….amazonaws.com.cn`, and some both.
/// Source: what IAM denied there, terraform-aws-modules/terraform-aws-eks#3422, aws/karpenter-provider-aws#6839.
fn has_plain_names(request: &Request<'_>) -> bool {
    matches!(partition_of(request.event.aws_region), "aws" | "aws-us-gov")
}

/// ARNs of roles in parameters that are named after roles. API Gateway's changes name paths, and hold what is put there as
/// their value. Source: API Gateway API Reference, PatchOperation.
fn in_role_parameters<'a>(service: &Service, parameters: &Params<'a>) -> impl Iterator<Item = &'a str> {
    let is_patched = service.prefix() == "apigateway";
    let is_meant = move |key: &str| is_named_after_role(key) || is_patched && key == "value";
    parameters.role_arns().filter(move |(key, _)| is_meant(key)).map(|(_, arn)| arn)
}

/// API Gateway's are credentials, Cognito's the caller of SNS. Sources: API Gateway API Reference, PutIntegration,
/// `credentials`; Cognito API References, SmsConfigurationType, `SnsCallerArn`, SetIdentityPoolRoles, `Roles`, and what was
/// denied there: awslabs/aws-api-gateway-developer-portal#11.
fn is_named_after_role(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // `authenticated` and `unauthenticated` are the keys of identity pools' roles.
    ["role", "credentials", "snscallerarn"].iter().any(|word| key.contains(word)) || key.ends_with("authenticated")
}

/// Whether a service's call that no table lists may be one that hands a role over: IAM's own are about roles, and so is
/// what takes a role as its resource, what takes a role's permission away, tags, and names roles as principals.
pub(super) fn may_pass(action: &Action, plan: &Plan) -> bool {
    let (prefix, name) = action.name.split_once(':').unwrap_or_default();
    let takes_away = ["Delete", "Remove", "Detach", "Disassociate", "Deregister", "Untag", "Tag", "Revoke", "Stop"];
    !matches!(prefix, "iam" | "sso" | "ram" | "access-analyzer" | "health" | "support" | "signin")
        && !takes_away.iter().any(|verb| name.starts_with(verb))
        && !plan.takes("arn:aws:iam::111122223333:role/r")
}

/// Roles are handed over within their account; those of services are none of the caller's.
fn is_passable(arn: &str, request: &Request<'_>) -> bool {
    Arn::parse(arn).is_some_and(|arn| {
        Some(arn.account) == request.event.account_id && !arn.resource.starts_with("role/aws-service-role/")
    })
}

/// An instance profile's role isn't logged; the console gives both one name.
fn instance_profile(parameters: &Params<'_>, operation: &str) -> Option<String> {
    // EC2 wraps what newer operations are asked: `ReplaceIamInstanceProfileAssociationRequest`.
    let wrapped = || Some(parameters.get(&format!("{operation}Request"))?.get("IamInstanceProfile")?.clone());
    let profile = parameters.get("iamInstanceProfile").or_else(wrapped)?;
    let one_of = |keys: [&str; 2]| keys.iter().find_map(|key| profile.get(key)?.as_str()).filter(|t| !t.is_empty());
    one_of(["name", "Name"])
        .or_else(|| one_of(["arn", "Arn"]).and_then(|arn| arn.rsplit('/').next()))
        .map(str::to_owned)
}

/// The service that a role is handed to, where there is only one that it can be.
/// Source: Service Authorization Reference, operations tables, `iam:PassedToService`; of services without such a table here
/// the services' guides and API references (botocore 1.44.5), trust policies of their roles.
fn passed_to(prefix: &str, operation: &str) -> Option<String> {
    let service = match (prefix, operation) {
        ("batch", "RegisterJobDefinition" | "SubmitJob") | ("ecs", "RegisterTaskDefinition") => {
            "ecs-tasks.amazonaws.com"
        }
        ("ecs", "RegisterDaemonTaskDefinition" | "CreateDaemon" | "UpdateDaemon") => "ecs-tasks.amazonaws.com",
        ("ecs", "CreateCapacityProvider" | "UpdateCapacityProvider") => "ecs.amazonaws.com",
        ("eks", "CreateAccessEntry") => "ec2.amazonaws.com",
        ("eks", "CreatePodIdentityAssociation" | "UpdatePodIdentityAssociation") => "pods.eks.amazonaws.com",
        ("ec2", "CreateFlowLogs") => "vpc-flow-logs.amazonaws.com",
        ("cloudwatch", "PutMetricStream") => "streams.metrics.cloudwatch.amazonaws.com",
        ("cloudformation", "RegisterType" | "ActivateType") => "resources.cloudformation.amazonaws.com",
        ("chime", "CreateMediaInsightsPipelineConfiguration" | "UpdateMediaInsightsPipelineConfiguration") => {
            "mediapipelines.chime.amazonaws.com"
        }
        ("iotsitewise", "CreatePortal" | "UpdatePortal") => "monitor.iotsitewise.amazonaws.com",
        ("redshift", "CreateScheduledAction" | "ModifyScheduledAction") => "scheduler.redshift.amazonaws.com",
        ("s3tables", "PutTableBucketReplication" | "PutTableReplication") => "replication.s3tables.amazonaws.com",
        ("s3tables", "StartTableMigration" | "SyncTableMigration") => "migration.s3tables.amazonaws.com",
        ("s3", "CreateJob") => "batchoperations.s3.amazonaws.com",
        ("s3express", _) => "s3.amazonaws.com",
        ("shield", "AssociateDRTRole") => "drt.shield.amazonaws.com",
        ("synthetics", _) => "lambda.amazonaws.com",
        ("mobiletargeting", _) => "pinpoint.amazonaws.com",
        _ if is_passed_to_several(prefix, operation) => return None,
        _ => return Some(format!("{prefix}.amazonaws.com")),
    };
    Some(service.to_owned())
}

/// Whether one of several services may be meant: that of instances, tasks or devices beside the own, an old name beside a
/// new one; or the table and the role's trust policy in the guide name different ones.
fn is_passed_to_several(prefix: &str, operation: &str) -> bool {
    let operations: &[&str] = match prefix {
        "airflow"
        | "apprunner"
        | "autoscaling"
        | "batch"
        | "chime"
        | "cloudtrail"
        | "codecatalyst"
        | "codeconnections"
        | "codestar-connections"
        | "cognito-identity"
        | "datapipeline"
        | "deadline"
        | "ecs"
        | "elasticbeanstalk"
        | "elasticmapreduce"
        | "emr-containers"
        | "es"
        | "iam"
        | "imagebuilder"
        | "lex"
        | "opsworks"
        | "osis"
        | "rds"
        | "redshift-serverless"
        | "servicecatalog"
        | "ssm-incidents" => return true,
        "ec2" => &["RequestSpotFleet", "ModifySpotFleetRequest"],
        "eks" => &["CreateNodegroup", "CreateCluster", "CreateFargateProfile", "UpdateClusterConfig"],
        "iot" => &["CreateRoleAlias", "UpdateRoleAlias"],
        "logs" => &["CreateImportTask"],
        "sagemaker" => &["CreateJob"],
        "ssm" => &["CreateDocument", "UpdateDocument"],
        _ => &[],
    };
    operations.contains(&operation)
}
