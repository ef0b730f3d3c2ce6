//! Terraform: `aws_iam_policy_document` data sources and the resources that use them.
//!
//! The AWS provider reads `&{` in a policy document as `${` (its documentation of `aws_iam_policy_document`, "Context
//! Variable Interpolation"), and nothing escapes it. A name that holds it gets `?{` in its place: one character wider,
//! instead of a policy variable that somebody put into a log.

use hcl::expr::{Traversal, Variable};
use hcl::{Block, Body, Expression};

use super::renderer::{RenderError, Renderer, Source, identifier};
use crate::iam::document::{Condition, Policy, Principal, PrincipalSpec, Statement, Version};
use crate::policy::{Attach, Kind, Made};

#[derive(Debug)]
pub(super) struct Terraform;

impl Renderer for Terraform {
    fn name(&self) -> &'static str {
        "terraform"
    }

    fn about(&self) -> &'static str {
        "HCL: aws_iam_policy_document and aws_iam_policy"
    }

    fn extension(&self) -> &'static str {
        "tf"
    }

    fn render(&self, source: &Source<'_>) -> Result<String, RenderError> {
        let failed = |error| RenderError::new(format!("cannot write the policy as HCL: {error}"), "json");
        configuration(source.made).map_err(failed)
    }
}

/// A configuration: variables, data sources, resources.
fn configuration(made: &Made) -> Result<String, hcl::Error> {
    let mut body = Body::builder();
    for (name, description) in variables(made) {
        let variable = Block::builder("variable")
            .add_label(*name)
            .add_attribute(("type", reference(&["string"])?))
            .add_attribute(("description", *description));
        body = body.add_block(variable.build());
    }
    for document in &made.documents {
        let id = identifier(&document.name, Some('_')).to_ascii_lowercase();
        body = body.add_block(data(&id, &document.policy));
        body = body.add_block(resource(made, &id, &document.name)?);
    }
    hcl::to_string(&body.build())
}

/// What the configuration has to be told.
fn variables(made: &Made) -> &'static [(&'static str, &'static str)] {
    match (made.kind, made.attach) {
        (Kind::Identity, Attach::InlineRole) => &[("role", "Name of the role")],
        (Kind::Identity, Attach::InlineUser) => &[("user", "Name of the user")],
        (Kind::Identity, Attach::InlineGroup) => &[("group", "Name of the group")],
        (Kind::PermissionSet, _) => &[
            ("instance_arn", "ARN of the Identity Center instance"),
            ("permission_set_arn", "ARN of the permission set"),
        ],
        _ => &[],
    }
}

fn data(id: &str, policy: &Policy) -> Block {
    let mut data = Block::builder("data").add_label("aws_iam_policy_document").add_label(id);
    if policy.language() == Version::V2008 {
        // The provider takes the current language where nothing is said, in which `${` begins a variable.
        data = data.add_attribute(("version", Version::V2008.as_str()));
    }
    for statement in &policy.statements {
        data = data.add_block(block(statement));
    }
    data.build()
}

fn block(statement: &Statement) -> Block {
    let mut block = Block::builder("statement");
    if let Some(sid) = &statement.sid {
        block = block.add_attribute(("sid", sid.as_str()));
    }
    block = block
        .add_attribute(("effect", statement.effect.as_str()))
        .add_attribute((argument(statement.actions.element()), list(statement.actions.patterns())));
    if let Some(element) = statement.resources.element() {
        block = block.add_attribute((argument(element), list(statement.resources.patterns())));
    }
    for principals in principals(statement) {
        block = block.add_block(principals);
    }
    for condition in &statement.condition {
        for test in conditions(condition) {
            block = block.add_block(test);
        }
    }
    block.build()
}

/// Whom a trust policy names: one block a kind.
fn principals(statement: &Statement) -> Vec<Block> {
    let (name, who) = match &statement.principal {
        None => return Vec::new(),
        Some(PrincipalSpec::Principal(who)) => ("principals", who),
        Some(PrincipalSpec::NotPrincipal(who)) => ("not_principals", who),
    };
    let block = |kind: &str, ids: &[String]| {
        Block::builder(name).add_attribute(("type", kind)).add_attribute(("identifiers", list(ids))).build()
    };
    match who {
        Principal::Everyone => vec![block("*", &["*".to_owned()])],
        Principal::Of(kinds) => kinds.iter().map(|(kind, ids)| block(kind, ids)).collect(),
    }
}

