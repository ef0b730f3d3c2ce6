//! The services that roles are handed to, by the call and the parameter that a role stands under.
//!
//! Where a role may be for one of several services all of them are named: which one it is for only its trust policy
//! says.
//! Sources: Service Authorization Reference, operations tables, `iam:PassedToService`; of services without such a table
//! the services' guides and API references (botocore 1.44.5), trust policies of their roles. Lines with other sources
//! say so.

/// What roles under some parameters of a service's calls are for; the first that fits counts.
struct To {
    prefix: &'static str,
    /// Calls; all, where there are none.
    operations: &'static [&'static str],
    /// Ends of the parameters' names, in lower case; all, where there are none.
    parameters: &'static [&'static str],
    /// Services, without `.amazonaws.com`; none, where the role is not handed over.
    services: &'static [&'static str],
}

const fn to(
    prefix: &'static str,
    operations: &'static [&'static str],
    parameters: &'static [&'static str],
    services: &'static [&'static str],
) -> To {
    To { prefix, operations, parameters, services }
}

/// In no call of these does a role stand that is handed over.
const NONE: &[&str] = &[];

/// By service, in the order of their names.
const TABLE: &[To] = &[
    // MWAA User Guide, "Amazon MWAA execution role", trust policy.
    to("airflow", &[], &[], &["airflow", "airflow-env"]),
    to("apprunner", &[], &["accessrolearn"], &["build.apprunner"]),
    to("apprunner", &[], &["instancerolearn"], &["tasks.apprunner"]),
    to("aps", &[], &[], &["scraper.aps", "aps"]),
    // Audit Manager API Reference, Role: owners of processes are principals.
    to("auditmanager", &[], &[], NONE),
    to("autoscaling", &[], &["instanceprofile", "instanceprofilename"], &["ec2"]),
    to("autoscaling", &[], &["servicelinkedrolearn"], &["autoscaling"]),
    to("autoscaling", &["PutLifecycleHook", "UpdateAutoScalingGroup"], &[], &["autoscaling"]),
    to("autoscaling", &[], &[], &["autoscaling", "ec2"]),
    to("batch", &[], &["jobrolearn", "executionrolearn", "taskrolearn"], &["ecs-tasks"]),
    to("batch", &["RegisterJobDefinition", "SubmitJob"], &[], &["ecs-tasks"]),
    to("batch", &[], &["spotiamfleetrole"], &["spotfleet"]),
    to("batch", &[], &["instancerole", "instanceprofilearn"], &["ec2"]),
    to("batch", &[], &["infrastructurerolearn"], &["ecs", "batch"]),
    to("batch", &[], &[], &["batch"]),
    // Budgets API Reference, IamActionDefinition: what a policy is put on.
    to("budgets", &[], &["roles", "groups", "users", "policyarn"], NONE),
    to(
        "chime",
        &["CreateMediaInsightsPipelineConfiguration", "UpdateMediaInsightsPipelineConfiguration"],
        &[],
        &["mediapipelines.chime"],
    ),
    to("chime", &[], &[], &["mediapipelines.chime", "chime"]),
    to("cloudformation", &["RegisterType", "ActivateType"], &[], &["resources.cloudformation"]),
    // CloudFormation User Guide, "Grant self-managed permissions": the administration role takes it on.
    to("cloudformation", &[], &["executionrolename"], NONE),
    // CloudTrail User Guide, "Required permissions for federation", trust policy.
    to("cloudtrail", &["EnableFederation"], &[], &["cloudtrail", "lakeformation"]),
    to("cloudtrail", &[], &[], &["cloudtrail"]),
    to("cloudwatch", &["PutMetricStream"], &[], &["streams.metrics.cloudwatch"]),
    // CodePipeline and Git sync guides, trust policies of the new name and the old one.
    to("codeconnections", &[], &[], &["cloudformation.sync.codeconnections", "codeconnections"]),
    to("codestar-connections", &[], &[], &["cloudformation.sync.codestar-connections", "codestar-connections"]),
    to("cognito-idp", &[], &["rolearn"], &["cognito-identity", "cognito-idp"]),
    to("connect", &[], &[], &["connect"]),
    to("datapipeline", &[], &["resourcerole"], &["ec2"]),
    to("datapipeline", &[], &[], &["datapipeline", "elasticmapreduce"]),
    // Deadline Cloud User Guide, "IAM roles", trust policies.
    to("deadline", &[], &[], &["credentials.deadline", "deadline"]),
    // EC2 API Reference: the role of a certificate, and the role that is in another account.
    to("ec2", &["AssociateEnclaveCertificateIamRole"], &[], NONE),
    to("ec2", &[], &["delivercrossaccountrole"], NONE),
    to("ec2", &["CreateFlowLogs"], &[], &["vpc-flow-logs"]),
    to("ec2", &[], &["iamfleetrole"], &["spotfleet", "ec2"]),
    to("ec2", &[], &[], &["ec2"]),
    to("ecs", &[], &["taskrolearn", "executionrolearn", "taskrole", "executionrole"], &["ecs-tasks"]),
    to("ecs", &[], &["instanceprofilearn"], &["ec2"]),
    to(
        "ecs",
        &["CreateDaemon", "UpdateDaemon", "RegisterDaemonTaskDefinition", "RegisterTaskDefinition"],
        &[],
        &["ecs-tasks"],
    ),
    to("ecs", &["CreateTaskSet"], &[], &["ecs-tasks", "ecs"]),
    to("ecs", &[], &[], &["ecs"]),
    to("eks", &["CreateAccessEntry"], &[], &["ec2"]),
    to("eks", &["CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"], &["targetrolearn"], NONE),
    to("eks", &["CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"], &[], &["pods.eks"]),
    // EKS User Guide, "Amazon EKS Auto Mode node IAM role", "node IAM role": trusted by EC2.
    to("eks", &[], &["noderole", "noderolearn"], &["eks", "ec2"]),
    to("eks", &["CreateFargateProfile"], &[], &["eks", "eks-fargate-pods"]),
    to("eks", &["CreateAddon", "UpdateAddon"], &["serviceaccountrolearn"], &["eks"]),
    to("eks", &["CreateAddon", "UpdateAddon"], &[], &["eks", "pods.eks"]),
    to("eks", &["CreateCapability", "UpdateCapability"], &[], &["eks", "capabilities.eks"]),
    to("eks", &["RegisterCluster"], &[], &["eks", "ssm"]),
    to("elasticbeanstalk", &[], &["codebuildservicerole"], &["codebuild"]),
    to("elasticbeanstalk", &[], &["instanceprofile"], &["ec2"]),
    // EMR Management Guide, "Runtime roles for Amazon EMR steps": a condition key of the call itself.
    to("elasticmapreduce", &["AddJobFlowSteps"], &["executionrolearn"], NONE),
    to("elasticmapreduce", &["GetClusterSessionCredentials"], &[], NONE),
    to("elasticmapreduce", &["GetOnClusterAppUIPresignedURL", "GetPersistentAppUIPresignedURL"], &[], NONE),
    to("elasticmapreduce", &[], &["jobflowrole"], &["ec2"]),
    to("elasticmapreduce", &[], &["autoscalingrole"], &["application-autoscaling", "elasticmapreduce"]),
    to("emr-containers", &["CreateJobTemplate", "GetManagedEndpointSessionCredentials"], &[], NONE),
    to("es", &[], &["masterbackendrole", "roleskey", "backendrole"], NONE),
    to(
        "es",
        &["AddDirectQueryDataSource", "UpdateDirectQueryDataSource", "AddDataSource", "UpdateDataSource"],
        &[],
        &["directquery.opensearchservice", "opensearchservice", "es"],
    ),
    to("es", &["CreateApplication", "UpdateApplication"], &[], &["application.opensearchservice", "opensearchservice"]),
    to("es", &[], &[], &["es", "opensearchservice"]),
    to("grafana", &[], &["organizationrolename", "keyrole", "grafanarole"], NONE),
    to(
        "guardduty",
        &["CreateMalwareProtectionPlan", "UpdateMalwareProtectionPlan"],
        &[],
        &["malware-protection-plan.guardduty"],
    ),
    to("iam", &["AddRoleToInstanceProfile"], &[], &["ec2"]),
    to("imagebuilder", &[], &["instanceprofilename"], &["ec2"]),
    to("imagebuilder", &[], &["rolename"], NONE),
    to("iot", &["CreateRoleAlias", "UpdateRoleAlias"], &[], &["credentials.iot", "iot"]),
    to("iotsitewise", &["CreatePortal", "UpdatePortal"], &[], &["monitor.iotsitewise"]),
    // Lex V2 Developer Guide, "Creating a custom policy"; Lex V1 Developer Guide, "Service-linked roles".
    to("lex", &["PutBotAlias", "PutIntent"], &[], &["lex"]),
    to("lex", &[], &[], &["lexv2"]),
    to("license-manager", &["CreateToken"], &[], NONE),
    to("logs", &["CreateImportTask"], &[], &["cloudtrail", "logs"]),
    to("mobiletargeting", &[], &[], &["pinpoint"]),
    // Amazon MQ API Reference, LdapServerMetadata: roles of the directory.
    to("mq", &[], &[], NONE),
    to("neptune-graph", &["StartExportTask"], &[], &["export.neptune-graph", "neptune-graph"]),
    to("opsworks", &[], &["instanceprofilearn", "iamuserarn"], &["ec2"]),
    to("opsworks-cm", &[], &["instanceprofilearn"], &["ec2"]),
    to("osis", &[], &[], &["osis-pipelines"]),
    to("pcs", &[], &["instanceprofilearn"], &["ec2"]),
    // QuickSight API Reference, RegisterUser: the user's role is READER, AUTHOR or ADMIN.
    to("quicksight", &["RegisterUser", "UpdateUser"], &[], NONE),
    to("rds", &[], &["monitoringrolearn"], &["monitoring.rds"]),
    to("rds", &[], &["iaminstanceprofile"], &["ec2"]),
    // RDS User Guide, "Kerberos authentication", trust policy.
    to("rds", &[], &["domainiamrolename"], &["rds", "directoryservice.rds"]),
    to("rds", &["StartExportTask"], &[], &["export.rds", "rds"]),
    to("rds", &["CreateDBProxyEndpoint"], &[], NONE),
    to("redshift", &["CreateScheduledAction", "ModifyScheduledAction"], &[], &["scheduler.redshift"]),
    to(
        "redshift",
        &["CreateRedshiftIdcApplication", "ModifyRedshiftIdcApplication"],
        &[],
        &["redshift", "redshift-serverless"],
    ),
    to(
        "redshift-serverless",
        &["CreateScheduledAction", "UpdateScheduledAction"],
        &[],
        &["scheduler.redshift", "redshift-serverless"],
    ),
    to("redshift-serverless", &[], &[], &["redshift", "redshift-serverless"]),
    to("resiliencehub", &[], &["crossaccountrolearns", "crossaccountrolearn"], NONE),
    to("s3", &["CreateJob"], &[], &["batchoperations.s3"]),
    to("s3", &["CreateAccessGrantsLocation", "UpdateAccessGrantsLocation"], &[], &["access-grants.s3"]),
    to("s3express", &[], &[], &["s3"]),
    to("s3tables", &["PutTableBucketReplication", "PutTableReplication"], &[], &["replication.s3tables"]),
    to("s3tables", &["StartTableMigration", "SyncTableMigration"], &[], &["migration.s3tables"]),
    to("sagemaker", &["CreateJob"], &[], &["job.sagemaker", "sagemaker"]),
    to("sagemaker", &[], &["amazonforecastrolearn"], &["forecast", "sagemaker"]),
    to("sagemaker", &[], &["amazonbedrockrolearn"], &["bedrock", "sagemaker"]),
    // Security Hub API Reference, AwsSecurityFinding: findings are about roles.
    to("securityhub", &[], &[], NONE),
    // Security Lake User Guide, "IAM roles": managers of the lake's tables, of replication, and of crawlers.
    to("securitylake", &[], &["metastoremanagerrolearn"], &["lambda", "securitylake"]),
    to("securitylake", &["CreateDataLake", "UpdateDataLake"], &[], &["s3", "securitylake"]),
    to("securitylake", &["CreateCustomLogSource"], &[], &["glue"]),
    to("servicecatalog", &[], &[], &["servicecatalog"]),
    to("shield", &["AssociateDRTRole"], &[], &["drt.shield"]),
    to("ssm", &["CreateDocument", "UpdateDocument"], &[], &["justintimeaccess.ssm", "ssm"]),
    // Incident Manager User Guide, "Working with response plans", trust policy of runbooks' roles.
    to("ssm-incidents", &[], &[], &["ssm-incidents", "ssm"]),
    to("synthetics", &[], &[], &["lambda"]),
    to("workmail", &["StartMailboxExportJob"], &[], &["export.workmail", "workmail"]),
];

