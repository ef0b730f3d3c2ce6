//! Reads that disclose more than how things are set up: credentials, secrets, code, and the data that people keep.
//!
//! The rule. A read is listed with what its response holds, whatever its access level. Sources: the output shapes of each
//! operation in botocore 1.44.5 (members marked `sensitive`, and those named for a token, a key, a password, a
//! credential, an environment, user data or code) and the API reference page of the operation. What the reference says
//! is masked or only taken in (a database's pending master password) is not listed. Actions without an operation: their
//! description in the Service Authorization Reference.

/// Responses that hold credentials, tokens, presigned addresses or keys of APIs: with them somebody can call in
/// another's name. API Gateway's GET is that of `/apikeys` too, with `includeValue`.
const CREDENTIALS: &[&str] = &[
    "acm:GetAcmeExternalAccountBindingCredentials",
    "aidevops:GetAccessToken",
    "airflow:CreateCliToken",
    "airflow:CreateWebLoginToken",
    "apigateway:GET",
    "appsync:ListApiKeys",
    "aws-marketplace:GetAgreementEntitlements",
    "bedrock-agentcore:GetResourceApiKey",
    "bedrock-agentcore:GetResourceOauth2Token",
    "bedrock-agentcore:GetResourcePaymentToken",
    "bedrock-agentcore:GetWorkloadAccessToken",
    "bedrock-agentcore:GetWorkloadAccessTokenForJWT",
    "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
    "chime:GetAttendee",
    "chime:GetBot",
    "chime:ListApiKeys",
    "chime:ListAttendees",
    "chime:ListBots",
    "cloudwatch:GetSpaceCredentials",
    "cloudwatch:GetSpaceCredentialsForOrganization",
    "codeartifact:GetAuthorizationToken",
    "codeconnections:GetIndividualAccessToken",
    "codepipeline:GetJobDetails",
    "codepipeline:GetThirdPartyJobDetails",
    "codestar-connections:GetIndividualAccessToken",
    "cognito-identity:GetCredentialsForIdentity",
    "cognito-identity:GetOpenIdToken",
    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    "connect:GetFederationToken",
    "datazone:GetConnection",
    "datazone:GetDomainExecutionRoleCredentials",
    "datazone:GetEnvironmentCredentials",
    "datazone:ListConnections",
    "ecr-public:GetAuthorizationToken",
    "ecr:GetAuthorizationToken",
    "eks-auth:AssumeRoleForPodIdentity",
    "elasticmapreduce:GetClusterSessionCredentials",
    "emr-containers:GetManagedEndpointSessionCredentials",
    "emr-serverless:GetDashboardForJobRun",
    "emr-serverless:GetSessionEndpoint",
    "finspace-api:GetProgrammaticAccessCredentials",
    "gamelift:GetComputeAccess",
    "gamelift:GetComputeAuthToken",
    "gamelift:GetInstanceAccess",
    "gamelift:RequestUploadCredentials",
    "geo:DescribeKey",
    "glue:GetSessionEndpoint",
    "lakeformation:GetDataAccess",
    "lakeformation:GetTemporaryGluePartitionCredentials",
    "lakeformation:GetTemporaryGlueTableCredentials",
    "license-manager:GetAccessToken",
    "lightsail:CreateContainerServiceRegistryLogin",
    "lightsail:GetBucketAccessKeys",
    "lightsail:GetInstanceAccessDetails",
    "quicksight:GetDashboardEmbedUrl",
    "quicksight:GetSessionEmbedUrl",
    "rds-db:connect",
    "redshift-serverless:GetCredentials",
    "redshift-serverless:GetIdentityCenterAuthToken",
    "redshift:GetClusterCredentials",
    "redshift:GetClusterCredentialsWithIAM",
    "redshift:GetIdentityCenterAuthToken",
    "route53globalresolver:GetAccessToken",
    "s3:GetDataAccess",
    "sagemaker:CreatePresignedDomainUrl",
    "signin:CreateOAuth2Token",
    "ssm:GetAccessToken",
    "sts:GetFederationToken",
    "sts:GetSessionToken",
    "sts:GetWebIdentityToken",
    "wafv2:GetDecryptedAPIKey",
    "wafv2:ListAPIKeys",
];

