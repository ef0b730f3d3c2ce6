//! Actions with which their holder can give itself more than it has.
//!
//! Source: the published research "AWS IAM Privilege Escalation – Methods and Mitigation" (Rhino Security Labs, 2018,
//! and its follow-ups) and the IAM documentation of each action. An action is listed if, with the right resource, it
//! alone or with `iam:PassRole` leads to another identity's permissions.

pub(crate) use super::disclosing::{is_data_read, is_secret_read};

/// Action and what it opens.
const ESCALATIONS: &[(&str, &str)] = &[
    ("apprunner:CreateService", "runs code as a passed role"),
    ("bedrock-agentcore:CreateCodeInterpreter", "runs code as a passed role"),
    ("cloudformation:CreateStack", "creates resources as a passed role"),
    ("cloudformation:CreateStackSet", "creates resources as a passed role"),
    ("cloudformation:ExecuteChangeSet", "creates resources as the role of the stack"),
    ("cloudformation:UpdateStack", "creates resources as the role of the stack"),
    ("cloudformation:UpdateStackSet", "creates resources as the role of the stack set"),
    ("codebuild:CreateProject", "runs builds as a passed role"),
    ("codebuild:StartBuild", "runs commands as the role of the project"),
    ("codebuild:StartBuildBatch", "runs commands as the role of the project"),
    ("codebuild:UpdateProject", "runs commands as the role of the project"),
    ("codestar:CreateProject", "creates resources as a passed role"),
    ("cognito-identity:SetIdentityPoolRoles", "hands out a passed role"),
    ("datapipeline:CreatePipeline", "runs commands as a passed role"),
    ("datapipeline:PutPipelineDefinition", "runs commands as the role of the pipeline"),
    ("ec2-instance-connect:SendSSHPublicKey", "logs in to instances and uses their role"),
    ("ec2:AssociateIamInstanceProfile", "gives an instance a passed role"),
    ("ec2:CreateLaunchTemplate", "starts instances with a passed role"),
    ("ec2:CreateLaunchTemplateVersion", "starts instances with a passed role"),
    ("ec2:ModifyInstanceAttribute", "changes the start-up script of an instance and uses its role"),
    ("ec2:ReplaceIamInstanceProfileAssociation", "gives an instance a passed role"),
    ("ec2:RequestSpotInstances", "starts instances with a passed role"),
    ("ec2:RunInstances", "starts instances with a passed role"),
    ("ecs:ExecuteCommand", "runs commands as the role of a task"),
    ("ecs:RegisterTaskDefinition", "runs containers as a passed role"),
    ("ecs:RunTask", "runs containers as a passed role"),
    ("eks:AssociateAccessPolicy", "gives itself rights in a cluster"),
    ("eks:CreateAccessEntry", "gives itself rights in a cluster"),
    ("glue:CreateDevEndpoint", "runs code as a passed role"),
    ("glue:CreateJob", "runs code as a passed role"),
    ("glue:CreateSession", "runs code as a passed role"),
    ("glue:UpdateDevEndpoint", "logs in to an endpoint and uses its role"),
    ("glue:UpdateJob", "runs code as the role of a job"),
    ("iam:AddUserToGroup", "joins a group and gets its policies"),
    ("iam:AttachGroupPolicy", "gives a group any policy"),
    ("iam:AttachRolePolicy", "gives a role any policy"),
    ("iam:AttachUserPolicy", "gives a user any policy"),
    ("iam:CreateAccessKey", "makes keys of another user"),
    ("iam:CreateLoginProfile", "sets the password of another user"),
    ("iam:CreatePolicyVersion", "rewrites a policy that is attached"),
    ("iam:CreateServiceSpecificCredential", "makes credentials of another user"),
    ("iam:DeactivateMFADevice", "takes the second factor off"),
    ("iam:DeleteRolePermissionsBoundary", "takes a boundary off"),
    ("iam:DeleteUserPermissionsBoundary", "takes a boundary off"),
    ("iam:PassRole", "hands a role to a service"),
    ("iam:PutGroupPolicy", "writes a group's policy"),
    ("iam:PutRolePermissionsBoundary", "widens a boundary"),
    ("iam:PutRolePolicy", "writes a role's policy"),
    ("iam:PutUserPermissionsBoundary", "widens a boundary"),
    ("iam:PutUserPolicy", "writes a user's policy"),
    ("iam:SetDefaultPolicyVersion", "brings back an older, wider version of a policy"),
    ("iam:UpdateAssumeRolePolicy", "lets itself assume a role"),
    ("iam:UpdateLoginProfile", "sets the password of another user"),
    ("kms:CreateGrant", "gives away the use of a key"),
    ("kms:PutKeyPolicy", "rewrites who may use a key"),
    ("lambda:AddPermission", "lets another account call a function"),
    ("lambda:CreateEventSourceMapping", "triggers a function with a passed role"),
    ("lambda:CreateFunction", "runs code as a passed role"),
    ("lambda:UpdateFunctionCode", "runs code as the role of a function"),
    ("lambda:UpdateFunctionConfiguration", "runs code as the role of a function, through a layer"),
    ("organizations:AttachPolicy", "changes what accounts may do"),
    ("organizations:DetachPolicy", "takes limits off accounts"),
    ("organizations:UpdatePolicy", "changes what accounts may do"),
    ("s3:PutBucketPolicy", "rewrites who may use a bucket"),
    ("sagemaker:CreateNotebookInstance", "runs code as a passed role"),
    ("sagemaker:CreatePresignedNotebookInstanceUrl", "uses the role of a notebook"),
    ("sagemaker:CreateProcessingJob", "runs code as a passed role"),
    ("sagemaker:CreateTrainingJob", "runs code as a passed role"),
    ("secretsmanager:PutResourcePolicy", "rewrites who may read a secret"),
    ("ssm:CreateAssociation", "runs commands on instances and uses their role"),
    ("ssm:SendCommand", "runs commands on instances and uses their role"),
    ("ssm:StartAutomationExecution", "runs automations as a passed role"),
    ("ssm:StartSession", "logs in to instances and uses their role"),
    ("sso:AttachManagedPolicyToPermissionSet", "widens a permission set"),
    ("sso:CreateAccountAssignment", "gives itself a permission set"),
    ("sso:PutInlinePolicyToPermissionSet", "widens a permission set"),
    ("states:CreateStateMachine", "runs steps as a passed role"),
    ("states:UpdateStateMachine", "runs steps as the role of a state machine"),
    ("sts:AssumeRole", "takes another role"),
];

/// What an action opens to its holder, if it is known to.
pub fn escalation(action: &str) -> Option<&'static str> {
    // INVARIANT: the list is sorted (tested), in the catalogue's casing.
    let at = ESCALATIONS.binary_search_by(|(known, _)| known.cmp(&action)).ok()?;
    ESCALATIONS.get(at).map(|(_, opens)| *opens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(ESCALATIONS.is_sorted_by(|a, b| a.0 < b.0));
        let catalog = crate::iam::Catalog::embedded();
        for action in ESCALATIONS.iter().map(|(action, _)| *action) {
            assert_eq!(catalog.action(action).map(|known| &*known.name), Some(action));
        }
        assert_eq!(escalation("iam:PassRole"), Some("hands a role to a service"));
        assert_eq!(escalation("s3:GetObject"), None);
    }
}
