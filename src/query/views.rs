//! The views that are plain SQL.

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use super::functions::{EVENT_ARGUMENTS, event_json_call};
use super::statement::parsed;
use super::trino::LAKE;

/// One row a use and day, as documented, however many files hold parts of it. In rows from before there was the column
/// `overflow` a pattern may stand for several resources.
const USAGE: &str = "
CREATE VIEW usage AS
SELECT event_date, account_id, principal_arn, principal_type, permission_set, session_name, action, resource, outcome,
       confidence, rule, passed_to_service, event_source, event_name, aws_region, via,
       sum(event_count) AS event_count, min(first_time) AS first_time, max(last_time) AS last_time,
       min(example_event_id) AS example_event_id, cross_account,
       CASE WHEN count(source_ips) > 0
         THEN array_slice(array_sort(array_distinct(flatten(array_agg(source_ips)))), 1, 16) END AS source_ips,
       bool_or(source_ip_overflow) OR cardinality(array_distinct(flatten(array_agg(source_ips)))) > 16
         AS source_ip_overflow,
       CASE WHEN count(vpc_endpoint_ids) > 0
         THEN array_slice(array_sort(array_distinct(flatten(array_agg(vpc_endpoint_ids)))), 1, 16) END
         AS vpc_endpoint_ids,
       bool_or(vpc_endpoint_overflow) OR cardinality(array_distinct(flatten(array_agg(vpc_endpoint_ids)))) > 16
         AS vpc_endpoint_overflow,
       bool_or(without_vpc_endpoint) AS without_vpc_endpoint, bool_or(with_mfa) AS with_mfa,
       bool_or(without_mfa) AS without_mfa, bool_or(mfa_not_recorded) AS mfa_not_recorded,
       coalesce(overflow, resource LIKE 'arn:%*%') AS overflow
FROM usage_by_file
GROUP BY event_date, account_id, principal_arn, principal_type, permission_set, session_name, action, resource,
         outcome, confidence, rule, passed_to_service, event_source, event_name, aws_region, via, cross_account,
         coalesce(overflow, resource LIKE 'arn:%*%')";

/// `userIdentity` in Athena's and Lake's nesting; `{creation}` is the time of the session's creation.
const USER_IDENTITY: &str = "named_struct(
    'type', user_identity_type,
    'principalid', user_identity_principal_id,
    'arn', user_identity_arn,
    'accountid', user_identity_account_id,
    'invokedby', user_identity_invoked_by,
    'accesskeyid', user_identity_access_key_id,
    'username', user_identity_user_name,
    'identityprovider', user_identity_identity_provider,
    'credentialid', user_identity_credential_id,
    'onbehalfof', named_struct(
      'userid', on_behalf_of_user_id,
      'identitystorearn', on_behalf_of_identity_store_arn),
    'inscopeof', named_struct(
      'sourcearn', in_scope_of_source_arn,
      'sourceaccount', in_scope_of_source_account,
      'issuertype', in_scope_of_issuer_type,
      'credentialsissuedto', in_scope_of_credentials_issued_to),
    'sessioncontext', named_struct(
      'attributes', named_struct(
        'mfaauthenticated', CASE mfa_authenticated WHEN true THEN 'true' WHEN false THEN 'false' END,
        'creationdate', {creation}),
      'sessionissuer', named_struct(
        'type', session_issuer_type,
        'principalid', session_issuer_principal_id,
        'arn', session_issuer_arn,
        'accountid', session_issuer_account_id,
        'username', session_issuer_user_name),
      'ec2roledelivery', session_ec2_role_delivery,
      'ec2issuedinvpc', json_extract_scalar(additional_fields, '$.userIdentity.sessionContext.ec2IssuedInVpc'),
      'sourceidentity', session_source_identity,
      'assumedroot', CASE session_assumed_root WHEN true THEN 'true' WHEN false THEN 'false' END,
      'webidfederationdata', named_struct(
        'federatedprovider', web_id_federation_provider,
        'attributes', web_id_federation_attributes))
  )";