/// Responses that hold secrets, passwords, private or shared keys, or text that was encrypted.
const SECRETS: &[&str] = &[
    "acm:ExportCertificate",
    "amplify:GetApp",
    "amplify:GetBranch",
    "amplify:ListApps",
    "amplify:ListBranches",
    "appstream:DescribeDirectoryConfigs",
    "cognito-idp:DescribeIdentityProvider",
    "cognito-idp:DescribeUserPoolClient",
    "cognito-idp:ListUserPoolClientSecrets",
    "dms:DescribeEndpoints",
    "ec2:DescribeVerifiedAccessTrustProviders",
    "ec2:DescribeVpnConnections",
    "ec2:ExportClientVpnClientConfiguration",
    "ec2:ExportVerifiedAccessInstanceClientConfiguration",
    "ec2:GetPasswordData",
    "ec2:GetVpnConnectionDeviceSampleConfiguration",
    "glue:GetConnection",
    "glue:GetConnections",
    "kms:Decrypt",
    "lightsail:DownloadDefaultKeyPair",
    "lightsail:GetRelationalDatabaseMasterUserPassword",
    "pca-connector-scep:GetChallengePassword",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "storagegateway:DescribeChapCredentials",
    "wickr:GetOidcInfo",
    "wickr:GetOpentdfConfig",
];

/// Responses that hold code, start-up scripts, templates, console output or environment variables, where secrets are
/// kept more often than they should.
const CODE: &[&str] = &[
    "airflow-serverless:GetWorkflow",
    "apprunner:DescribeService",
    "autoscaling:DescribeLaunchConfigurations",
    "batch:DescribeJobDefinitions",
    "batch:DescribeJobs",
    "bedrock-agentcore:GetAgentRuntime",
    "cloudformation:GetTemplate",
    "codebuild:BatchGetBuilds",
    "codebuild:BatchGetProjects",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeSpotFleetRequests",
    "ec2:GetConsoleOutput",
    "ec2:GetLaunchTemplateData",
    "ecs:DescribeDaemonTaskDefinition",
    "ecs:DescribeExpressGatewayService",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "elasticbeanstalk:DescribeConfigurationSettings",
    "elasticbeanstalk:RetrieveEnvironmentInfo",
    "iotsitewise:DescribePipeline",
    "iotsitewise:DescribePipelineExecution",
    "iotsitewise:DescribeTask",
    "lambda:GetFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:GetLayerVersion",
    "lambda:GetMicrovmImageVersion",
    "lambda:ListFunctions",
    "lambda:ListMicrovmImageVersions",
    "lambda:ListVersionsByFunction",
    "lightsail:GetContainerServices",
    "sagemaker:DescribeModel",
    "sagemaker:DescribeNotebookInstanceLifecycleConfig",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTrainingJob",
];

/// Responses that hold what people keep there: objects, items, messages, log lines, results of queries, files.
const DATA: &[&str] = &[
    "appconfig:GetConfiguration",
    "appconfig:GetLatestConfiguration",
    "athena:GetQueryResults",
    "athena:GetQueryResultsStream",
    "bedrock:Retrieve",
    "cassandra:Select",
    "cloudtrail:GetQueryResults",
    "cloudtrail:LookupEvents",
    "codeartifact:GetPackageVersionAsset",
    "codeartifact:ReadFromRepository",
    "codecommit:GetBlob",
    "codecommit:GetDifferences",
    "codecommit:GetFile",
    "codecommit:GetFolder",
    "codecommit:GitPull",
    "cognito-idp:AdminGetUser",
    "cognito-idp:ListUsers",
    "cognito-sync:ListRecords",
    "connect:GetContactAttributes",
    "dax:BatchGetItem",
    "dax:GetItem",
    "dax:Query",
    "dax:Scan",
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "elasticfilesystem:ClientMount",
    "es:ESHttpGet",
    "glacier:GetJobOutput",
    "healthlake:ReadResource",
    "healthlake:SearchWithGet",
    "iot:GetRetainedMessage",
    "iot:GetThingShadow",
    "kafka-cluster:ReadData",
    "kinesis:GetRecords",
    "kinesis:SubscribeToShard",
    "kinesisvideo:GetClip",
    "kinesisvideo:GetDASHStreamingSessionURL",
    "kinesisvideo:GetHLSStreamingSessionURL",
    "kinesisvideo:GetImages",
    "kinesisvideo:GetMedia",
    "kinesisvideo:GetMediaForFragmentList",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "logs:Unmask",
    "mediastore:GetObject",
    "medical-imaging:GetDICOMInstance",
    "medical-imaging:GetImageFrame",
    "neptune-db:ReadDataViaQuery",
    "omics:GetReadSet",
    "omics:GetReference",
    "profile:SearchProfiles",
    "rds:DownloadCompleteDBLogFile",
    "rds:DownloadDBLogFilePortion",
    "redshift-data:GetStatementResult",
    "s3-object-lambda:GetObject",
    "s3-object-lambda:GetObjectVersion",
    "s3-outposts:GetObject",
    "s3-outposts:GetObjectVersion",
    "s3:GetObject",
    "s3:GetObjectTorrent",
    "s3:GetObjectVersion",
    "s3tables:GetTableData",
    "s3vectors:GetVectors",
    "s3vectors:ListVectors",
    "s3vectors:QueryVectors",
    "sagemaker:BatchGetRecord",
    "sagemaker:GetRecord",
    "ses:GetArchiveMessage",
    "ses:GetArchiveMessageContent",
    "sqs:ReceiveMessage",
    "ssm:GetCommandInvocation",
    "ssm:ListCommandInvocations",
    "states:DescribeExecution",
    "states:GetExecutionHistory",
    "timestream:Select",
    "workdocs:GetDocument",
    "workdocs:GetDocumentVersion",
    "workmailmessageflow:GetRawMessageContent",
];

