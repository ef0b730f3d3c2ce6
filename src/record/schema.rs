//! The columns of `events`: one place that names every field of a CloudTrail record, its type and how it is stored.
//!
//! Source of the fields: AWS CloudTrail User Guide, "CloudTrail record contents for management, data, and network
//! activity events", event version 1.11, "userIdentity element", "Insights events record contents" and "Aggregated
//! events record contents".

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// How a field's value is held in its column, and which JSON spelling counts as canonical.
///
/// A value in another spelling is still put into the column where its meaning is plain (`"true"` for `true`); its
/// original text is kept in [`ADDITIONAL_FIELDS`], so that the record can be reproduced exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A JSON string, any length.
    Text,
    /// A JSON string with few distinct values: worth a dictionary.
    Word,
    /// JSON `true` or `false`.
    Bool,
    /// The JSON strings `"true"` or `"false"`, as CloudTrail spells `mfaAuthenticated`.
    BoolText,
    /// A JSON string `YYYY-MM-DDTHH:MM:SSZ`; the column holds microseconds UTC.
    Time,
    /// Free content: the JSON text of the value as logged, insignificant white space removed.
    Json,
    /// The `resources` list.
    Resources,
    /// Worked out from other fields, not part of the record; few distinct values.
    DerivedWord,
    /// Worked out from other fields, not part of the record.
    DerivedText,
    /// The day of the event, UTC; not part of the record.
    DerivedDate,
}

/// One column of `events`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The column's name.
    pub name: &'static str,
    /// Where the value stands in a record, `.` between keys; empty for derived columns.
    pub path: &'static str,
    /// How it is held.
    pub kind: Kind,
    /// Whether the Parquet file carries a bloom filter for it: identifiers that people look up one of.
    pub bloom: bool,
}

const fn col(name: &'static str, path: &'static str, kind: Kind) -> Column {
    Column { name, path, kind, bloom: false }
}

const fn id(name: &'static str, path: &'static str) -> Column {
    Column { name, path, kind: Kind::Text, bloom: true }
}

/// Column that keeps, as one JSON object of path → value, whatever has no column or no canonical spelling.
pub const ADDITIONAL_FIELDS: &str = "additional_fields";

/// Column that names the known fields which were present but held `null` or `{}`, and those that were not although their
/// columns have a value out of another field: `path=null,path={},path=absent`.
pub const EMPTY_FIELDS: &str = "empty_fields";