/// The label of a role's document and output.
pub(super) fn trust_id(name: &str) -> String {
    format!("{}_trust", identifier(name, Some('_')).to_ascii_lowercase())
}

/// A trust policy: a data source for the `assume_role_policy` of an `aws_iam_role`, which is all of it that Terraform
/// can set by itself, and an output that shows it.
pub(super) fn trust(name: &str, policy: &Policy) -> Result<String, hcl::Error> {
    let id = trust_id(name);
    let value = reference(&["data", "aws_iam_policy_document", &id, "json"])?;
    let output = Block::builder("output").add_label(id.as_str()).add_attribute(("value", value)).build();
    hcl::to_string(&Body::builder().add_block(data(&id, policy)).add_block(output).build())
}

/// What the provider calls an element.
fn argument(element: &str) -> &'static str {
    match element {
        "NotAction" => "not_actions",
        "Resource" => "resources",
        "NotResource" => "not_resources",
        _ => "actions",
    }
}

fn conditions(condition: &Condition) -> impl Iterator<Item = Block> {
    condition.keys.iter().map(|(key, values)| {
        Block::builder("condition")
            .add_attribute(("test", condition.operator.as_str()))
            .add_attribute(("variable", key.as_str()))
            .add_attribute(("values", list(values)))
            .build()
    })
}

fn list(texts: &[String]) -> Expression {
    texts.iter().map(|text| Expression::from(text.replace("&{", "?{"))).collect::<Vec<_>>().into()
}

fn resource(made: &Made, id: &str, name: &str) -> Result<Block, hcl::Error> {
    let json = reference(&["data", "aws_iam_policy_document", id, "json"])?;
    let resource = |kind: &str| Block::builder("resource").add_label(kind).add_label(id);
    let inline = |kind: &str, whose: &str, json: Expression| -> Result<Block, hcl::Error> {
        let owner = reference(&["var", whose])?;
        Ok(resource(kind)
            .add_attribute(("name", name))
            .add_attribute((whose, owner))
            .add_attribute(("policy", json))
            .build())
    };
    Ok(match (made.kind, made.attach) {
        (Kind::Identity, Attach::InlineRole) => inline("aws_iam_role_policy", "role", json)?,
        (Kind::Identity, Attach::InlineUser) => inline("aws_iam_user_policy", "user", json)?,
        (Kind::Identity, Attach::InlineGroup) => inline("aws_iam_group_policy", "group", json)?,
        (Kind::Identity | Kind::Boundary, _) => {
            resource("aws_iam_policy").add_attribute(("name", name)).add_attribute(("policy", json)).build()
        }
        (Kind::Scp, _) => resource("aws_organizations_policy")
            .add_attribute(("name", name))
            .add_attribute(("type", "SERVICE_CONTROL_POLICY"))
            // White space counts in a service control policy.
            .add_attribute(("content", reference(&["data", "aws_iam_policy_document", id, "minified_json"])?))
            .build(),
        (Kind::PermissionSet, _) => resource("aws_ssoadmin_permission_set_inline_policy")
            .add_attribute(("instance_arn", reference(&["var", "instance_arn"])?))
            .add_attribute(("permission_set_arn", reference(&["var", "permission_set_arn"])?))
            .add_attribute(("inline_policy", json))
            .build(),
        (Kind::Session, _) => Block::builder("output").add_label(id).add_attribute(("value", json)).build(),
    })
}

/// `a.b.c`, or a bare word.
fn reference(path: &[&str]) -> Result<Expression, hcl::Error> {
    let (first, rest) = path.split_first().unwrap_or((&"null", &[]));
    let variable = Variable::new(*first)?;
    if rest.is_empty() {
        return Ok(variable.into());
    }
    let traversal = rest.iter().fold(Traversal::builder(variable), |traversal, name| traversal.attr(*name));
    Ok(traversal.build().into())
}