/// What Athena's table and Lake's have in common, behind `userIdentity` and the time.
const COMMON: &str = "event_source AS eventsource,
  event_name AS eventname,
  aws_region AS awsregion,
  source_ip_address AS sourceipaddress,
  user_agent AS useragent,
  error_code AS errorcode,
  error_message AS errormessage,
  request_parameters AS requestparameters,
  response_elements AS responseelements,
  additional_event_data AS additionaleventdata,
  request_id AS requestid,
  event_id AS eventid,
  cloudtrail_resources(resources) AS resources,
  event_type AS eventtype,
  api_version AS apiversion,
  recipient_account_id AS recipientaccountid,
  service_event_details AS serviceeventdetails,
  shared_event_id AS sharedeventid,
  vpc_endpoint_id AS vpcendpointid,
  vpc_endpoint_account_id AS vpcendpointaccountid,
  event_category AS eventcategory,
  named_struct(
    'reason', addendum_reason,
    'updatedfields', addendum_updated_fields,
    'originalrequestid', addendum_original_request_id,
    'originaleventid', addendum_original_event_id) AS addendum,
  edge_device_details AS edgedevicedetails,
  named_struct(
    'tlsversion', tls_version,
    'ciphersuite', tls_cipher_suite,
    'clientprovidedhostheader', tls_client_provided_host_header) AS tlsdetails";

/// `events` under the names and in the nesting of the table that the AWS documentation has people create in Athena,
/// with the partition columns of its variants and of other usual schemes. All are text: days as `2023/07/10`, as the keys of
/// the objects have them.
/// Source: <https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html>; awslabs/aws-security-analytics-bootstrap
/// (`*_partition`).
fn cloudtrail_logs() -> String {
    let identity = USER_IDENTITY.replace("{creation}", "cloudtrail_time(session_creation_date)");
    format!(
        r#"CREATE VIEW cloudtrail_logs AS
SELECT
  event_version AS eventversion,
  {identity} AS useridentity,
  cloudtrail_time(event_time) AS eventtime,
  {COMMON},
  CASE read_only WHEN true THEN 'true' WHEN false THEN 'false' END AS readonly,
  CASE management_event WHEN true THEN 'true' WHEN false THEN 'false' END AS managementevent,
  CASE session_credential_from_console WHEN true THEN 'true' WHEN false THEN 'false' END
    AS sessioncredentialfromconsole,
  recipient_account_id AS account,
  recipient_account_id AS account_id,
  recipient_account_id AS accountid,
  recipient_account_id AS account_partition,
  aws_region AS region,
  aws_region AS region_partition,
  to_char(event_date, '%Y') AS year,
  to_char(event_date, '%m') AS month,
  to_char(event_date, '%d') AS day,
  to_char(event_date, '%Y/%m/%d') AS "timestamp",
  to_char(event_date, '%Y/%m/%d') AS dt,
  to_char(event_date, '%Y/%m/%d') AS "date",
  to_char(event_date, '%Y/%m/%d') AS date_partition,
  recipient_account_id AS p_account,
  aws_region AS p_region,
  to_char(event_date, '%Y/%m/%d') AS p_date,
  event_date
FROM events"#
    )
}

/// `events` as an event data store of CloudTrail Lake has them: times are times and truth values are truth values, so that
/// `eventTime > '2023-07-10 12:00:00'` compares times. What are maps there is JSON text here, which `element_at` reads.
/// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-supported-event-schemas.html>
fn cloudtrail_lake() -> String {
    let identity = USER_IDENTITY.replace("{creation}", "session_creation_date");
    format!(
        "CREATE VIEW {LAKE} AS
SELECT
  event_version AS eventversion,
  {identity} AS useridentity,
  event_time AS eventtime,
  {COMMON},
  read_only AS readonly,
  management_event AS managementevent,
  session_credential_from_console AS sessioncredentialfromconsole,
  json_extract_scalar(additional_fields, '$.annotation') AS annotation,
  named_struct(
    'state', insight_state,
    'eventsource', insight_event_source,
    'eventname', insight_event_name,
    'insighttype', insight_type,
    'insightcontext', insight_context,
    'errorcode', insight_error_code) AS insightdetails,
  {} AS eventjson,
  CAST(NULL AS TEXT) AS eventjsonchecksum
FROM events",
        event_json_call()
    )
}

