//! The synthetic utility: what it sends, decoded as anyone would decode it,
//! must come to what its truth says.
#![cfg(feature = "synthetic")]

mod codes;
mod defects;
mod landing;
mod money;
mod reads;
mod shapes;
mod stream;

use loadstar_schema::synthetic::{DayOfEvents, Truth, Utility, UtilitySpec, WireEvent};

/// A small town over six weeks.
fn town() -> UtilitySpec {
    UtilitySpec { customers: 60, days: 45, seed: 7, ..UtilitySpec::default() }
}

/// Every batch, and the truth at the end.
fn play(spec: UtilitySpec) -> (Vec<DayOfEvents>, Truth) {
    let utility = Utility::new(spec).expect("a valid spec");
    let mut days = utility.days();
    let batches = days.by_ref().collect();
    (batches, days.truth())
}

/// The events of one topic in order of arrival.
fn of_topic<'a>(batches: &'a [DayOfEvents], topic: &str) -> Vec<&'a WireEvent> {
    let events = batches.iter().flat_map(|batch| &batch.events);
    events.filter(|event| event.topic == topic).collect()
}
