-- Question: which reads say what was drawn at which time of the day?
-- Grain:    one row a read, in its newest revision or edit.
-- Units:    kWh; demand_kw is the mean power of the interval.
-- Month:    consumption.
--
-- Reads of a clock that was off by more than could be put right (quality 10 by the rule clock) are
-- left out: they count in kWh, not in time of use and demand.
SELECT meter_id, channel, read_at, interval_min, energy_kwh,
    CAST(energy_kwh * 60 / interval_min AS DECIMAL(18, 4)) AS demand_kw,
    quality, revision, edit_rule, day
FROM meter_reads
WHERE quality <> 10 OR edit_rule IS DISTINCT FROM 'clock'
