-- Changes of AWS Organizations: accounts, organisational units, policies, invitations.
--
-- Topic: CIS metric filters
-- CIS: AWS Foundations 4.15
-- ATT&CK: T1666
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named cis-organizations-changes
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'accountId', request_parameters ->> 'targetId',
                request_parameters ->> 'policyId', request_parameters ->> 'organizationalUnitId',
                request_parameters ->> 'handshakeId', request_parameters ->> 'name',
                request_parameters -> 'target' ->> 'id') AS what,
       source_ip_address, error_code
FROM events
WHERE event_source = 'organizations.amazonaws.com'
  AND event_name IN ('AcceptHandshake', 'AttachPolicy', 'CreateAccount', 'CreateOrganizationalUnit', 'CreatePolicy',
                      'DeclineHandshake', 'DeleteOrganization', 'DeleteOrganizationalUnit', 'DeletePolicy',
                      'DetachPolicy', 'DisablePolicyType', 'EnablePolicyType', 'InviteAccountToOrganization',
                      'LeaveOrganization', 'MoveAccount', 'RemoveAccountFromOrganization', 'UpdatePolicy',
                      'UpdateOrganizationalUnit')
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
