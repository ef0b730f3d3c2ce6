-- The views of `trailpare sql` for DuckDB, over an attached store: cloudtrail_logs, cloudtrail_lake,
-- aws_cloudtrail_log, usage.
--
--   ATTACH 'ducklake:sqlite:STORE/catalog.sqlite' AS lake (READ_ONLY);
--   .read duckdb.sql
--
-- What DuckDB lacks: the columns `eventjson` (the whole record) and `resources` of aws_cloudtrail_log (JSON of them),
-- and the view event_actions, which the program works out. Times are shown in the time zone of the session:

SET TimeZone = 'UTC';

-- As the table that the AWS documentation has people create in Athena.
CREATE OR REPLACE TEMP VIEW cloudtrail_logs AS
SELECT
  event_version AS eventversion,
  {
    'type': user_identity_type,
    'principalid': user_identity_principal_id,
    'arn': user_identity_arn,
    'accountid': user_identity_account_id,
    'invokedby': user_identity_invoked_by,
    'accesskeyid': user_identity_access_key_id,
    'username': user_identity_user_name,
    'identityprovider': user_identity_identity_provider,
    'credentialid': user_identity_credential_id,
    'onbehalfof': {
      'userid': on_behalf_of_user_id,
      'identitystorearn': on_behalf_of_identity_store_arn
    },
    'inscopeof': {
      'sourcearn': in_scope_of_source_arn,
      'sourceaccount': in_scope_of_source_account,
      'issuertype': in_scope_of_issuer_type,
      'credentialsissuedto': in_scope_of_credentials_issued_to
    },
    'sessioncontext': {
      'attributes': {
        'mfaauthenticated': CAST(mfa_authenticated AS VARCHAR),
        'creationdate': strftime(session_creation_date, '%Y-%m-%dT%H:%M:%SZ')
      },
      'sessionissuer': {
        'type': session_issuer_type,
        'principalid': session_issuer_principal_id,
        'arn': session_issuer_arn,
        'accountid': session_issuer_account_id,
        'username': session_issuer_user_name
      },
      'ec2roledelivery': session_ec2_role_delivery,
      'ec2issuedinvpc': additional_fields ->> '$.userIdentity.sessionContext.ec2IssuedInVpc',
      'sourceidentity': session_source_identity,
      'assumedroot': CAST(session_assumed_root AS VARCHAR),
      'webidfederationdata': {
        'federatedprovider': web_id_federation_provider,
        'attributes': web_id_federation_attributes
      }
    }
  } AS useridentity,
  strftime(event_time, '%Y-%m-%dT%H:%M:%SZ') AS eventtime,
  event_source AS eventsource,
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
  list_transform(resources, lambda r: {'arn': r.arn, 'accountid': r.account_id, 'type': r."type"}) AS resources,
  event_type AS eventtype,
  api_version AS apiversion,
  recipient_account_id AS recipientaccountid,
  service_event_details AS serviceeventdetails,
  shared_event_id AS sharedeventid,
  vpc_endpoint_id AS vpcendpointid,
  vpc_endpoint_account_id AS vpcendpointaccountid,
  event_category AS eventcategory,
  {
    'reason': addendum_reason,
    'updatedfields': addendum_updated_fields,
    'originalrequestid': addendum_original_request_id,
    'originaleventid': addendum_original_event_id
  } AS addendum,
  edge_device_details AS edgedevicedetails,
  {
    'tlsversion': tls_version,
    'ciphersuite': tls_cipher_suite,
    'clientprovidedhostheader': tls_client_provided_host_header
  } AS tlsdetails,
  CAST(read_only AS VARCHAR) AS readonly,
  CAST(management_event AS VARCHAR) AS managementevent,
  CAST(session_credential_from_console AS VARCHAR) AS sessioncredentialfromconsole,
  recipient_account_id AS account,
  recipient_account_id AS account_id,
  recipient_account_id AS accountid,
  recipient_account_id AS account_partition,
  aws_region AS region,
  aws_region AS region_partition,
  strftime(event_date, '%Y') AS "year",
  strftime(event_date, '%m') AS "month",
  strftime(event_date, '%d') AS "day",
  strftime(event_date, '%Y/%m/%d') AS "timestamp",
  strftime(event_date, '%Y/%m/%d') AS dt,
  strftime(event_date, '%Y/%m/%d') AS "date",
  strftime(event_date, '%Y/%m/%d') AS date_partition,
  recipient_account_id AS p_account,
  aws_region AS p_region,
  strftime(event_date, '%Y/%m/%d') AS p_date,
  event_date
