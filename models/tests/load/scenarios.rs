//! Weather that is only observed: beyond a few days it is that of past years.

use chrono::TimeDelta;
use loadstar_models::load::{
    BacktestSpec, ForecastSpec, LoadModel, LoadSeries, backtest, forecast,
};

use crate::synthetic::{start, town};

/// Four years, of which the temperature is known only once it has been.
fn unforeseen() -> LoadSeries {
    let mut series = town(1500);
    let temperature = series.known.remove(0);
    series.observed.push(temperature);
    series
}

#[test]
fn a_month_ahead_past_weather_makes_honest_intervals() {
    let mut spec = BacktestSpec::new(start() + TimeDelta::days(1300));
    spec.horizon = TimeDelta::days(28);
    spec.every = TimeDelta::days(28);
    spec.to = Some(start() + TimeDelta::days(1468));
    spec.quantiles = (1..10).map(|tenth| f64::from(tenth) / 10.0).collect();
    let with = backtest(&unforeseen(), &spec, &mut |_, _| {}).unwrap();
    assert!(
        with.model.contains("from 3 d ahead on under temperature of past years"),
        "{}",
        with.model
    );
    let mut blind = unforeseen();
    blind.observed.clear();
    let without = backtest(&blind, &spec, &mut |_, _| {}).unwrap();
    assert!(!without.model.contains("past years"), "{}", without.model);
    let coverage = with.model_metrics.coverage_percent.unwrap();
    // Few years of weather make intervals that are on the safe side.
    assert!((74.0..94.0).contains(&coverage), "{coverage}");
    let pinball =
        (with.model_metrics.mean_pinball.unwrap(), without.model_metrics.mean_pinball.unwrap());
    // In a town whose days come at random there is nothing to gain, and little to lose.
    assert!(pinball.0 < 1.03 * pinball.1, "{pinball:?}");
}

#[test]
fn what_the_weather_will_be_changes_nothing_and_what_it_was_does() {
    let honest = unforeseen();
    // Begins and ends in the middle of a day, which has a warmest and a coldest hour.
    let origin = honest.len() - 40 * 24 + 13;
    let spec = ForecastSpec {
        origin: Some(honest.time(origin)),
        ..ForecastSpec::new(TimeDelta::days(21))
    };
    let mut corrupt = honest.clone();
    for i in origin..corrupt.len() {
        corrupt.observed[0].values[i] = 50.0;
        corrupt.target[i] = -1.0;
    }
    let (a, b) = (forecast(&honest, &spec).unwrap(), forecast(&corrupt, &spec).unwrap());
    assert_eq!(a, b);
    // Hotter weather on the same days of past years is foreseen to come again.
    let mut hotter = honest.clone();
    for years_back in [1, 2, 3] {
        let from = origin + 10 * 24 - years_back * 8766;
        hotter.observed[0].values.slice_mut(ndarray::s![from..from + 240]).fill(35.0);
        for i in from..from + 240 {
            hotter.target[i] *= 1.3;
        }
    }
    let c = forecast(&hotter, &spec).unwrap();
    let late = |made: &loadstar_models::load::Forecast| -> f64 {
        made.points[12 * 24..18 * 24].iter().map(|point| point.forecast).sum()
    };
    assert!(late(&c) > 1.1 * late(&a), "{} {}", late(&c), late(&a));
    // Quantiles never cross, and the peak's and the energy's lie around theirs.
    assert!(a.points.iter().all(|point| point.quantiles.is_sorted()));
    assert!(a.energy.sum_quantiles[0] < a.energy.sum && a.energy.sum < a.energy.sum_quantiles[2]);
    assert!(a.peak.quantiles[0] < a.peak.quantiles[2]);
}

/// From the end of the data, where the series has no place for the weather yet.
#[test]
fn a_forecast_from_the_end_is_the_one_from_the_same_instant_of_a_longer_series() {
    let longer = unforeseen();
    let origin = longer.len() - 40 * 24;
    let mut ending = longer.clone();
    ending.target = longer.target.slice(ndarray::s![..origin]).to_owned();
    ending.observed[0].values = longer.observed[0].values.slice(ndarray::s![..origin]).to_owned();
    let spec = ForecastSpec::new(TimeDelta::days(21));
    let at = ForecastSpec { origin: Some(longer.time(origin)), ..spec.clone() };
    let (a, b) = (forecast(&ending, &spec).unwrap(), forecast(&longer, &at).unwrap());
    assert!(a.model.contains("past years"), "{}", a.model);
    assert_eq!(a.points, b.points);
}

#[test]
fn two_years_of_weather_are_needed_and_a_kept_model_keeps_them() {
    let mut short = town(600);
    let temperature = short.known.remove(0);
    short.observed.push(temperature);
    let spec = ForecastSpec::new(TimeDelta::days(14));
    assert!(!forecast(&short, &spec).unwrap().model.contains("past years"));
    let long = unforeseen();
    let model = LoadModel::fit(&long, &spec).unwrap();
    let kept: LoadModel = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    let (made, again) =
        (model.forecast(&long, &spec).unwrap(), kept.forecast(&long, &spec).unwrap());
    assert!(made.model.contains("past years"), "{}", made.model);
    assert_eq!(made.points.len(), again.points.len());
    for (a, b) in made.points.iter().zip(&again.points) {
        assert!((a.forecast - b.forecast).abs() < 1e-6 * a.forecast.abs(), "{}", a.time);
    }
}
