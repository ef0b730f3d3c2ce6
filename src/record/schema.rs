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
    /// Its Parquet field id and DuckLake column id: a number that no other column has or had.
    pub field_id: u16,
    /// The column's name.
    pub name: &'static str,
    /// Where the value stands in a record, `.` between keys; empty for derived columns.
    pub path: &'static str,
    /// How it is held.
    pub kind: Kind,
    /// Whether the Parquet file carries a bloom filter for it: identifiers that people look up one of.
    pub bloom: bool,
    /// What it says, for people.
    pub what: &'static str,
}

const fn col(field_id: u16, name: &'static str, path: &'static str, kind: Kind, what: &'static str) -> Column {
    Column { field_id, name, path, kind, bloom: false, what }
}

const fn id(field_id: u16, name: &'static str, path: &'static str, what: &'static str) -> Column {
    Column { field_id, name, path, kind: Kind::Text, bloom: true, what }
}

/// Column that keeps, as one JSON object of path → value, whatever has no column or no canonical spelling.
pub const ADDITIONAL_FIELDS: &str = "additional_fields";

/// Column that names the known fields which were present but held `null` or `{}`, and those that were not although
/// their columns have a value out of another field: `path=null,path={},path=absent`.
pub const EMPTY_FIELDS: &str = "empty_fields";

