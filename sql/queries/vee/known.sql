-- Question: what was found on the suspects' days before?
-- Grain:    one row a finding in its newest revision.
-- Units:    intervals.
-- Month:    consumption.
SELECT vee_findings.day, vee_findings.meter_id, vee_findings.channel, vee_findings.rule,
    vee_findings.action, vee_findings.interval_count, vee_findings.first_read_at,
    vee_findings.detail, vee_findings.rule_valid_from, vee_findings.revision
FROM vee_findings
JOIN vee_suspects ON vee_suspects.day = vee_findings.day AND vee_suspects.meter_id = vee_findings.meter_id
    AND vee_suspects.channel = vee_findings.channel
WHERE vee_findings.day >= $first_day AND vee_findings.day <= $last_day
ORDER BY vee_findings.meter_id, vee_findings.channel, vee_findings.day, vee_findings.rule, vee_findings.action
