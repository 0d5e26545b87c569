-- Question: what was read of the suspects, and on the days they are compared with?
-- Grain:    one row a read as it landed, every revision and edit of it, of the meters and channels
--           of vee_suspects on the days of vee_near_days.
-- Units:    kWh, or kvarh of reactive channels.
-- Month:    consumption.
WITH wanted AS (
    SELECT DISTINCT vee_suspects.meter_id, vee_suspects.channel, vee_near_days.near_day AS day
    FROM vee_suspects
    JOIN vee_near_days ON vee_near_days.day = vee_suspects.day
)
SELECT reads.meter_id, reads.channel, reads.day, reads.read_at, reads.interval_min, reads.energy_kwh,
    reads.quality, reads.revision, reads.edit_rule, reads.available_at
FROM raw.meter_reads AS reads
JOIN wanted ON wanted.meter_id = reads.meter_id AND wanted.channel = reads.channel AND wanted.day = reads.day
WHERE reads.day >= $first_day AND reads.day <= $last_day
ORDER BY reads.meter_id, reads.channel, reads.read_at, reads.revision, reads.available_at
