//! Service Reference JSON: what AWS publishes of each service at `https://servicereference.us-east-1.amazonaws.com/`.
//!
//! Source: Service Authorization Reference, "Simplified AWS service information for programmatic access". A file has
//! one service; a list of several is taken as well. Keys that are not known are passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::iam::catalog::access_level::AccessLevel;
use crate::iam::catalog::file::{is_action, is_arn_format, is_prefix, is_type, is_word};
use crate::util::shown;

/// A file that is none of the Service Reference.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}\nhint: give files as https://servicereference.us-east-1.amazonaws.com/v1/s3/s3.json has them")]
pub struct ReferenceError(String);

/// What the Service Reference says of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// The IAM prefix.
    pub prefix: String,
    /// By name in lower case.
    pub(super) actions: BTreeMap<String, ReferenceAction>,
    /// Resource types with their ARN formats.
    pub(super) types: BTreeMap<String, BTreeSet<String>>,
    /// Operation → the actions that it is authorised for, by full name; `None` where it says nothing of operations.
    pub(super) operations: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// An action of it; what it doesn't say is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReferenceAction {
    pub name: String,
    pub access_level: Option<AccessLevel>,
    pub types: Option<BTreeSet<String>>,
    pub keys: Option<BTreeSet<String>>,
}

impl Reference {
    /// Reads a file: one service, or a list of several.
    ///
    /// # Errors
    /// It is no JSON of that form, or a name in it is none.
    pub fn read(bytes: &[u8]) -> Result<Vec<Reference>, ReferenceError> {
        let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let parsed = match start {
            Some(b'[') => serde_json::from_slice::<Vec<ServiceJson>>(bytes),
            _ => serde_json::from_slice::<ServiceJson>(bytes).map(|one| vec![one]),
        };
        let services = parsed.map_err(|error| ReferenceError(shown::name(&error.to_string()).into_owned()))?;
        services.into_iter().map(|service| service.checked().map_err(ReferenceError)).collect()
    }

    /// How many actions it lists.
    pub fn actions(&self) -> usize {
        self.actions.len()
    }

