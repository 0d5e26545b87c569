//! Series of every kind get a sensible answer, said aloud.

use chrono::TimeDelta;
use loadstar_models::load::{
    BacktestSpec, ForecastSpec, LoadError, LoadModel, LoadSeries, MODEL_VERSION, SeasonalNaive,
    backtest, forecast,
};
use ndarray::Array1;
use proptest::prelude::*;

use crate::synthetic::{forget_last, noise, start, town, town_in};

fn day_ahead() -> ForecastSpec {
    ForecastSpec::new(TimeDelta::hours(24))
}

fn said(notes: &[String], what: &str) -> bool {
    notes.iter().any(|note| note.contains(what))
}

#[test]
fn peak_and_energy_belong_to_the_points() {
    let mut series = town(400);
    forget_last(&mut series, 72);
    let spec = ForecastSpec {
        quantiles: vec![0.05, 0.5, 0.95],
        ..ForecastSpec::new(TimeDelta::hours(72))
    };
    let result = forecast(&series, &spec).unwrap();
    assert_eq!(result.points.len(), 72);
    assert_eq!(result.points[0].time, series.time(series.len() - 72));
    let top = result.points.iter().map(|p| p.forecast).fold(0.0, f64::max);
    assert_eq!(result.peak.forecast, top);
    assert!(result.points.iter().any(|p| p.time == result.peak.time && p.forecast == top));
    let sum: f64 = result.points.iter().map(|p| p.forecast).sum();
    assert!((result.energy.sum - sum).abs() < 1e-6 * sum);
    let [low, _, high] = result.energy.sum_quantiles[..] else { panic!("three levels") };
    assert!(low < sum && sum < high);
    // Hourly errors partly cancel over three days.
    let widest: f64 = result.points.iter().map(|p| p.quantiles[2] - p.quantiles[0]).sum();
    assert!(high - low < widest);
}

#[test]
fn a_short_history_falls_back_to_the_naive_and_says_so() {
    let series = town(20);
    let result =
        forecast(&LoadSeries { known: Vec::new(), ..series.clone() }, &day_ahead()).unwrap();
    assert!(result.model.contains("seasonal naive"), "{}", result.model);
    assert!(said(&result.notes, "too few"), "{:?}", result.notes);
    for (i, point) in result.points.iter().enumerate() {
        assert!((point.forecast - series.target[(20 - 7) * 24 + i]).abs() < 1e-6);
        assert!(point.quantiles[0] < point.quantiles[2]);
    }
}

#[test]
fn two_days_of_history_repeat_the_last() {
    let series = town(2);
    let result =
        forecast(&LoadSeries { known: Vec::new(), ..series.clone() }, &day_ahead()).unwrap();
    for (i, point) in result.points.iter().enumerate() {
        assert!((point.forecast - series.target[24 + i]).abs() < 1e-6);
    }
}

#[test]
fn a_covariate_that_ends_too_early_is_dropped_aloud() {
    let mut series = town(400);
    forget_last(&mut series, 24);
    let n = series.len();
    series.known[0].values.slice_mut(ndarray::s![n - 5..]).fill(f64::NAN);
    let result = forecast(&series, &day_ahead()).unwrap();
    assert!(said(&result.notes, "\"temperature\" is left out"), "{:?}", result.notes);
    assert!(result.model.contains("ridge"));
}

#[test]
fn gaps_in_the_history_cost_little() {
    let whole = town(460);
    let mut holes = whole.clone();
    holes.target.slice_mut(ndarray::s![3000..3170]).fill(f64::NAN);
    for i in (0..holes.len()).step_by(97) {
        holes.target[i] = f64::NAN;
    }
    let spec = BacktestSpec::new(start() + TimeDelta::days(430));
    let mape = |series| {
        backtest(series, &spec, &mut |_, _| {}).unwrap().model_metrics.mape_percent.unwrap()
    };
    let (a, b) = (mape(&whole), mape(&holes));
    assert!(b < a + 0.2 && b < 1.2, "{a} {b}");
}

#[test]
fn zeros_negatives_and_flat_lines_have_answers() {
    let day = TimeDelta::hours(24);
    let hours = 200 * 24;
    let night_only =
        Array1::from_shape_fn(hours, |i| if i % 24 < 6 { 5.0 + noise(i) } else { 0.0 });
    let result =
        forecast(&LoadSeries::new(start(), TimeDelta::hours(1), night_only).unwrap(), &day_ahead())
            .unwrap();
    assert!(said(&result.notes, "zero"), "{:?}", result.notes);
    assert!(
        result.points.iter().all(|p| p.forecast >= 0.0 && p.quantiles.iter().all(|&q| q >= 0.0))
    );
    assert!((result.energy.sum - 30.0).abs() < 5.0, "{}", result.energy.sum);

    let solar = Array1::from_shape_fn(hours, |i| {
        10.0 - 15.0 * (((i % 24) as f64 - 6.0) / 12.0 * std::f64::consts::PI).sin().max(0.0)
            + noise(i)
    });
    let result =
        forecast(&LoadSeries::new(start(), TimeDelta::hours(1), solar).unwrap(), &day_ahead())
            .unwrap();
    assert!(said(&result.notes, "negative"), "{:?}", result.notes);
    assert!((result.points[12].forecast + 5.0).abs() < 1.5, "{}", result.points[12].forecast);

    for value in [0.0, 7.0] {
        let flat =
            LoadSeries::new(start(), TimeDelta::hours(1), Array1::from_elem(hours, value)).unwrap();
        let result = forecast(&flat, &ForecastSpec::new(day)).unwrap();
        assert!(result.points.iter().all(|p| (p.forecast - value).abs() < 1e-9));
        assert!(result.points.iter().flat_map(|p| &p.quantiles).all(|q| (q - value).abs() < 1e-9));
    }
}

