-- Security group rules, and what does their work elsewhere, that were opened to the whole internet (0.0.0.0/0 or ::/0),
-- and whether that succeeded. Which events are meant follows the catalogue of actions: every change (access level Write
-- or Permissions management) whose action speaks of a security group, an ingress or ports; what goes out is not meant.
--
-- Topic: exposure and sharing
-- ATT&CK: T1562.007
--
-- Parameters:
--   from  first day [0001-01-01]
--   to    last day [9999-12-31]
--
-- Example: trailpare sql --named open-security-groups
SELECT event_time, recipient_account_id, aws_region, principal_arn, session_name, event_name,
       coalesce(request_parameters ->> 'groupId', request_parameters ->> 'securityGroupId',
                request_parameters ->> 'groupName', request_parameters ->> 'dBSecurityGroupName',
                request_parameters ->> 'clusterSecurityGroupName', request_parameters ->> 'instanceName',
                request_parameters -> 'portInfo' ->> 'instanceName',
                request_parameters -> 'ModifySecurityGroupRulesRequest' ->> 'GroupId') AS group_id,
       error_code
FROM events
WHERE (request_parameters LIKE '%"0.0.0.0/0"%' OR request_parameters LIKE '%"::/0"%')
  AND event_name NOT LIKE 'Revoke%' AND event_name NOT LIKE '%Egress%'
  AND EXISTS (
    SELECT 1 FROM usage
    WHERE usage.event_source = events.event_source AND usage.event_name = events.event_name
      AND iam_action_level(usage.action) IN ('Write', 'Permissions management')
      AND (usage.action LIKE '%SecurityGroup%' OR usage.action LIKE '%Ingress%' OR usage.action LIKE '%Ports%'))
  AND event_date BETWEEN $from AND $to
ORDER BY event_time, event_id;