    /// Whether it lists an action, by its name without the service.
    pub fn lists(&self, action: &str) -> bool {
        self.actions.contains_key(&action.to_ascii_lowercase())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceJson {
    name: String,
    actions: Vec<ActionJson>,
    resources: Option<Vec<ResourceJson>>,
    operations: Option<Vec<OperationJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ActionJson {
    name: String,
    action_condition_keys: Option<Vec<String>>,
    annotations: Option<AnnotationsJson>,
    resources: Option<Vec<NamedJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AnnotationsJson {
    properties: Option<PropertiesJson>,
}

/// The levels of an action: of several the gravest counts, and with none it reads.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct PropertiesJson {
    is_list: bool,
    is_permission_management: bool,
    is_tagging_only: bool,
    is_write: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedJson {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceJson {
    name: String,
    #[serde(rename = "ARNFormats")]
    arn_formats: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OperationJson {
    name: String,
    authorized_actions: Option<Vec<AuthorizedJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AuthorizedJson {
    name: String,
    service: Option<String>,
}

/// A name that may be what it is for.
fn checked(name: String, is: impl Fn(&str) -> bool, what: &str) -> Result<String, String> {
    match is(&name) {
        true => Ok(name),
        false => Err(format!("{what} of an impossible name: {}", shown::name(&name))),
    }
}

impl ServiceJson {
    fn checked(self) -> Result<Reference, String> {
        let prefix = checked(self.name.to_ascii_lowercase(), is_prefix, "a service")?;
        let mut reference = Reference { prefix, ..Reference::default() };
        for resource in self.resources.into_iter().flatten() {
            let name = checked(type_name(&resource.name), is_type, "a resource type")?;
            let formats = reference.types.entry(name).or_default();
            for format in resource.arn_formats.into_iter().flatten() {
                formats.insert(checked(format.replace(' ', "_"), is_arn_format, "an ARN format")?);
            }
        }
        for action in self.actions {
            let action = action.checked()?;
            let name = action.name.clone();
            if reference.actions.insert(name.to_ascii_lowercase(), action).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
        if let Some(operations) = self.operations {
            let operations = operations.into_iter().map(|one| one.checked(&reference.prefix));
            reference.operations = Some(operations.collect::<Result<_, _>>()?);
        }
        Ok(reference)
    }
}

/// As the table writes it: without blanks.
fn type_name(name: &str) -> String {
    name.replace(' ', "_")
}

impl ActionJson {
    fn checked(self) -> Result<ReferenceAction, String> {
        let name = checked(self.name, is_action, "an action")?;
        let types = self.resources.map(|types| {
            types.into_iter().map(|one| checked(type_name(&one.name), is_type, "a resource type")).collect()
        });
        let keys = self.action_condition_keys.map(|keys| {
            keys.into_iter().map(|key| checked(key.replace(' ', "_"), is_word, "a condition key")).collect()
        });
        let access_level = self.annotations.and_then(|annotations| annotations.properties).map(|has| match has {
            PropertiesJson { is_permission_management: true, .. } => AccessLevel::PermissionsManagement,
            PropertiesJson { is_write: true, .. } => AccessLevel::Write,
            PropertiesJson { is_tagging_only: true, .. } => AccessLevel::Tagging,
            PropertiesJson { is_list: true, .. } => AccessLevel::List,
            PropertiesJson { .. } => AccessLevel::Read,
        });
        Ok(ReferenceAction { name, access_level, types: types.transpose()?, keys: keys.transpose()? })
    }
}

impl OperationJson {
    fn checked(self, prefix: &str) -> Result<(String, BTreeSet<String>), String> {
        let name = checked(self.name, is_action, "an operation")?;
        let actions = self.authorized_actions.into_iter().flatten().map(|action| {
            let service = action.service.map_or_else(|| prefix.to_owned(), |service| service.to_ascii_lowercase());
            let service = checked(service, is_prefix, "a service")?;
            Ok(format!("{service}:{}", checked(action.name, is_action, "an action")?))
        });
        Ok((name, actions.collect::<Result<_, String>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as AWS has them, cut short: keys that mean nothing here among them.
    const FILE: &str = r#"{
      "Name": "Dreams",
      "Actions": [
        {"Name": "GetDream", "ActionConditionKeys": ["dreams:Depth"], "Resources": [{"Name": "dream world"}],
         "Annotations": {"Properties": {"IsList": false, "IsPermissionManagement": false, "IsTaggingOnly": false,
           "IsWrite": false}},
         "SupportedBy": {"IAM Access Analyzer Policy Generation": false, "IAM Action Last Accessed": false}},
        {"Name": "ShareDream", "Annotations": {"Properties": {"IsWrite": true, "IsPermissionManagement": true}}},
        {"Name": "Doze"}
      ],
      "ConditionKeys": [{"Name": "dreams:Depth", "Types": ["Numeric"]}],
      "Operations": [{"Name": "FetchDream", "AuthorizedActions": [{"Name": "GetDream", "Service": "dreams"}],
        "SDK": [{"Name": "dreams", "Method": "fetch_dream", "Package": "Boto3"}]}],
      "Resources": [{"Name": "dream world", "ARNFormats": ["arn:${Partition}:dreams:::${World}"], "ConditionKeys": []}],
      "Version": "v1.4"
    }"#;

    #[test]
    fn a_service_as_aws_publishes_it() {
        let read = Reference::read(FILE.as_bytes()).unwrap();
        let [dreams] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!((dreams.prefix.as_str(), dreams.actions()), ("dreams", 3));
        let levels: Vec<_> = dreams.actions.values().map(|one| (one.name.as_str(), one.access_level)).collect();
        assert_eq!(
            levels,
            [
                ("Doze", None),
                ("GetDream", Some(AccessLevel::Read)),
                ("ShareDream", Some(AccessLevel::PermissionsManagement))
            ]
        );
        assert_eq!(dreams.actions["getdream"].types, Some(BTreeSet::from(["dream_world".to_owned()])));
        assert_eq!((&dreams.actions["doze"].types, &dreams.actions["doze"].keys), (&None, &None));
        assert!(dreams.types["dream_world"].contains("arn:${Partition}:dreams:::${World}"));
        assert!(dreams.operations.as_ref().unwrap()["FetchDream"].contains("dreams:GetDream"));
        assert!(dreams.lists("GETDREAM") && !dreams.lists("PutDream"));
        assert_eq!(Reference::read(format!("[{FILE}, {FILE}]").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_none_is_refused_by_its_name() {
        for (from, to, told) in [
            ("\"GetDream\", \"Act", "\"*\", \"Act", "an action of an impossible name: *"),
            ("\"Doze\"", "\"Do\\nze\"", "an action of an impossible name: Do\\nze"),
            ("\"Doze\"", "\"getdream\"", "getdream is there twice"),
            ("\"Dreams\"", "\"Dre ams\"", "a service of an impossible name"),
            ("::${World}", "::${World", "an ARN format of an impossible name"),
            ("\"dreams:Depth\"]", "\"dreams:\\\"\"]", "a condition key of an impossible name"),
            ("\"Service\": \"dreams\"", "\"Service\": \"*\"", "a service of an impossible name: *"),
            ("\"Actions\"", "\"Deeds\"", "missing field `Actions`"),
            ("\"v1.4\"\n    }", "\"v1.4\"", "EOF while parsing"),
        ] {
            let broken = FILE.replacen(from, to, 1);
            assert!(broken != FILE, "{from}");
            let error = Reference::read(broken.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("hint:"), "{to}: {error}");
        }
        let list = r#"[{"service": "s3", "url": "https://servicereference.us-east-1.amazonaws.com/v1/s3/s3.json"}]"#;
        assert!(Reference::read(list.as_bytes()).is_err());
        assert!(Reference::read("[".repeat(100_000).as_bytes()).is_err());
        assert!(Reference::read(b"").is_err());
    }
}
