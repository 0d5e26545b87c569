//! Loads by class, against sums made here from the reads themselves.

use std::collections::BTreeMap;

use loadstar_schema::Table;
use serde_json::json;

use crate::village::{LAST_DAY, village};
use crate::written::{at, but, cells};

/// Energies in 1e-4 kWh.
fn units(text: &str) -> i64 {
    text.replace('.', "").parse().expect("a decimal of four places")
}

/// Where a meter of the village is; nobody holds M9.
fn region(meter: &str) -> &'static str {
    match meter {
        "M1" => "North",
        "M4" => "Lake",
        "M9" => "",
        _ => "East",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peaks_and_valleys_are_those_of_the_reads() {
    let written = village().await;
    let ctx = written.now().await;
    let reads = format!(
        "SELECT meter_id, CAST(read_at AS BIGINT) / 60000000, interval_min, energy_kwh FROM meter_reads
            WHERE channel = 'import' AND day = DATE '{LAST_DAY}'"
    );
    let midnight = at(LAST_DAY, 0).timestamp() / 60;
    let mut hours: BTreeMap<&str, [f64; 24]> = BTreeMap::new();
    let mut energy: BTreeMap<&str, i64> = BTreeMap::new();
    for row in cells(&ctx, &reads).await {
        let (ended, minutes): (i64, i64) =
            (row[1].parse().expect("minutes"), row[2].parse().expect("minutes"));
        *energy.entry(region(&row[0])).or_default() += units(&row[3]);
        let of_region = hours.entry(region(&row[0])).or_default();
        let began = ended - minutes - midnight;
        for hour in began / 60..(began + minutes) / 60 {
            of_region[hour as usize] += units(&row[3]) as f64 * 60.0 / minutes as f64;
        }
    }
    let daily = format!(
        "SELECT code, energy_kwh, peak_kw, CAST(peak_at AS BIGINT) / 60000000, valley_kw, load_factor,
            peak_valley_kw, peak_valley_rate, utilisation_h, hour_count
        FROM load.daily WHERE axis = 'region' AND code IS NOT NULL AND day = DATE '{LAST_DAY}' ORDER BY 1"
    );
    let told = cells(&ctx, &daily).await;
    assert_eq!(told.len(), 3);
    for row in told {
        let (code, number) =
            (row[0].as_str(), |column: usize| row[column].parse::<f64>().expect("a number"));
        let loads = hours[code].map(|load| load / 10_000.0);
        let (peak, valley) = loads
            .iter()
            .fold((f64::MIN, f64::MAX), |(peak, valley), &load| (peak.max(load), valley.min(load)));
        assert_eq!(units(&row[1]), energy[code], "{code}");
        // What does not divide by the hours of an interval stands in its last one.
        let near = |column: usize, expected: f64| (number(column) - expected).abs() < 0.002;
        assert!(near(2, peak) && near(4, valley) && near(6, peak - valley), "{code}: {row:?}");
        let at_peak = (number(3) as i64 - midnight) / 60;
        assert!((loads[at_peak as usize] - peak).abs() < 0.002, "{code}: {row:?}");
        let mean = energy[code] as f64 / 240_000.0;
        assert!(near(5, mean / peak) && near(7, (peak - valley) / peak), "{code}: {row:?}");
        assert!((number(8) - 24.0 * mean / peak).abs() < 0.01 && row[9] == "24", "{code}: {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quarters_hours_days_and_axes_add_up_to_the_same() {
    let written = village().await;
    let ctx = written.now().await;
    let days = "SELECT day, sum(energy_kwh) FROM sales_daily GROUP BY 1 ORDER BY 1";
    let days = cells(&ctx, days).await;
    for axis in ["all", "voltage", "tariff", "usage", "industry", "region"] {
        for (view, column) in
            [("hourly", "load_kw"), ("quarter_hourly", "energy_kwh"), ("daily", "energy_kwh")]
        {
            let of_axis = format!(
                "SELECT day, sum({column}) FROM load.{view} WHERE axis = '{axis}' GROUP BY 1 ORDER BY 1"
            );
            assert_eq!(cells(&ctx, &of_axis).await, days, "{axis} {view}");
        }
    }
    let whole = |view: &str| {
        format!(
            "SELECT sum(energy_kwh), max(peak_kw), min(valley_kw) FROM load.{view} WHERE axis = 'all'"
        )
    };
    let daily = cells(&ctx, &whole("daily")).await;
    assert_eq!(cells(&ctx, &whole("monthly")).await, daily);
    assert_eq!(cells(&ctx, &whole("annual")).await, daily);
    // Four quarters are an hour's mean load, and 96 a day.
    let quarters = format!(
        "SELECT count(*), count(DISTINCT quarter), min(measured_share), max(measured_share)
        FROM load.quarter_hourly WHERE axis = 'all' AND day = DATE '{LAST_DAY}'"
    );
    assert_eq!(cells(&ctx, &quarters).await, [["96", "96", "0.000000", "0.000000"]]);
    let parts = "SELECT count(*), count(*) FILTER (WHERE parts.energy_kwh = hour.load_kw AND parts.count = 4
            AND parts.least_kw > hour.load_kw - 0.002 AND parts.most_kw < hour.load_kw + 0.002)
        FROM load.hourly AS hour
        JOIN (SELECT date_trunc('hour', quarter) AS hour, count(*) AS count, sum(energy_kwh) AS energy_kwh,
            min(load_kw) AS least_kw, max(load_kw) AS most_kw
            FROM load.quarter_hourly WHERE axis = 'region' AND code = 'North' GROUP BY 1) AS parts
            ON parts.hour = hour.hour
        WHERE hour.axis = 'region' AND hour.code = 'North'";
    assert_eq!(cells(&ctx, parts).await, [["504", "504"]], "21 days of the factory's hours");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_temperature_beside_a_load_is_its_own_regions() {
    let written = village().await;
    let ctx = written.now().await;
    let told = "SELECT axis, code, temperature_c FROM load.hourly
        WHERE day = DATE '2026-11-16' AND hour = day_start(day) AND axis IN ('all', 'region') AND code IS NOT NULL
        ORDER BY 1, 2";
    let expected = [
        ["all", "all", "4.0"],
        ["region", "East", "4.0"],
        ["region", "Lake", "4.0"],
        ["region", "North", "4.0"],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
    let peak = "SELECT max_temperature_c, min_temperature_c FROM load.daily
        WHERE day = DATE '2026-11-16' AND axis = 'all'";
    assert_eq!(cells(&ctx, peak).await, [["6.0", "4.0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forecasts_are_measured_by_the_reads_of_their_scope() {
    let written = village().await;
    let hourly = json!({"run_id": "f2", "issued_at": at(LAST_DAY, 1), "data_cutoff": at(LAST_DAY, 0),
        "model_version": "1", "scope": "total", "time": at(LAST_DAY, 20), "step_min": 60,
        "forecast_kwh": 10.0, "quantiles": [{"probability": 0.1, "energy_kwh": 0.0},
            {"probability": 0.9, "energy_kwh": 1.0e6}]});
    let daily = but(
        hourly.clone(),
        json!({"scope": "region=East", "time": at(LAST_DAY, 0), "step_min": 1440}),
    );
    let to_come = but(hourly.clone(), json!({"time": at(LAST_DAY, 24)}));
    written.land(Table::Forecasts, &[hourly, daily, to_come]).await;
    let ctx = written.now().await;
    let told = "SELECT scope, time, lead_h, actual_kwh, error_kwh, inside
        FROM load.forecast_errors WHERE run_id = 'f2' ORDER BY scope, time";
    let told = cells(&ctx, told).await;
    let of_day = format!(
        "SELECT sum(energy_kwh) FROM meter_reads WHERE channel = 'import'
            AND day = DATE '{LAST_DAY}' AND meter_id NOT IN ('M1', 'M4', 'M9')"
    );
    let east = units(&cells(&ctx, &of_day).await[0][0]);
    // What longer reads had in the hour is their share of it.
    let ended = at(LAST_DAY, 21).timestamp() * 1_000_000;
    let of_hour = format!(
        "SELECT sum(CAST(energy_kwh AS DOUBLE) * least(60.0 / interval_min, 1.0)) FROM meter_reads
            WHERE channel = 'import' AND CAST(read_at AS BIGINT) > {ended} - 3600000000
                AND CAST(read_at AS BIGINT) - interval_min * 60000000 < {ended}"
    );
    let hour: f64 = cells(&ctx, &of_hour).await[0][0].parse().expect("a number");
    assert_eq!(told.len(), 3, "{told:?}");
    let number = |row: usize, column: usize| told[row][column].parse::<f64>().expect("a number");
    assert_eq!((told[0][0].as_str(), units(&told[0][3])), ("region=East", east));
    assert_eq!(told[1][0], "total");
    assert!((number(1, 3) - hour).abs() < 0.002, "{told:?} beside {hour}");
    assert_eq!((number(0, 2), number(1, 2)), (24.0, 21.0));
    assert!((number(0, 4) - (10.0 - east as f64 / 1e4)).abs() < 1e-6);
    assert_eq!(told[0][5], "true");
    // Nothing was drawn in hours that have not come.
    assert_eq!((told[2][3].as_str(), told[2][4].as_str()), ("", ""));
    let accuracy =
        "SELECT scope, step_min, days_ahead, step_count, wape FROM load.forecast_accuracy
        WHERE scope = 'region=East'";
    let accuracy = cells(&ctx, accuracy).await;
    assert_eq!(accuracy[0][..4], ["region=East", "1440", "1", "1"]);
    let wape = (10.0 - east as f64 / 1e4).abs() / (east as f64 / 1e4);
    assert!((accuracy[0][4].parse::<f64>().expect("a rate") - wape).abs() < 1e-9);
}
