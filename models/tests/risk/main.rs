//! Risk scores as a caller meets them: batches in, probabilities and reasons
//! out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod boosted;
mod evaluating;
mod fitting;
mod measuring;
mod reading;
mod rows;
mod scoring;