#[test]
fn a_few_outages_are_not_learnt_from() {
    let mut series = town(400);
    for i in 5000..5005 {
        series.target[i] = 0.0;
    }
    let result = forecast(&LoadSeries { known: Vec::new(), ..series }, &day_ahead()).unwrap();
    assert!(said(&result.notes, "5 values"), "{:?}", result.notes);
    assert!(result.model.contains("ridge"));
}

#[test]
fn daily_series_are_forecast_from_weekly_lags() {
    let series = town_in(chrono_tz::UTC, 365, TimeDelta::days(1));
    let mut spec = BacktestSpec::new(start() + TimeDelta::days(337));
    spec.horizon = TimeDelta::days(1);
    spec.every = TimeDelta::days(1);
    let result = backtest(&series, &spec, &mut |_, _| {}).unwrap();
    assert_eq!(result.model_metrics.n, 28);
    let (model, naive) = (&result.model_metrics, &result.naive_metrics);
    assert!(model.wape_percent.unwrap() < 0.6 * naive.wape_percent.unwrap(), "{model:?} {naive:?}");
}

#[test]
fn a_month_ahead_has_models_for_each_range_of_leads() {
    let mut series = town_in(chrono_tz::UTC, 800, TimeDelta::hours(3));
    forget_last(&mut series, 30 * 8);
    let result = forecast(&series, &ForecastSpec::new(TimeDelta::days(30))).unwrap();
    assert_eq!(result.points.len(), 240);
    assert!(
        result.model.contains("up to 1 d") && result.model.contains("up to 30 d"),
        "{}",
        result.model
    );
    let truth = town_in(chrono_tz::UTC, 800, TimeDelta::hours(3));
    let errors = result
        .points
        .iter()
        .map(|p| (p.forecast / truth.target[truth.index_at(p.time)] - 1.0).abs());
    let mape = 100.0 * errors.sum::<f64>() / 240.0;
    assert!(mape < 2.0, "{mape}");
}

#[test]
fn a_stored_model_forecasts_the_same_and_refuses_what_it_was_not_made_for() {
    let mut series = town(400);
    forget_last(&mut series, 48);
    let model = LoadModel::fit(&series, &day_ahead()).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let back: LoadModel = serde_json::from_str(&text).unwrap();
    let (a, b) = (
        model.forecast(&series, &day_ahead()).unwrap(),
        back.forecast(&series, &day_ahead()).unwrap(),
    );
    for (a, b) in a.points.iter().zip(&b.points) {
        assert!(
            (a.forecast - b.forecast).abs() < 1e-6
                && (a.quantiles[0] - b.quantiles[0]).abs() < 1e-6
        );
    }
    let refused = |spec: &ForecastSpec, series: &LoadSeries| {
        assert!(matches!(back.forecast(series, spec), Err(LoadError::BadModel { .. })));
    };
    refused(&ForecastSpec::new(TimeDelta::hours(48)), &series);
    refused(&day_ahead(), &town_in(chrono_tz::UTC, 400, TimeDelta::minutes(30)));
    refused(&day_ahead(), &LoadSeries { known: Vec::new(), ..series.clone() });
    let version = format!("\"version\":{MODEL_VERSION}");
    assert!(text.contains(&version));
    let other: LoadModel =
        serde_json::from_str(&text.replacen(&version, "\"version\":99", 1)).unwrap();
    assert!(matches!(other.forecast(&series, &day_ahead()), Err(LoadError::BadModel { .. })));
}

#[test]
fn impossible_requests_say_what_to_ask_instead() {
    let series = town(100);
    let refused = |spec: ForecastSpec| match forecast(&series, &spec) {
        Err(LoadError::BadSpec { advice, .. }) => assert!(!advice.is_empty()),
        other => panic!("{other:?}"),
    };
    refused(ForecastSpec::new(TimeDelta::minutes(10)));
    refused(ForecastSpec::new(TimeDelta::days(5000)));
    refused(ForecastSpec { quantiles: vec![0.5, 1.0], ..day_ahead() });
    refused(ForecastSpec { origin: Some(start()), ..day_ahead() });
    let late = BacktestSpec::new(start() + TimeDelta::days(200));
    assert!(matches!(backtest(&series, &late, &mut |_, _| {}), Err(LoadError::BadSpec { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn quantiles_never_cross_whatever_the_series(
        days in 3_usize..160,
        scale in prop_oneof![Just(0.0), Just(1e-6), Just(1.0), Just(1e9)],
        offset in -2.0_f64..4.0,
        hole in 0_usize..200,
        naive in any::<bool>(),
    ) {
        let target = Array1::from_shape_fn(days * 8, |i| {
            if i > 0 && hole > 2 && i % hole == 0 { return f64::NAN; }
            scale * (offset + (i as f64 * 0.8).sin() + noise(i))
        });
        let series = LoadSeries::new(start(), TimeDelta::hours(3), target).unwrap();
        let levels = vec![0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99];
        let spec = ForecastSpec { quantiles: levels, ..ForecastSpec::new(TimeDelta::days(3)) };
        let result = if naive { SeasonalNaive::forecast(&series, &spec) } else { forecast(&series, &spec) };
        let result = result.unwrap();
        prop_assert_eq!(result.points.len(), 24);
        for point in &result.points {
            prop_assert!(point.forecast.is_finite());
            prop_assert!(point.quantiles.windows(2).all(|w| w[0] <= w[1]), "{:?}", point);
        }
        prop_assert!(result.peak.quantiles.windows(2).all(|w| w[0] <= w[1]));
        prop_assert!(result.energy.sum_quantiles.windows(2).all(|w| w[0] <= w[1]));
    }
}
