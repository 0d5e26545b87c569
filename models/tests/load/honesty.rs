//! Nothing at or after an origin is read; what is known ahead is.

use chrono::TimeDelta;
use loadstar_models::load::{BacktestSpec, Covariate, ForecastSpec, backtest, forecast};

use crate::synthetic::{noise, start, town};

fn with_observed(days: usize) -> loadstar_models::load::LoadSeries {
    let mut series = town(days);
    let values = series.known[0].values.mapv(|t| t + 3.0);
    series.observed.push(Covariate { name: "humidity".into(), values });
    series
}

#[test]
fn a_corrupted_future_leaves_the_forecast_unchanged() {
    let honest = with_observed(420);
    // The middle of a day, so that the day of the origin is only partly known.
    let spec = ForecastSpec {
        origin: Some(start() + TimeDelta::hours(400 * 24 + 13)),
        ..ForecastSpec::new(TimeDelta::hours(72))
    };
    let mut corrupt = honest.clone();
    let from = 400 * 24 + 13;
    for i in from..corrupt.len() {
        corrupt.target[i] = 1e6 * (2.0 + noise(i));
        corrupt.observed[0].values[i] = f64::NAN;
    }
    let (a, b) = (forecast(&honest, &spec).unwrap(), forecast(&corrupt, &spec).unwrap());
    assert_eq!(a, b);
    assert!(a.model.contains("ridge"), "{}", a.model);

    let mut one_earlier = honest.clone();
    one_earlier.target[from - 1] *= 1.2;
    assert_ne!(forecast(&one_earlier, &spec).unwrap().points, a.points);
}

#[test]
fn a_backtest_never_reads_past_an_origin() {
    let honest = with_observed(400);
    let from = start() + TimeDelta::days(360);
    let mut spec = BacktestSpec::new(from);
    spec.to = Some(from + TimeDelta::days(20));
    spec.refit_every = TimeDelta::days(7);
    spec.horizon = TimeDelta::hours(48);
    let before = backtest(&honest, &spec, &mut |_, _| {}).unwrap();
    let origin = from + TimeDelta::days(12);
    let mut corrupt = honest.clone();
    for i in corrupt.index_at(origin)..corrupt.len() {
        corrupt.target[i] *= 5.0;
        corrupt.observed[0].values[i] = -40.0;
    }
    let after = backtest(&corrupt, &spec, &mut |_, _| {}).unwrap();
    let mut compared = 0;
    for (a, b) in before.predictions.iter().zip(&after.predictions) {
        if a.origin <= origin {
            assert_eq!((a.forecast, &a.quantiles), (b.forecast, &b.quantiles), "{}", a.time);
            compared += 1;
        }
    }
    assert_eq!(compared, 13 * 48);
    let last = (before.predictions.last().unwrap(), after.predictions.last().unwrap());
    assert_ne!(last.0.forecast, last.1.forecast);
}

#[test]
fn what_is_known_ahead_is_used_ahead() {
    let mild = town(420);
    let spec = ForecastSpec {
        origin: Some(start() + TimeDelta::days(380)),
        ..ForecastSpec::new(TimeDelta::hours(24))
    };
    let mut cold = mild.clone();
    for i in 380 * 24..cold.len() {
        cold.known[0].values[i] = 4.0;
    }
    let mut hot = mild.clone();
    for i in 380 * 24..hot.len() {
        hot.known[0].values[i] = 14.0;
    }
    let energy = |series| forecast(series, &spec).unwrap().energy.sum;
    // ten degrees of heating at 1.5 % a degree
    let ratio = energy(&cold) / energy(&hot);
    assert!((1.08..1.22).contains(&ratio), "{ratio}");
}

#[test]
fn the_model_beats_the_naive_and_its_interval_covers_what_it_says() {
    let series = town(500);
    let mut spec = BacktestSpec::new(start() + TimeDelta::days(400));
    spec.quantiles = vec![0.1, 0.5, 0.9];
    let mut told = Vec::new();
    let result = backtest(&series, &spec, &mut |done, all| told.push((done, all))).unwrap();
    assert_eq!(result.model_metrics.n, 100 * 24);
    assert_eq!((told[0], told[told.len() - 1]), ((0, 100), (100, 100)));
    assert_eq!(result.fits, 4);
    let (model, naive) = (&result.model_metrics, &result.naive_metrics);
    // The noise alone is 0.5 %.
    assert!(model.mape_percent.unwrap() < 1.0, "{model:?}");
    assert!(naive.mape_percent.unwrap() > 3.0, "{naive:?}");
    assert!((74.0..86.0).contains(&model.coverage_percent.unwrap()), "{model:?}");
    assert!(model.mean_pinball.unwrap() < model.mae / 2.0);
    let week_ago = series.target[393 * 24 + 5];
    assert!((result.predictions[5].seasonal_naive - week_ago).abs() < 1e-6);
}
