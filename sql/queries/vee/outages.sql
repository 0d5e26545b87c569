-- Question: when were the suspects without supply?
-- Grain:    one row an outage that a meter of vee_suspects reports and that touches $first_day to
--           $last_day.
-- Units:    instants.
-- Month:    consumption.
--
-- An outage whose end was never reported counts to the end of the day it began on: zeros after
-- that have to be explained by something else.
SELECT meter_id, started_at, ended_at
FROM (
    SELECT meter_id, started_at,
        coalesce(ended_at, day_start(CAST(settlement_day(started_at) + INTERVAL '1 day' AS DATE))) AS ended_at
    FROM meter_events
    WHERE kind = 'outage'
)
WHERE meter_id IN (SELECT meter_id FROM vee_suspects)
    AND started_at < day_start($day_after) AND ended_at > day_start($first_day)
ORDER BY meter_id, started_at