/// Every column of `events`, in order. Ids are written into every file and every catalog, so that none may ever be
/// given to anything else, not even after its column has gone: append, never reorder, and take `NEXT_FIELD_ID`, which
/// grows.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    col(1, "event_date", "", Kind::DerivedDate,
        "day of the event, UTC; files are by day, so that a condition on it reads only those days"),
    col(2, "event_time", "eventTime", Kind::Time,
        "when the call was completed, UTC"),
    id(3, "event_id", "eventID",
        "CloudTrail's id of the event; one event is one row"),
    col(4, "event_version", "eventVersion", Kind::Word,
        "version of the record's format"),
    col(5, "event_source", "eventSource", Kind::Word,
        "service that was called: s3.amazonaws.com"),
    col(6, "event_name", "eventName", Kind::Word,
        "operation that was called: RunInstances"),
    col(7, "event_type", "eventType", Kind::Word,
        "kind of event: AwsApiCall, AwsServiceEvent, AwsConsoleSignIn, …"),
    col(8, "event_category", "eventCategory", Kind::Word,
        "Management, Data, NetworkActivity, Insight or Aggregated"),
    col(9, "aws_region", "awsRegion", Kind::Word,
        "region that was called; global services have one of their own, mostly us-east-1"),
    col(10, "recipient_account_id", "recipientAccountId", Kind::Word,
        "account whose trail logged the event"),
    col(11, "principal_arn", "", Kind::DerivedWord,
        "who acted: the role's, user's or root's ARN, without the session"),
    col(12, "principal_type", "", Kind::DerivedWord,
        "what the principal is: AssumedRole, IAMUser, Root, AWSService, …"),
    col(13, "principal_account_id", "", Kind::DerivedWord,
        "account in which the principal lives"),
    col(14, "session_name", "", Kind::DerivedWord,
        "name of the role's session; with Identity Center the person"),
    col(15, "permission_set", "", Kind::DerivedWord,
        "Identity Center permission set that the role belongs to"),
    col(16, "source_ip_address", "sourceIPAddress", Kind::Word,
        "address of the caller, or the name of an AWS service"),
    col(17, "user_agent", "userAgent", Kind::Word,
        "program that called, as it says itself"),
    col(18, "error_code", "errorCode", Kind::Word,
        "why the call failed; NULL if it did not"),
    col(19, "error_message", "errorMessage", Kind::Text,
        "the same in words"),
    id(20, "request_id", "requestID",
        "the service's id of the request"),
    col(21, "read_only", "readOnly", Kind::Bool,
        "whether the call only reads"),
    col(22, "management_event", "managementEvent", Kind::Bool,
        "whether it is a management event"),
    col(23, "api_version", "apiVersion", Kind::Word,
        "version of the service's API"),
    id(24, "shared_event_id", "sharedEventID",
        "id that the events of several accounts about one call have in common"),
    col(25, "vpc_endpoint_id", "vpcEndpointId", Kind::Word,
        "VPC endpoint through which the call came"),
    col(26, "vpc_endpoint_account_id", "vpcEndpointAccountId", Kind::Word,
        "account that owns the VPC endpoint"),
    col(27, "session_credential_from_console", "sessionCredentialFromConsole", Kind::BoolText,
        "whether the credentials were those of a console session"),
    col(28, "user_identity_type", "userIdentity.type", Kind::Word,
        "userIdentity.type as logged"),
    col(29, "user_identity_principal_id", "userIdentity.principalId", Kind::Word,
        "unique id of who called; with roles AROA…:session"),
    col(30, "user_identity_arn", "userIdentity.arn", Kind::Word,
        "ARN of who called; with roles that of the session"),
    col(31, "user_identity_account_id", "userIdentity.accountId", Kind::Word,
        "account that owns who called"),
    Column { kind: Kind::Word, ..id(32, "user_identity_access_key_id", "userIdentity.accessKeyId",
        "access key that signed the call: AKIA… is long-lived, ASIA… temporary") },
    col(33, "user_identity_user_name", "userIdentity.userName", Kind::Word,
        "name of the IAM user, where it is one"),
    col(34, "user_identity_invoked_by", "userIdentity.invokedBy", Kind::Word,
        "AWS service that called on behalf of the principal"),
    col(35, "user_identity_identity_provider", "userIdentity.identityProvider", Kind::Word,
        "external identity provider: SAML or web identity"),
    col(36, "user_identity_credential_id", "userIdentity.credentialId", Kind::Word,
        "id of the credential, with bearer tokens"),
    col(37, "on_behalf_of_user_id", "userIdentity.onBehalfOf.userId", Kind::Word,
        "Identity Center user on whose behalf the call was made"),
    col(38, "on_behalf_of_identity_store_arn", "userIdentity.onBehalfOf.identityStoreArn", Kind::Word,
        "identity store of that user"),
    col(39, "in_scope_of_source_arn", "userIdentity.inScopeOf.sourceArn", Kind::Word,
        "resource on whose behalf a service called: a Lambda function, an EC2 instance, …"),
    col(40, "in_scope_of_source_account", "userIdentity.inScopeOf.sourceAccount", Kind::Word,
        "account of that resource"),
    col(41, "in_scope_of_issuer_type", "userIdentity.inScopeOf.issuerType", Kind::Word,
        "type of what the credentials were issued to: AWS::Lambda::Function, …"),
    col(42, "in_scope_of_credentials_issued_to", "userIdentity.inScopeOf.credentialsIssuedTo", Kind::Word,
        "resource to which the credentials were issued"),
    col(43, "session_creation_date", "userIdentity.sessionContext.attributes.creationDate", Kind::Time,
        "when the temporary credentials were issued, UTC"),
    col(44, "mfa_authenticated", "userIdentity.sessionContext.attributes.mfaAuthenticated", Kind::BoolText,
        "whether the session was opened with MFA"),
    col(45, "session_source_identity", "userIdentity.sessionContext.sourceIdentity", Kind::Word,
        "sourceIdentity that was set when the role was assumed"),
    col(46, "session_ec2_role_delivery", "userIdentity.sessionContext.ec2RoleDelivery", Kind::Word,
        "version of the instance metadata service that handed out the credentials: 1.0 or 2.0"),
    col(47, "session_assumed_root", "userIdentity.sessionContext.assumedRoot", Kind::BoolText,
        "whether the session came from AssumeRoot"),
    col(48, "session_issuer_type", "userIdentity.sessionContext.sessionIssuer.type", Kind::Word,
        "what issued the temporary credentials: Role, IAMUser, Root"),
    col(49, "session_issuer_principal_id", "userIdentity.sessionContext.sessionIssuer.principalId", Kind::Word,
        "unique id of the issuer"),
    col(50, "session_issuer_arn", "userIdentity.sessionContext.sessionIssuer.arn", Kind::Word,
        "ARN of the issuer: the role that was assumed"),
    col(51, "session_issuer_account_id", "userIdentity.sessionContext.sessionIssuer.accountId", Kind::Word,
        "account of the issuer"),
    col(52, "session_issuer_user_name", "userIdentity.sessionContext.sessionIssuer.userName", Kind::Word,
        "name of the issuer: the role's name"),
    col(53, "web_id_federation_provider", "userIdentity.sessionContext.webIdFederationData.federatedProvider",
        Kind::Word, "web identity provider"),
    col(54, "web_id_federation_attributes", "userIdentity.sessionContext.webIdFederationData.attributes", Kind::Json,
        "further attributes of web identity, JSON"),
    col(55, "tls_version", "tlsDetails.tlsVersion", Kind::Word,
        "TLS version of the connection"),
    col(56, "tls_cipher_suite", "tlsDetails.cipherSuite", Kind::Word,
        "cipher suite of the connection"),
    col(57, "tls_client_provided_host_header", "tlsDetails.clientProvidedHostHeader", Kind::Word,
        "host name that the client called"),
    col(58, "addendum_reason", "addendum.reason", Kind::Word,
        "why an event was delivered late or once more"),
    col(59, "addendum_updated_fields", "addendum.updatedFields", Kind::Text,
        "fields that an addendum changes"),
    col(60, "addendum_original_request_id", "addendum.originalRequestID", Kind::Text,
        "request id of the event that is changed"),
    col(61, "addendum_original_event_id", "addendum.originalEventID", Kind::Text,
        "id of the event that is changed"),
    col(62, "insight_state", "insightDetails.state", Kind::Word,
        "Start or End of an Insights event"),
    col(63, "insight_event_source", "insightDetails.eventSource", Kind::Word,
        "service of the unusual activity"),
    col(64, "insight_event_name", "insightDetails.eventName", Kind::Word,
        "operation of the unusual activity"),
    col(65, "insight_type", "insightDetails.insightType", Kind::Word,
        "ApiCallRateInsight or ApiErrorRateInsight"),
    col(66, "insight_error_code", "insightDetails.errorCode", Kind::Word,
        "error code of the unusual activity"),
    col(67, "insight_source", "insightDetails.insightSource", Kind::Word,
        "where the insight comes from"),
    col(68, "insight_source_event_category", "insightDetails.sourceEventCategory", Kind::Word,
        "category of the events behind the insight"),
    col(69, "insight_context", "insightDetails.insightContext", Kind::Json,
        "statistics and attributions of the insight, JSON"),
    col(70, "event_context_request", "eventContext.requestContext", Kind::Json,
        "condition keys of the request that the trail was told to add, JSON"),
    col(71, "event_context_tags", "eventContext.tagContext", Kind::Json,
        "tags of principal and resources that the trail was told to add, JSON"),
    col(72, "aggregation_time_window", "timeWindow", Kind::Json,
        "time window of an aggregated event, JSON"),
    col(73, "aggregation_summary", "summary", Kind::Json,
        "summary of an aggregated event, JSON"),
    col(74, "edge_device_details", "edgeDeviceDetails", Kind::Json,
        "device that the call concerns (Snowball Edge), JSON"),
    col(75, "request_parameters", "requestParameters", Kind::Json,
        "parameters of the call, JSON: request_parameters ->> 'bucketName'"),
    col(76, "response_elements", "responseElements", Kind::Json,
        "what the call answered, JSON; only of calls that change something"),
    col(77, "additional_event_data", "additionalEventData", Kind::Json,
        "what else the service tells of the call, JSON"),
    col(78, "service_event_details", "serviceEventDetails", Kind::Json,
        "what a service event tells, JSON"),
    col(79, "resources", "resources", Kind::Resources,
        "resources that the event names: ARN, account, type"),
    col(80, EMPTY_FIELDS, "", Kind::DerivedWord,
        "fields that the record has as null or {}: kept so that it can be given back exactly"),
    col(81, ADDITIONAL_FIELDS, "", Kind::DerivedText,
        "what has no column, JSON of path to value: kept so that the record can be given back exactly"),
];

