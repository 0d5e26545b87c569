-- Question: what was forecast for the week and the one after, in the newest run for $scope?
-- Grain:    one row a forecast step.
-- Units:    kWh of the step; low and high are the quantiles 0.1 and 0.9, NULL where not made.
-- Month:    consumption.
WITH runs AS (
    SELECT run_id FROM forecasts WHERE scope = $scope ORDER BY issued_at DESC, run_id DESC LIMIT 1
), steps AS (
    SELECT forecasts.time, forecasts.step_min, forecasts.forecast_kwh, forecasts.quantiles
    FROM forecasts JOIN runs ON runs.run_id = forecasts.run_id
    WHERE forecasts.scope = $scope AND forecasts.time >= day_start(CAST($week_start AS DATE))
        AND forecasts.time < day_start(CAST($week_end AS DATE)) + INTERVAL '8 days'
), bands AS (
    SELECT time,
        max(quantile['energy_kwh']) FILTER (WHERE abs(quantile['probability'] - 0.1) < 1e-9) AS low_kwh,
        max(quantile['energy_kwh']) FILTER (WHERE abs(quantile['probability'] - 0.9) < 1e-9) AS high_kwh
    FROM (SELECT time, unnest(quantiles) AS quantile FROM steps)
    GROUP BY time
)
SELECT steps.time, steps.step_min, steps.forecast_kwh, bands.low_kwh, bands.high_kwh
FROM steps LEFT JOIN bands ON bands.time = steps.time
ORDER BY steps.time
