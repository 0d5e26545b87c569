//! What the gate, the feeders and the transformer areas deliver: what their
//! customers truly use and the losses on the way, so that the difference to
//! what meters count is loss and theft.

use std::borrow::Cow;

use chrono::{NaiveDate, TimeDelta};

use super::draw::{Draw, Purpose};
use super::outbox::Outbox;
use super::population::{City, Member, area_id, feeder_id};
use crate::codes::{AssetKind, Direction};
use crate::event::SupplyRead;
use crate::{Fixed, Table, day};

/// Energy through every asset on one day, 1e-4 kWh by hour.
#[derive(Clone, Debug)]
pub(super) struct Supply {
    draw: Draw,
    area_feeders: Vec<usize>,
    area_loss: Vec<f64>,
    feeder_loss: Vec<f64>,
    areas: Vec<[i64; 24]>,
    feeders: Vec<[i64; 24]>,
}

impl Supply {
    pub(super) fn new(seed: u64, city: &City) -> Self {
        let mut draw = Draw::new(seed, Purpose::Supply, 0);
        let areas = city.area_feeders.len();
        Self {
            area_feeders: city.area_feeders.clone(),
            area_loss: (0..areas).map(|_| draw.range(0.015, 0.040)).collect(),
            feeder_loss: (0..city.feeder_count).map(|_| draw.range(0.008, 0.018)).collect(),
            areas: vec![[0; 24]; areas],
            feeders: vec![[0; 24]; city.feeder_count],
            draw,
        }
    }

    /// Adds what a customer truly used.
    pub(super) fn add(&mut self, member: &Member, used: &[i64]) {
        let hours = match member.area {
            Some(area) => &mut self.areas[area],
            None => &mut self.feeders[member.feeder],
        };
        let per_hour = used.len() / 24;
        for (hour, used) in hours.iter_mut().zip(used.chunks_exact(per_hour.max(1))) {
            *hour += used.iter().sum::<i64>();
        }
    }

    /// Sends the day's reads and begins the next day.
    pub(super) fn send(&mut self, date: NaiveDate, outbox: &mut Outbox) {
        for area in 0..self.areas.len() {
            let loss = self.area_loss[area] * (1.0 + 0.08 * self.draw.normal());
            let delivered = self.areas[area].map(|hour| with_loss(hour, loss));
            let feeder = &mut self.feeders[self.area_feeders[area]];
            for (sum, hour) in feeder.iter_mut().zip(&delivered) {
                *sum += hour;
            }
            let energy = delivered.iter().sum();
            self.send_read(AssetKind::Area, &area_id(area), date, 24, 1440, energy, outbox);
        }
        let mut gate = [0; 24];
        for feeder in 0..self.feeders.len() {
            let loss = self.feeder_loss[feeder] * (1.0 + 0.05 * self.draw.normal());
            let delivered = self.feeders[feeder].map(|hour| with_loss(hour, loss));
            for (sum, hour) in gate.iter_mut().zip(&delivered) {
                *sum += hour;
            }
            let energy = delivered.iter().sum();
            self.send_read(AssetKind::Feeder, &feeder_id(feeder), date, 24, 1440, energy, outbox);
        }
        for (hour, energy) in gate.into_iter().enumerate() {
            let energy = with_loss(energy, 0.004);
            self.send_read(AssetKind::Gate, "G1", date, hour as i64 + 1, 60, energy, outbox);
        }
        self.areas.fill([0; 24]);
        self.feeders.fill([0; 24]);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a supply read")]
    fn send_read(
        &mut self,
        kind: AssetKind,
        asset_id: &str,
        date: NaiveDate,
        hour: i64,
        interval_min: i16,
        energy: i64,
        outbox: &mut Outbox,
    ) {
        let at = day::end(date) + TimeDelta::seconds(self.draw.seconds(600, 5400));
        let read = SupplyRead {
            asset_id: Cow::Borrowed(asset_id),
            asset_kind: Cow::Borrowed(kind.code()),
            direction: Cow::Borrowed(Direction::In.code()),
            read_at: day::start(date) + TimeDelta::hours(hour),
            interval_min,
            energy_kwh: Fixed(energy.into()),
            quality: 0,
            revision: 0,
        };
        outbox.send_fact(Table::SupplyReads, asset_id, at, &read);
    }
}

/// Rounded to 0.01 kWh, as such meters show.
fn with_loss(energy: i64, loss: f64) -> i64 {
    (energy as f64 * (1.0 + loss) / 100.0).round() as i64 * 100
}