/// The columns by which rows are sorted within a file, so that one principal's rows lie together.
pub const SORT_ORDER: &[&str] = &["recipient_account_id", "principal_arn", "event_source", "event_name", "event_time"];

/// The id of what the list in `resources` is made of.
const RESOURCES_ELEMENT_ID: u16 = 82;

/// The fields of one entry of `resources`: column name and CloudTrail's key.
pub const RESOURCE_FIELDS: &[(&str, &str)] =
    &[("arn", "ARN"), ("account_id", "accountId"), ("type", "type"), ("arn_prefix", "ARNPrefix")];

/// The ids of these.
const RESOURCE_FIELD_IDS: [u16; 4] = [83, 84, 85, 86];

/// The id of the next column or nested field.
#[cfg(test)]
const NEXT_FIELD_ID: u16 = 87;

/// Metadata key under which Parquet keeps a column's id.
pub const FIELD_ID_KEY: &str = "PARQUET:field_id";

fn with_id(field: Field, field_id: u16) -> Field {
    field.with_metadata([(FIELD_ID_KEY.to_owned(), field_id.to_string())].into())
}

fn resources_type(words: &DataType) -> DataType {
    let members = RESOURCE_FIELDS.iter().zip(RESOURCE_FIELD_IDS);
    let members: Fields = members.map(|((name, _), id)| with_id(Field::new(*name, words.clone(), true), id)).collect();
    DataType::List(Arc::new(with_id(Field::new("element", DataType::Struct(members), true), RESOURCES_ELEMENT_ID)))
}