/// Whether an action reads credentials, secrets, or code with what is in it: fitting never opens it.
pub(crate) fn is_secret_read(action: &str) -> bool {
    // INVARIANT: the lists are sorted (tested).
    [CREDENTIALS, SECRETS, CODE].iter().any(|list| list.binary_search(&action).is_ok())
}

/// Whether an action reads the data that people keep: fitting opens it within a bucket, log group and their like, never
/// from one to another.
pub(crate) fn is_data_read(action: &str) -> bool {
    DATA.binary_search(&action).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{AccessLevel, Catalog};

    #[test]
    fn the_lists_are_sorted() {
        let catalog = Catalog::embedded();
        for list in [CREDENTIALS, SECRETS, CODE, DATA] {
            assert!(list.is_sorted());
            for action in list {
                assert_eq!(catalog.action(action).map(|known| &*known.name), Some(*action));
            }
        }
    }

    /// Names that say what they hand out. Not: what is only named, counted or configured there.
    #[test]
    fn what_its_name_gives_away_is_listed() {
        const WORDS: &[&str] = &[
            "Credentials",
            "Password",
            "SecretValue",
            "AuthToken",
            "AuthorizationToken",
            "AccessToken",
            "OpenIdToken",
            "FederationToken",
            "SessionToken",
            "Oauth2Token",
            "ClientSecret",
            "APIKey",
            "ApiKey",
            "AccessKeys",
        ];
        const HARMLESS: &[&str] = &[
            "aidevops:ListAccessTokens",
            "bedrock-agentcore:GetApiKeyCredentialProvider",
            "bedrock-agentcore:ListApiKeyCredentialProviders",
            "chime:ListVoiceConnectorTerminationCredentials",
            "codebuild:ListSourceCredentials",
            "iam:GetAccountPasswordPolicy",
            "iam:ListAccessKeys",
            "iam:ListServiceSpecificCredentials",
            "q:ListScimAccessTokens",
            "route53globalresolver:ListAccessTokens",
            "secretsmanager:GetRandomPassword",
            "workmail:GetPersonalAccessTokenMetadata",
            "workmail:ListPersonalAccessTokens",
        ];
        let is_read = |level| matches!(level, AccessLevel::List | AccessLevel::Read);
        let mut unlisted = Vec::new();
        let catalog = Catalog::embedded();
        for service in catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix)) {
            for action in service.actions() {
                let name = action.name.split(':').nth(1).unwrap();
                let gives_away = WORDS.iter().any(|word| name.contains(word));
                if is_read(action.access_level) && gives_away && !HARMLESS.contains(&&*action.name) {
                    unlisted.extend((!is_secret_read(&action.name)).then(|| action.name.to_string()));
                }
            }
        }
        assert_eq!(unlisted, Vec::<String>::new());
    }
}
