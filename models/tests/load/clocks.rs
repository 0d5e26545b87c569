//! Local days: named zones, daylight saving, clocks read off the data.

use chrono::{NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use loadstar_models::load::{BacktestSpec, Clock, Covariate, ForecastSpec, LoadModel, backtest};

use crate::synthetic::{start, town, town_in};

/// A flag that is 1 on every eleventh local day.
fn local_flag(series: &loadstar_models::load::LoadSeries, zone: Tz) -> Covariate {
    let epoch = NaiveDate::from_ymd_opt(2022, 1, 1).unwrap();
    let values = (0..series.len()).map(|i| {
        let day = (series.time(i).with_timezone(&zone).date_naive() - epoch).num_days();
        f64::from(u8::from(day % 11 == 0))
    });
    Covariate { name: "holiday".into(), values: values.collect() }
}

#[test]
fn daylight_saving_and_midnight_are_read_off_the_data() {
    let zone = Tz::Australia__Melbourne;
    let mut series = town_in(zone, 500, TimeDelta::hours(1));
    series.known.push(local_flag(&series, zone));
    let spec = ForecastSpec {
        origin: Some(start() + TimeDelta::days(480)),
        ..ForecastSpec::new(TimeDelta::hours(24))
    };
    let model = LoadModel::fit(&series, &spec).unwrap();
    assert_eq!(model.clock, Clock { standard_minutes: 600, saving: Some(zone) });
    assert!(
        model.notes[0].contains("+10:00") && model.notes[0].contains("Melbourne"),
        "{:?}",
        model.notes
    );
    let named = LoadModel::fit(&series.clone().with_zone(zone), &spec).unwrap();
    assert_eq!(named.clock, model.clock);
    assert!(!named.notes.iter().any(|note| note.contains("read off")));
}

#[test]
fn half_an_hour_east_and_west_of_midnight() {
    for (zone, minutes) in [(Tz::Asia__Kolkata, 330), (Tz::America__Bogota, -300)] {
        let mut series = town_in(zone, 120, TimeDelta::minutes(30));
        series.known.push(local_flag(&series, zone));
        let spec = ForecastSpec {
            origin: Some(start() + TimeDelta::days(110)),
            ..ForecastSpec::new(TimeDelta::hours(24))
        };
        let clock = LoadModel::fit(&series, &spec).unwrap().clock;
        assert_eq!(clock, Clock { standard_minutes: minutes, saving: None });
    }
}

#[test]
fn without_signs_of_another_clock_stamps_are_taken_as_written() {
    let series = town(500);
    let spec = ForecastSpec {
        origin: Some(start() + TimeDelta::days(480)),
        ..ForecastSpec::new(TimeDelta::hours(24))
    };
    let model = LoadModel::fit(&series, &spec).unwrap();
    assert_eq!(model.clock, Clock::AS_WRITTEN);
    assert!(model.notes.is_empty(), "{:?}", model.notes);
}

#[test]
fn clock_changes_do_not_upset_a_backtest() {
    let zone = Tz::Europe__Berlin;
    let series = town_in(zone, 680, TimeDelta::minutes(30)).with_zone(zone);
    // Both changes of 2023, at 01:00 UTC on 26 March and 29 October; origins at local midnight.
    for (month, day, hour) in [(3, 20, 23), (10, 23, 22)] {
        let from = Utc.with_ymd_and_hms(2023, month, day, hour, 0, 0).unwrap();
        let mut spec = BacktestSpec::new(from);
        spec.to = Some(from + TimeDelta::days(14));
        let result = backtest(&series, &spec, &mut |_, _| {}).unwrap();
        assert_eq!(result.model_metrics.n, 14 * 48);
        // Before and after the change origins fall on two local times of day.
        assert_eq!(result.fits, 2);
        assert!(result.model_metrics.mape_percent.unwrap() < 1.3, "{:?}", result.model_metrics);
        for day in result.predictions.chunks(48) {
            let mape = day.iter().map(|p| (p.forecast / p.actual - 1.0).abs()).sum::<f64>() / 0.48;
            assert!(mape < 3.0, "{}: {mape}", day[0].origin);
        }
    }
}