/// `events` as Tailpipe's table has them, whose queries are DuckDB's.
/// Source: turbot/tailpipe-plugin-aws, `tables/cloudtrail_log`.
fn aws_cloudtrail_log() -> String {
    format!(
        "CREATE VIEW aws_cloudtrail_log AS
SELECT
  event_id AS tp_id,
  event_time AS tp_timestamp,
  event_date AS tp_date,
  recipient_account_id AS tp_index,
  source_ip_address AS tp_source_ip,
  make_array(source_ip_address) AS tp_ips,
  transform(resources, r -> r['arn']) AS tp_akas,
  array_filter(make_array(user_identity_user_name, user_identity_access_key_id), name -> name IS NOT NULL)
    AS tp_usernames,
  'aws_cloudtrail_log' AS tp_table,
  additional_event_data, api_version, aws_region, edge_device_details, error_code, error_message, event_category,
  event_id, event_name, event_source, event_time, event_type, event_version, management_event, read_only,
  recipient_account_id, request_id, request_parameters,
  json_extract({}, '$.resources') AS resources,
  response_elements, service_event_details,
  CASE session_credential_from_console WHEN true THEN 'true' WHEN false THEN 'false' END
    AS session_credential_from_console,
  shared_event_id, source_ip_address, user_agent, vpc_endpoint_id,
  named_struct(
    'cipher_suite', tls_cipher_suite,
    'client_provided_host_header', tls_client_provided_host_header,
    'tls_version', tls_version) AS tls_details,
  named_struct(
    'access_key_id', user_identity_access_key_id,
    'account_id', user_identity_account_id,
    'arn', user_identity_arn,
    'identity_provider', user_identity_identity_provider,
    'invoked_by', user_identity_invoked_by,
    'principal_id', user_identity_principal_id,
    'type', user_identity_type,
    'user_name', user_identity_user_name,
    'session_context', named_struct(
      'attributes', named_struct(
        'creation_date', session_creation_date,
        'mfa_authenticated', CASE mfa_authenticated WHEN true THEN 'true' WHEN false THEN 'false' END),
      'ec2_role_delivery', session_ec2_role_delivery,
      'session_issuer', named_struct(
        'account_id', session_issuer_account_id,
        'arn', session_issuer_arn,
        'principal_id', session_issuer_principal_id,
        'type', session_issuer_type,
        'user_name', session_issuer_user_name),
      'web_id_federation_data', named_struct(
        'attributes', web_id_federation_attributes,
        'federated_provider', web_id_federation_provider))
  ) AS user_identity
FROM events",
        event_json_call()
    )
}

/// Each event's permissions, one a row, worked out by the resolver while the query runs: exact, also where `usage` counts
/// further resources together. Events that take no permission have no row. Rows of confidence `suggested` are of
/// actions that an event may have taken too and that leave no trace: no policy grants them.
fn event_actions() -> String {
    format!(
        "CREATE VIEW event_actions AS
SELECT event_id, event_time, event_date, account_id, principal_arn, principal_type, session_name, permission_set,
       event_source, event_name, permission['action'] AS action, permission['resource'] AS resource,
       permission['outcome'] AS outcome, permission['confidence'] AS confidence, permission['rule'] AS rule,
       permission['source'] AS source, permission['passed_to_service'] AS passed_to_service,
       aws_region, via, error_code, source_ip_address, recipient_account_id, shared_event_id
FROM (
  SELECT event_id, event_time, event_date, coalesce(principal_account_id, recipient_account_id) AS account_id,
         principal_arn, principal_type, session_name, permission_set, event_source, event_name, aws_region,
         user_identity_invoked_by AS via, error_code, source_ip_address, recipient_account_id, shared_event_id,
         unnest(iam_actions({})) AS permission
  FROM events
)",
        EVENT_ARGUMENTS.join(", ")
    )
}

/// Registers the views; their functions and tables must be there.
pub(super) async fn register(context: &SessionContext) -> Result<()> {
    let views = [USAGE.to_owned(), cloudtrail_logs(), cloudtrail_lake(), aws_cloudtrail_log(), event_actions()];
    for view in views {
        for statement in parsed(&view)? {
            let plan = context.state().statement_to_plan(statement).await?;
            context.execute_logical_plan(plan).await?;
        }
    }
    Ok(())
}
