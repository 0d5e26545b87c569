//! Whole reports, from values to pages.

mod charts;
mod pages;
mod sample;