FROM lake.events;

-- As an event data store of CloudTrail Lake.
CREATE OR REPLACE TEMP VIEW cloudtrail_lake AS
SELECT
  event_version AS eventversion,
  {
    'type': user_identity_type,
    'principalid': user_identity_principal_id,
    'arn': user_identity_arn,
    'accountid': user_identity_account_id,
    'invokedby': user_identity_invoked_by,
    'accesskeyid': user_identity_access_key_id,
    'username': user_identity_user_name,
    'identityprovider': user_identity_identity_provider,
    'credentialid': user_identity_credential_id,
    'onbehalfof': {
      'userid': on_behalf_of_user_id,
      'identitystorearn': on_behalf_of_identity_store_arn
    },
    'inscopeof': {
      'sourcearn': in_scope_of_source_arn,
      'sourceaccount': in_scope_of_source_account,
      'issuertype': in_scope_of_issuer_type,
      'credentialsissuedto': in_scope_of_credentials_issued_to
    },
    'sessioncontext': {
      'attributes': {
        'mfaauthenticated': CAST(mfa_authenticated AS VARCHAR),
        'creationdate': session_creation_date
      },
      'sessionissuer': {
        'type': session_issuer_type,
        'principalid': session_issuer_principal_id,
        'arn': session_issuer_arn,
        'accountid': session_issuer_account_id,
        'username': session_issuer_user_name
      },
      'ec2roledelivery': session_ec2_role_delivery,
      'ec2issuedinvpc': additional_fields ->> '$.userIdentity.sessionContext.ec2IssuedInVpc',
      'sourceidentity': session_source_identity,
      'assumedroot': CAST(session_assumed_root AS VARCHAR),
      'webidfederationdata': {
        'federatedprovider': web_id_federation_provider,
        'attributes': web_id_federation_attributes
      }
    }
  } AS useridentity,
  event_time AS eventtime,
  event_source AS eventsource,
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
  list_transform(resources, lambda r: {'arn': r.arn, 'accountid': r.account_id, 'type': r."type"}) AS resources,
  event_type AS eventtype,
  api_version AS apiversion,
  recipient_account_id AS recipientaccountid,
  service_event_details AS serviceeventdetails,
  shared_event_id AS sharedeventid,
  vpc_endpoint_id AS vpcendpointid,
  vpc_endpoint_account_id AS vpcendpointaccountid,
  event_category AS eventcategory,
  {
    'reason': addendum_reason,
    'updatedfields': addendum_updated_fields,
    'originalrequestid': addendum_original_request_id,
    'originaleventid': addendum_original_event_id
  } AS addendum,
  edge_device_details AS edgedevicedetails,
  {
    'tlsversion': tls_version,
    'ciphersuite': tls_cipher_suite,
    'clientprovidedhostheader': tls_client_provided_host_header
  } AS tlsdetails,
  read_only AS readonly,
  management_event AS managementevent,
  session_credential_from_console AS sessioncredentialfromconsole,
  additional_fields ->> '$.annotation' AS annotation,
  {
    'state': insight_state,
    'eventsource': insight_event_source,
    'eventname': insight_event_name,
    'insighttype': insight_type,
    'insightcontext': insight_context,
    'errorcode': insight_error_code
  } AS insightdetails,
  CAST(NULL AS VARCHAR) AS eventjsonchecksum
FROM lake.events;

