//! `quicksight`: folders that something new is put into; whom its roles are for; how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| put_into_folders(call).into_iter().collect()),
    passed_to: &[
        // QuickSight API Reference, RegisterUser: the user's role is READER, AUTHOR or ADMIN.
        passed_to(&["RegisterUser", "UpdateUser"], &[], NOT_PASSED),
    ],
    policy_arns: Some(|_, arn, request| {
        let member = member_of_folder(&arn, request);
        member.into_iter().chain([of_quicksight(of_namespace(arn, request))]).collect()
    }),
    ..ServiceRules::new("quicksight")
};

/// What is made is put into folders at once.
/// Source: QuickSight API Reference, CreateAnalysis, "FolderArns"; Service Authorization Reference, operations of
/// QuickSight, and the types that CreateFolderMembership takes.
fn put_into_folders(call: &Call<'_, '_>) -> Option<Permission> {
    let folders = call.request.parameters.texts_anywhere("folderArns");
    let action =
        call.catalog.action("quicksight:CreateFolderMembership").filter(|_| call.operation.starts_with("Create"))?;
    let made = call.own_action("quicksight").map(|own| call.resources(own)).unwrap_or_default();
    let arns = folders.iter().map(|folder| escape(folder)).chain(made.into_iter().filter(|_| !folders.is_empty()));
    let taken: Vec<String> = arns.filter(|arn| call.catalog.does_take(action, arn)).collect();
    (!taken.is_empty())
        .then(|| permission(action, taken, "put-into-folder", "QuickSight API Reference, CreateAnalysis"))
}

/// QuickSight's starter themes. Source: QuickSight API Reference, DescribeTheme; User Guide, "Using themes".
const THEMES: &[&str] = &["CLASSIC", "MIDNIGHT", "RAINIER", "SEASIDE"];

/// A theme of QuickSight: those of AWS have its word in the place of an account, and no region.
/// Source: QuickSight API Reference, ListThemes: `arn:aws:quicksight::aws:theme/CLASSIC`.
fn of_quicksight(resource: String) -> String {
    let theme = resource.split_once(":theme/").filter(|(_, name)| THEMES.contains(name));
    let partition = theme.and_then(|(head, name)| Some((head.split(':').nth(1)?, name)));
    match partition {
        Some((partition, name)) => format!("arn:{partition}:quicksight::aws:theme/{name}"),
        None => resource,
    }
}

/// Users and groups of QuickSight are within a namespace, which the tables don't say.
/// Source: a denial, amazon-archives/amazon-quicksight-embedding-sample#19 (`user/default/username`); QuickSight User
/// Guide, identity-based policies: `group/default/*`.
fn of_namespace(resource: String, request: &Request<'_>) -> String {
    let is_within = |kind: &&str| resource.split_once(*kind).is_some_and(|(_, name)| !name.contains('/'));
    let Some(kind) = [":user/", ":group/"].into_iter().find(is_within) else { return resource };
    match request.parameters.text("namespace").filter(|namespace| !namespace.contains(['/', ':'])) {
        Some(namespace) => resource.replacen(kind, &format!("{kind}{}/", escape(namespace)), 1),
        None => resource,
    }
}

/// What is put into a folder or taken out of it: its type stands beside its id.
/// Source: Service Authorization Reference, CreateFolderMembership: analyses, dashboards and data sets; QuickSight API
/// Reference, "MemberType".
fn member_of_folder(folder: &str, request: &Request<'_>) -> Option<String> {
    let kind = request.parameters.text("memberType")?.to_ascii_lowercase();
    let id = request.parameters.text("memberId").filter(|id| !id.contains(['/', ':']))?;
    let (front, _) = folder.split_once(":folder/")?;
    ["analysis", "dashboard", "dataset"].contains(&kind.as_str()).then(|| format!("{front}:{kind}/{}", escape(id)))
}
