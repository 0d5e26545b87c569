//! Load has its day, week and year; some leave, some steal, and it shows.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike, Weekday};
use loadstar_schema::day;
use loadstar_schema::event::{ServiceRequest, Weather};
use loadstar_schema::synthetic::{DayOfEvents, UtilitySpec};

use crate::landing::{Landed, Registry};
use crate::{of_topic, play, town};

/// Energy by industry and settlement hour, kWh.
fn by_industry(batches: &[DayOfEvents]) -> HashMap<String, Vec<(NaiveDate, u32, f64)>> {
    let (landed, registry) = (Landed::of(batches), Registry::of(batches));
    let mut rows: HashMap<String, Vec<(NaiveDate, u32, f64)>> = HashMap::new();
    for ((meter_id, export, read_at), (_, energy)) in &landed.intervals {
        if let Some(row) = registry.at(meter_id, *read_at).filter(|_| !export) {
            let industry = row.industry_code.as_deref().unwrap_or_default().to_owned();
            let local = (*read_at - TimeDelta::minutes(1)).with_timezone(&day::settlement_offset());
            let row = (local.date_naive(), local.hour(), *energy as f64 / 10_000.0);
            rows.entry(industry).or_default().push(row);
        }
    }
    rows
}

fn mean(rows: &[(NaiveDate, u32, f64)], of: impl Fn(NaiveDate, u32) -> bool) -> f64 {
    let chosen: Vec<f64> = rows.iter().filter(|row| of(row.0, row.1)).map(|row| row.2).collect();
    chosen.iter().sum::<f64>() / chosen.len() as f64
}

#[test]
fn offices_rest_at_weekends_and_homes_peak_in_the_evening() {
    let (batches, _) = play(UtilitySpec { customers: 300, days: 28, ..town() });
    let loads = by_industry(&batches);
    let weekend = |date: NaiveDate| matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    let banks = &loads["J"];
    let ratio = mean(banks, |date, _| !weekend(date)) / mean(banks, |date, _| weekend(date));
    assert!(ratio > 1.5, "offices {ratio}");
    let homes = &loads["URB"];
    let ratio = mean(homes, |date, _| !weekend(date)) / mean(homes, |date, _| weekend(date));
    assert!((0.8..1.05).contains(&ratio), "homes {ratio}");
    let evening = mean(homes, |_, hour| (18..22).contains(&hour));
    assert!(evening > 3.0 * mean(homes, |_, hour| (2..5).contains(&hour)));
}

#[test]
fn homes_follow_temperature_and_pumps_the_summer() {
    let (batches, _) = play(UtilitySpec { customers: 120, days: 365, ..town() });
    let loads = by_industry(&batches);
    let homes = &loads["URB"];
    let in_months = |months: [u32; 2]| move |date: NaiveDate, _| months.contains(&date.month());
    let spring = mean(homes, in_months([4, 5]));
    let (summer, winter) = (mean(homes, in_months([7, 8])), mean(homes, in_months([12, 1])));
    assert!(summer > 1.25 * spring, "{summer} in summer, {spring} in spring");
    assert!(winter > 1.15 * spring, "{winter} in winter, {spring} in spring");
    let fields = &loads["A"];
    assert!(mean(fields, in_months([7, 8])) > 1.2 * mean(fields, in_months([1, 2])));

    let mut temperatures: HashMap<u32, Vec<f64>> = HashMap::new();
    for event in of_topic(&batches, "weather") {
        let weather: Weather<'_> = serde_json::from_slice(&event.payload).expect("weather");
        if weather.kind == "obs" {
            temperatures.entry(weather.valid_at.month()).or_default().push(weather.temperature_c);
        }
    }
    let mean_c =
        |month: u32| temperatures[&month].iter().sum::<f64>() / temperatures[&month].len() as f64;
    assert!(mean_c(7) > 22.0 && mean_c(1) < 11.0, "{} {}", mean_c(7), mean_c(1));
}

#[test]
fn forecasts_are_near_and_reach_into_the_week_to_come() {
    let spec = town();
    let (batches, _) = play(spec.clone());
    let mut observed = HashMap::new();
    let mut forecasts = Vec::new();
    for event in of_topic(&batches, "weather") {
        let weather: Weather<'_> = serde_json::from_slice(&event.payload).expect("weather");
        let place = weather.cell.to_string();
        if weather.kind == "obs" {
            observed.insert((place, weather.valid_at), weather.temperature_c);
        } else {
            assert!(weather.issued_at < event.timestamp && weather.issued_at < weather.valid_at);
            forecasts.push((place, weather.valid_at, weather.temperature_c));
        }
    }
    let reach = forecasts.iter().map(|forecast| forecast.1).max().expect("forecasts");
    assert_eq!(reach, day::start(spec.end) + TimeDelta::days(8));
    let errors: Vec<f64> = forecasts
        .into_iter()
        .filter_map(|(place, at, guess)| Some((observed.get(&(place, at))? - guess).abs()))
        .collect();
    let error = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!((0.2..2.0).contains(&error), "{error} °C");
}

#[test]
fn those_who_leave_draw_less_before_and_nothing_after() {
    let spec = UtilitySpec { customers: 400, days: 300, ..town() };
    let end = spec.end;
    let (batches, truth) = play(spec);
    assert!((10..45).contains(&truth.churned.len()), "{}", truth.churned.len());
    assert!((2..18).contains(&truth.thieves.len()), "{}", truth.thieves.len());
    let landed = Landed::of(&batches);
    let (mut before, mut at_last) = (0.0, 0.0);
    let first = end - TimeDelta::days(300);
    let leavers = truth.churned.iter().filter(|left| left.day < end && left.signals_from > first);
    let leavers: HashMap<String, _> =
        leavers.map(|left| (left.customer_id.replace('C', "M"), left)).collect();
    for ((meter_id, _, read_at), (_, energy)) in &landed.intervals {
        let Some(left) = leavers.get(meter_id) else { continue };
        let date = day::of_interval_end(*read_at);
        assert!(date < left.day, "{meter_id} reads after it left");
        let (early, late) = (left.signals_from - date, left.day - date);
        if (0..14).contains(&early.num_days()) {
            before += *energy as f64;
        } else if (0..=14).contains(&late.num_days()) {
            at_last += *energy as f64;
        }
    }
    assert!(before > 1.3 * at_last, "{before} {at_last}");
    let asked = of_topic(&batches, "service_requests")
        .into_iter()
        .filter(|event| {
            let request: ServiceRequest<'_> =
                serde_json::from_slice(&event.payload).expect("a request");
            matches!(&*request.request_type, "closure" | "suspension") && request.stage == "closed"
        })
        .count();
    assert_eq!(asked, truth.churned.iter().filter(|left| left.day < end).count());
}