-- As Tailpipe's table.
CREATE OR REPLACE TEMP VIEW aws_cloudtrail_log AS
SELECT
  event_id AS tp_id,
  event_time AS tp_timestamp,
  event_date AS tp_date,
  recipient_account_id AS tp_index,
  source_ip_address AS tp_source_ip,
  [source_ip_address] AS tp_ips,
  list_transform(resources, lambda r: r.arn) AS tp_akas,
  list_filter([user_identity_user_name, user_identity_access_key_id], lambda name: name IS NOT NULL) AS tp_usernames,
  'aws_cloudtrail_log' AS tp_table,
  additional_event_data, api_version, aws_region, edge_device_details, error_code, error_message, event_category,
  event_id, event_name, event_source, event_time, event_type, event_version, management_event, read_only,
  recipient_account_id, request_id, request_parameters, response_elements, service_event_details,
  CAST(session_credential_from_console AS VARCHAR) AS session_credential_from_console,
  shared_event_id, source_ip_address, user_agent, vpc_endpoint_id,
  {
    'cipher_suite': tls_cipher_suite,
    'client_provided_host_header': tls_client_provided_host_header,
    'tls_version': tls_version
  } AS tls_details,
  {
    'access_key_id': user_identity_access_key_id,
    'account_id': user_identity_account_id,
    'arn': user_identity_arn,
    'identity_provider': user_identity_identity_provider,
    'invoked_by': user_identity_invoked_by,
    'principal_id': user_identity_principal_id,
    'type': user_identity_type,
    'user_name': user_identity_user_name,
    'session_context': {
      'attributes': {
        'creation_date': session_creation_date,
        'mfa_authenticated': CAST(mfa_authenticated AS VARCHAR)
      },
      'ec2_role_delivery': session_ec2_role_delivery,
      'session_issuer': {
        'account_id': session_issuer_account_id,
        'arn': session_issuer_arn,
        'principal_id': session_issuer_principal_id,
        'type': session_issuer_type,
        'user_name': session_issuer_user_name
      },
      'web_id_federation_data': {
        'attributes': web_id_federation_attributes,
        'federated_provider': web_id_federation_provider
      }
    }
  } AS user_identity
FROM lake.events;

-- One row a use and day, however many files hold parts of it.
CREATE OR REPLACE TEMP VIEW usage AS
SELECT
  event_date, account_id, principal_arn, principal_type, permission_set, session_name, action, resource, outcome,
  confidence, rule, passed_to_service, event_source, event_name, aws_region, via,
  CAST(sum(event_count) AS BIGINT) AS event_count, min(first_time) AS first_time, max(last_time) AS last_time,
  min(example_event_id) AS example_event_id, cross_account,
  CASE WHEN count(source_ips) > 0
    THEN list_sort(list_distinct(flatten(list(source_ips) FILTER (source_ips IS NOT NULL))))[1:16] END AS source_ips,
  bool_or(source_ip_overflow)
    OR len(list_distinct(flatten(list(source_ips) FILTER (source_ips IS NOT NULL)))) > 16 AS source_ip_overflow,
  CASE WHEN count(vpc_endpoint_ids) > 0
    THEN list_sort(list_distinct(flatten(list(vpc_endpoint_ids) FILTER (vpc_endpoint_ids IS NOT NULL))))[1:16] END
    AS vpc_endpoint_ids,
  bool_or(vpc_endpoint_overflow)
    OR len(list_distinct(flatten(list(vpc_endpoint_ids) FILTER (vpc_endpoint_ids IS NOT NULL)))) > 16
    AS vpc_endpoint_overflow,
  bool_or(without_vpc_endpoint) AS without_vpc_endpoint, bool_or(with_mfa) AS with_mfa,
  bool_or(without_mfa) AS without_mfa, bool_or(mfa_not_recorded) AS mfa_not_recorded,
  coalesce(overflow, resource LIKE 'arn:%*%') AS overflow
FROM lake.usage
GROUP BY event_date, account_id, principal_arn, principal_type, permission_set, session_name, action, resource,
  outcome, confidence, rule, passed_to_service, event_source, event_name, aws_region, via, cross_account,
  coalesce(overflow, resource LIKE 'arn:%*%');
