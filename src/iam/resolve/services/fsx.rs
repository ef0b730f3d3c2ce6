//! `fsx`: final backups; what a cache is linked with.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| final_backup(call).into_iter().collect()),
    // Source: FSx API Reference, DeleteFileSystem, DeleteVolume, "FinalBackupTags".
    tagged_types: Some(|operation, _| {
        let deletes = matches!(operation, "DeleteFileSystem" | "DeleteVolume");
        deletes.then(|| BTreeSet::from(["backup".to_owned()]))
    }),
    // A cache is no file system. Source: FSx API Reference, CreateFileCache, "DataRepositoryAssociations".
    policy_arns: Some(|action, arn, request| {
        let is_of_cache = action == "fsx:CreateDataRepositoryAssociation" && request.parameters.has("fileCacheType");
        let is_other = is_of_cache && arn.contains(":file-system/");
        if is_other { Vec::new() } else { vec![arn] }
    }),
    ..ServiceRules::new("fsx")
};

/// The backup that is taken before a file system is deleted.
/// Source: FSx API Reference, DeleteFileSystem, "SkipFinalBackup"; Service Authorization Reference, dependent actions.
fn final_backup(call: &Call<'_, '_>) -> Option<Permission> {
    if !call.is("DeleteFileSystem") || !is_backed_up(call.request) {
        return None;
    }
    let action = call.catalog.action("fsx:CreateBackup")?;
    Some(permission(action, call.resources(action), "final-backup", "FSx API Reference, DeleteFileSystem"))
}

/// Whether a backup was taken: the response names it, or the request says that it is not skipped.
fn is_backed_up(request: &Request<'_>) -> bool {
    let kinds = ["windowsConfiguration", "lustreConfiguration", "openZFSConfiguration"];
    let is_kept = |kind: &&str| {
        let Some(Value::Object(of_kind)) = request.parameters.get(kind) else { return false };
        of_kind.iter().any(|(key, value)| key.eq_ignore_ascii_case("skipFinalBackup") && *value == Value::Bool(false))
    };
    !request.answered("finalBackupId").is_empty() || kinds.iter().any(is_kept)
}