/// The Arrow schema of `events`, with Parquet field ids. Strings are `Utf8`; times are microseconds UTC.
pub fn events() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema_of(COLUMNS, &DataType::Utf8));
    Arc::clone(&SCHEMA)
}

/// The same as records are encoded: columns of few distinct values are dictionaries.
pub fn encoded() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        schema_of(COLUMNS, &DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)))
    });
    Arc::clone(&SCHEMA)
}

fn schema_of(columns: &[Column], words: &DataType) -> SchemaRef {
    let field = |column: &Column| {
        let data_type = match column.kind {
            Kind::Bool | Kind::BoolText => DataType::Boolean,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::DerivedDate => DataType::Date32,
            Kind::Resources => resources_type(words),
            Kind::Word | Kind::DerivedWord => words.clone(),
            Kind::Text | Kind::Json | Kind::DerivedText => DataType::Utf8,
        };
        with_id(Field::new(column.name, data_type, true), column.field_id)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}

/// Position of a column of `events`, for code that addresses arrays of a batch by name.
pub fn index_of(name: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every id with the path of what has it.
    fn ids(schema: &Schema) -> BTreeMap<u16, String> {
        fn add(field: &Field, above: &str, ids: &mut BTreeMap<u16, String>) {
            let path = format!("{above}{}", field.name());
            let id = field.metadata().get(FIELD_ID_KEY).and_then(|id| id.parse().ok()).expect("an id");
            assert_eq!(ids.insert(id, path.clone()), None, "{path} has the id of another field");
            match field.data_type() {
                DataType::List(element) => add(element, &format!("{path}."), ids),
                DataType::Struct(members) => members.iter().for_each(|m| add(m, &format!("{path}."), ids)),
                _ => {}
            }
        }
        let mut all = BTreeMap::new();
        schema.fields().iter().for_each(|field| add(field, "", &mut all));
        all
    }

    #[test]
    fn stores_that_are_there_keep_their_ids() {
        let ids = ids(&events());
        assert_eq!(ids.keys().copied().collect::<Vec<_>>(), (1..NEXT_FIELD_ID).collect::<Vec<_>>());
        for (id, path) in [
            (1, "event_date"),
            (2, "event_time"),
            (3, "event_id"),
            (32, "user_identity_access_key_id"),
            (75, "request_parameters"),
            (79, "resources"),
            (81, "additional_fields"),
            (82, "resources.element"),
            (83, "resources.element.arn"),
            (84, "resources.element.account_id"),
            (85, "resources.element.type"),
            (86, "resources.element.arn_prefix"),
        ] {
            assert_eq!(ids.get(&id).map(String::as_str), Some(path));
        }
    }

    #[test]
    fn a_further_column_changes_the_id_of_none() {
        let further = [COLUMNS, &[col(NEXT_FIELD_ID, "further", "further", Kind::Text, "further")]].concat();
        for words in [DataType::Utf8, DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))] {
            let (before, mut after) = (ids(&schema_of(COLUMNS, &words)), ids(&schema_of(&further, &words)));
            assert_eq!(after.remove(&NEXT_FIELD_ID).as_deref(), Some("further"));
            assert_eq!(before, after);
        }
    }
}
