//! `imagebuilder`: what recipes are made of; whom its roles are for, and those by their names; tags on what it makes;
//! how its names are read and its ARNs are written.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, NamedRole, Reading, ServiceRules, ValueReader, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| of_parts(call).unwrap_or_default()),
    passed_to: &[
        passed_to(&[], &["instanceprofilename"], &["ec2"]),
        // VM Import/Export User Guide, "Required service role": `vmie.amazonaws.com` takes it on.
        passed_to(&["UpdateDistributionConfiguration"], &["rolename"], &["imagebuilder", "vmie"]),
        passed_to(&[], &["rolename"], NOT_PASSED),
    ],
    named_roles: Some(named_roles),
    special: Some(imported),
    tag_actions: &[("UpdateImagePipeline", "TagResource")],
    policy_arns: Some(|_, arn, request| vec![of_recipe(arn, request)]),
    read: Some(|_, variable| {
        let is_name = variable.ends_with("Name") || matches!(variable, "ResourceId" | "WorkflowType");
        is_name.then(|| ValueReader::new(as_in_arns))
    }),
    ..ServiceRules::new("imagebuilder")
};

/// Roles by their names.
/// Source: Image Builder API Reference, CreateImage, CreateLifecyclePolicy, StartResourceStateUpdate, "executionRole":
/// the name or ARN of the role; S3ExportConfiguration, "roleName"; Service Authorization Reference, operations of Image
/// Builder: iam:PassRole, of distributions for UpdateDistributionConfiguration alone.
fn named_roles(call: &Call<'_, '_>) -> Vec<NamedRole> {
    let exporting = if call.is("UpdateDistributionConfiguration") {
        call.request.parameters.texts_anywhere("roleName")
    } else {
        Vec::new()
    };
    let exporting = exporting.into_iter().map(|role| ("roleName".to_owned(), role.to_owned()));
    call.roles_in(&["executionRole"]).into_iter().chain(exporting).collect()
}

/// Components and images that a recipe is made of, of which it may leave the version or the build open.
/// Source: Service Authorization Reference, operations of Image Builder; API Reference, ComponentConfiguration,
/// "componentArn": `x.x.x` is the latest version.
fn of_parts(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let is_recipe = call.is("CreateImageRecipe") || call.is("CreateContainerRecipe");
    let parameters = is_recipe.then_some(&call.request.parameters)?;
    let parts = [
        ("imagebuilder:GetComponent", ":component/", "componentArn"),
        ("imagebuilder:GetImage", ":image/", "parentImage"),
    ];
    let of = |(name, kind, parameter): (&str, &str, &str)| {
        let arns: Vec<String> =
            parameters.texts_anywhere(parameter).into_iter().filter_map(|arn| any_build(arn, kind)).collect();
        let action = call.catalog.action(name).filter(|_| !arns.is_empty())?;
        Some(permission(action, arns, "part-of-recipe", "Service Authorization Reference, operations of Image Builder"))
    };
    Some(parts.into_iter().filter_map(of).collect())
}

/// The ARN of a component or an image of Image Builder, with a pattern for what it leaves open.
fn any_build(arn: &str, kind: &str) -> Option<String> {
    let (front, named) = arn.split_once(kind).filter(|(front, _)| front.contains(":imagebuilder:"))?;
    let (name, version) = named.split_once('/')?;
    match version.contains('/') {
        true => None,
        false if version.contains('x') => Some(format!("{}{kind}{}/*", escape(front), escape(name))),
        false => Some(format!("{}/*", escape(arn))),
    }
}

/// An image that is imported is called by the request; its build is numbered.
/// Source: Image Builder API Reference, ImportVmImage, ImportDiskImage.
fn imported(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let imports = ["ImportVmImage", "ImportDiskImage"];
    let action = imports.iter().find_map(|name| call.only("imagebuilder", name))?;
    let images = call.resources(action);
    let source = "Image Builder API Reference, ImportVmImage";
    let builds = images.iter().map(|image| format!("{image}/*")).collect();
    let tag = call.catalog.action("imagebuilder:TagResource").filter(|_| call.request.parameters.has("tags"));
    let tagged = tag.map(|tag| permission(tag, builds, "imported-image", source));
    Some([permission(action, images, "imported-image", source)].into_iter().chain(tagged).collect())
}

/// `Build Small` is `build-small` in ARNs.
/// Source: Image Builder API Reference, CreateInfrastructureConfiguration: names may have capitals and spaces, ARNs none.
fn as_in_arns(name: &str) -> Reading<'_> {
    let is_other = |letter: u8| letter.is_ascii_uppercase() || letter == b' ';
    if !name.bytes().any(is_other) {
        return Reading::Name(name);
    }
    Reading::Exactly(escape(&name.to_ascii_lowercase().replace(' ', "-")))
}

/// What is made by a recipe is called after it and has its version; the number of the build is counted.
/// Source: Image Builder API Reference, CreateImage: `image/name/1.0.0/1` of `image-recipe/name/1.0.0`; User Guide,
/// "Semantic versioning".
fn of_recipe(arn: String, request: &Request<'_>) -> String {
    let Some((head, _)) = arn.split_once(":image/").filter(|(_, rest)| rest.ends_with("/*")) else { return arn };
    let recipe = ["imageRecipeArn", "containerRecipeArn"].iter().find_map(|key| request.parameters.text(key));
    let named = recipe.and_then(|recipe| recipe.split_once("-recipe/"));
    let of = |(_, named): (_, &str)| {
        let (name, version) = named.split_once('/').filter(|(_, version)| !version.contains(['/', ':']))?;
        // `x.x.x` leaves open which version it is.
        let version = if version.contains('x') { "*".to_owned() } else { escape(version) };
        Some(format!("{head}:image/{}/{version}/*", escape(name)))
    };
    named.and_then(of).unwrap_or(arn)
}
