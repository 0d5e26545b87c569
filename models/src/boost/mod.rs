//! Gradient boosting of regression trees on histograms, as a linfa estimator.
//!
//! [`Boost::params`] gives hyperparameters, `fit` a [`Boost`]; rows are `f64`
//! with NaN for missing. Friedman, Annals of Statistics 29 (2001); histograms,
//! best-leaf-first growth and the defaults are those of LightGBM (Ke et al.,
//! NIPS 2017).
//!
//! ```
//! use linfa::Dataset;
//! use linfa::traits::{Fit, Predict};
//! use loadstar_models::boost::{Boost, Loss};
//! use ndarray::{Array1, Array2};
//!
//! let x = Array2::from_shape_fn((500, 2), |(i, j)| (i * (7 + 6 * j) % 50) as f64);
//! let y = x.map_axis(ndarray::Axis(1), |row| f64::from(u8::from(row[0] > 24.0)));
//! let model = Boost::params().loss(Loss::Logistic).trees(50).fit(&Dataset::new(x.clone(), y))?;
//! let probability: Array1<f64> = model.predict(&x);
//! assert!(probability.iter().zip(x.rows()).all(|(p, row)| (*p > 0.5) == (row[0] > 24.0)));
//! # Ok::<(), linfa::Error>(())
//! ```
//!
//! Invariants: the same rows, parameters and seed give the same model, byte for
//! byte, with any number of threads, as sums are of whole numbers; a row scores
//! the same alone and among others; a model read back from JSON predicts the
//! same.

mod bins;
mod fit;
mod grow;
mod histogram;
mod loss;
mod model;
mod params;
mod sample;
mod shap;
mod split;
mod stored;
mod table;
mod tree;

pub use loss::Loss;
pub use model::Boost;
pub use params::{BoostParams, BoostValidParams};