/// Every column of `events`, in order. A column's Parquet field id and DuckLake column id is its position plus one
/// (nested fields come after all of these): append, never reorder.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    col("event_date", "", Kind::DerivedDate),
    col("event_time", "eventTime", Kind::Time),
    id("event_id", "eventID"),
    col("event_version", "eventVersion", Kind::Word),
    col("event_source", "eventSource", Kind::Word),
    col("event_name", "eventName", Kind::Word),
    col("event_type", "eventType", Kind::Word),
    col("event_category", "eventCategory", Kind::Word),
    col("aws_region", "awsRegion", Kind::Word),
    col("recipient_account_id", "recipientAccountId", Kind::Word),
    col("principal_arn", "", Kind::DerivedWord),
    col("principal_type", "", Kind::DerivedWord),
    col("principal_account_id", "", Kind::DerivedWord),
    col("session_name", "", Kind::DerivedWord),
    col("permission_set", "", Kind::DerivedWord),
    col("source_ip_address", "sourceIPAddress", Kind::Word),
    col("user_agent", "userAgent", Kind::Word),
    col("error_code", "errorCode", Kind::Word),
    col("error_message", "errorMessage", Kind::Text),
    id("request_id", "requestID"),
    col("read_only", "readOnly", Kind::Bool),
    col("management_event", "managementEvent", Kind::Bool),
    col("api_version", "apiVersion", Kind::Word),
    id("shared_event_id", "sharedEventID"),
    col("vpc_endpoint_id", "vpcEndpointId", Kind::Word),
    col("vpc_endpoint_account_id", "vpcEndpointAccountId", Kind::Word),
    col("session_credential_from_console", "sessionCredentialFromConsole", Kind::BoolText),
    col("user_identity_type", "userIdentity.type", Kind::Word),
    col("user_identity_principal_id", "userIdentity.principalId", Kind::Word),
    col("user_identity_arn", "userIdentity.arn", Kind::Word),
    col("user_identity_account_id", "userIdentity.accountId", Kind::Word),
    Column { name: "user_identity_access_key_id", path: "userIdentity.accessKeyId", kind: Kind::Word, bloom: true },
    col("user_identity_user_name", "userIdentity.userName", Kind::Word),
    col("user_identity_invoked_by", "userIdentity.invokedBy", Kind::Word),
    col("user_identity_identity_provider", "userIdentity.identityProvider", Kind::Word),
    col("user_identity_credential_id", "userIdentity.credentialId", Kind::Word),
    col("on_behalf_of_user_id", "userIdentity.onBehalfOf.userId", Kind::Word),
    col("on_behalf_of_identity_store_arn", "userIdentity.onBehalfOf.identityStoreArn", Kind::Word),
    col("in_scope_of_source_arn", "userIdentity.inScopeOf.sourceArn", Kind::Word),
    col("in_scope_of_source_account", "userIdentity.inScopeOf.sourceAccount", Kind::Word),
    col("in_scope_of_issuer_type", "userIdentity.inScopeOf.issuerType", Kind::Word),
    col("in_scope_of_credentials_issued_to", "userIdentity.inScopeOf.credentialsIssuedTo", Kind::Word),
    col("session_creation_date", "userIdentity.sessionContext.attributes.creationDate", Kind::Time),
    col("mfa_authenticated", "userIdentity.sessionContext.attributes.mfaAuthenticated", Kind::BoolText),
    col("session_source_identity", "userIdentity.sessionContext.sourceIdentity", Kind::Word),
    col("session_ec2_role_delivery", "userIdentity.sessionContext.ec2RoleDelivery", Kind::Word),
    col("session_assumed_root", "userIdentity.sessionContext.assumedRoot", Kind::BoolText),
    col("session_issuer_type", "userIdentity.sessionContext.sessionIssuer.type", Kind::Word),
    col("session_issuer_principal_id", "userIdentity.sessionContext.sessionIssuer.principalId", Kind::Word),
    col("session_issuer_arn", "userIdentity.sessionContext.sessionIssuer.arn", Kind::Word),
    col("session_issuer_account_id", "userIdentity.sessionContext.sessionIssuer.accountId", Kind::Word),
    col("session_issuer_user_name", "userIdentity.sessionContext.sessionIssuer.userName", Kind::Word),
    col("web_id_federation_provider", "userIdentity.sessionContext.webIdFederationData.federatedProvider", Kind::Word),
    col("web_id_federation_attributes", "userIdentity.sessionContext.webIdFederationData.attributes", Kind::Json),
    col("tls_version", "tlsDetails.tlsVersion", Kind::Word),
    col("tls_cipher_suite", "tlsDetails.cipherSuite", Kind::Word),
    col("tls_client_provided_host_header", "tlsDetails.clientProvidedHostHeader", Kind::Word),
    col("addendum_reason", "addendum.reason", Kind::Word),
    col("addendum_updated_fields", "addendum.updatedFields", Kind::Text),
    col("addendum_original_request_id", "addendum.originalRequestID", Kind::Text),
    col("addendum_original_event_id", "addendum.originalEventID", Kind::Text),
    col("insight_state", "insightDetails.state", Kind::Word),
    col("insight_event_source", "insightDetails.eventSource", Kind::Word),
    col("insight_event_name", "insightDetails.eventName", Kind::Word),
    col("insight_type", "insightDetails.insightType", Kind::Word),
    col("insight_error_code", "insightDetails.errorCode", Kind::Word),
    col("insight_source", "insightDetails.insightSource", Kind::Word),
    col("insight_source_event_category", "insightDetails.sourceEventCategory", Kind::Word),
    col("insight_context", "insightDetails.insightContext", Kind::Json),
    col("event_context_request", "eventContext.requestContext", Kind::Json),
    col("event_context_tags", "eventContext.tagContext", Kind::Json),
    col("aggregation_time_window", "timeWindow", Kind::Json),
    col("aggregation_summary", "summary", Kind::Json),
    col("edge_device_details", "edgeDeviceDetails", Kind::Json),
    col("request_parameters", "requestParameters", Kind::Json),
    col("response_elements", "responseElements", Kind::Json),
    col("additional_event_data", "additionalEventData", Kind::Json),
    col("service_event_details", "serviceEventDetails", Kind::Json),
    col("resources", "resources", Kind::Resources),
    col(EMPTY_FIELDS, "", Kind::DerivedWord),
    col(ADDITIONAL_FIELDS, "", Kind::DerivedText),
];

/// The columns by which rows are sorted within a file, so that one principal's rows lie together.
pub const SORT_ORDER: &[&str] = &["recipient_account_id", "principal_arn", "event_source", "event_name", "event_time"];

/// The fields of one entry of `resources`: column name and CloudTrail's key.
pub const RESOURCE_FIELDS: &[(&str, &str)] =
    &[("arn", "ARN"), ("account_id", "accountId"), ("type", "type"), ("arn_prefix", "ARNPrefix")];

/// Metadata key under which Parquet keeps a column's id.
pub const FIELD_ID_KEY: &str = "PARQUET:field_id";

fn with_id(field: Field, field_id: usize) -> Field {
    field.with_metadata([(FIELD_ID_KEY.to_owned(), field_id.to_string())].into())
}

fn resources_type(first_id: usize, words: &DataType) -> DataType {
    let members: Fields = RESOURCE_FIELDS
        .iter()
        .enumerate()
        .map(|(i, (name, _))| with_id(Field::new(*name, words.clone(), true), first_id + 1 + i))
        .collect();
    DataType::List(Arc::new(with_id(Field::new("element", DataType::Struct(members), true), first_id)))
}

/// The Arrow schema of `events`, with Parquet field ids. Strings are `Utf8`; times are microseconds UTC.
pub fn events() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema_with(&DataType::Utf8));
    Arc::clone(&SCHEMA)
}

/// The same as records are encoded: columns of few distinct values are dictionaries.
pub fn encoded() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| schema_with(&DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))));
    Arc::clone(&SCHEMA)
}

fn schema_with(words: &DataType) -> SchemaRef {
    let field = |(i, column): (usize, &Column)| {
        let data_type = match column.kind {
            Kind::Bool | Kind::BoolText => DataType::Boolean,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::DerivedDate => DataType::Date32,
            Kind::Resources => resources_type(COLUMNS.len() + 1, words),
            Kind::Word | Kind::DerivedWord => words.clone(),
            Kind::Text | Kind::Json | Kind::DerivedText => DataType::Utf8,
        };
        with_id(Field::new(column.name, data_type, true), i + 1)
    };
    Arc::new(Schema::new(COLUMNS.iter().enumerate().map(field).collect::<Fields>()))
}

/// Position of a column of `events`, for code that addresses arrays of a batch by name.
pub fn index_of(name: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.name == name)
}