/// What a role is for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::iam) enum For {
    /// One of these services, by their names without `.amazonaws.com`.
    Services(&'static [&'static str]),
    /// The service that is called.
    Caller,
    /// It is not handed over.
    Nobody,
}

/// What a role is for that stands under a parameter of a call.
pub(in crate::iam) fn passed_for(prefix: &str, operation: &str, parameter: &str) -> For {
    let begin = TABLE.partition_point(|to| to.prefix < prefix);
    let of_service = TABLE.iter().skip(begin).take_while(|to| to.prefix == prefix);
    let parameter: String = parameter.chars().filter(char::is_ascii_alphanumeric).collect();
    let parameter = parameter.to_ascii_lowercase();
    let is_it = |to: &&To| {
        (to.operations.is_empty() || to.operations.contains(&operation))
            && (to.parameters.is_empty() || to.parameters.iter().any(|end| parameter.ends_with(end)))
    };
    match of_service.into_iter().find(is_it) {
        Some(to) if to.services.is_empty() => For::Nobody,
        Some(to) => For::Services(to.services),
        None => For::Caller,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Catalog;

    #[test]
    fn the_table_is_in_order_and_of_services_that_are_known() {
        assert!(TABLE.is_sorted_by(|a, b| a.prefix <= b.prefix));
        for to in TABLE {
            assert!(Catalog::embedded().service(to.prefix).is_some(), "{}", to.prefix);
            assert!(to.parameters.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase())), "{}", to.prefix);
        }
    }

    #[test]
    fn the_parameter_tells_whom_a_role_is_for() {
        for (prefix, operation, parameter, expected) in [
            ("ecs", "RunTask", "taskRoleArn", For::Services(&["ecs-tasks"])),
            ("ecs", "RunTask", "roleArn", For::Services(&["ecs"])),
            ("rds", "CreateDBInstance", "monitoringRoleArn", For::Services(&["monitoring.rds"])),
            ("rds", "AddRoleToDBInstance", "roleArn", For::Caller),
            ("glue", "CreateJob", "role", For::Caller),
            ("quicksight", "RegisterUser", "userRole", For::Nobody),
            ("apprunner", "CreateService", "accessRoleArn", For::Services(&["build.apprunner"])),
        ] {
            assert_eq!(passed_for(prefix, operation, parameter), expected, "{prefix} {operation} {parameter}");
        }
    }
}
