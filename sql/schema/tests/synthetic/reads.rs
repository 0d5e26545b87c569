//! Reads, registers and supply add up.

use std::collections::{BTreeMap, HashMap};

use chrono::Datelike;
use loadstar_schema::event::SupplyRead;
use loadstar_schema::reference::Axis;
use loadstar_schema::synthetic::UtilitySpec;
use loadstar_schema::{Energy, Fixed, day};

use crate::landing::{Landed, Registry};
use crate::{of_topic, play, town};

fn kwh(units: i128) -> String {
    Energy::to_string(&Fixed(units))
}

#[test]
fn newest_revisions_add_up_to_the_truth_on_every_cut() {
    for (interval_min, defect_rate) in [(60, 0.0), (60, 0.08), (15, 0.02)] {
        let (batches, truth) = play(UtilitySpec { interval_min, defect_rate, ..town() });
        let (landed, registry) = (Landed::of(&batches), Registry::of(&batches));
        let (mut total, mut export, mut unknown) = (0, 0, 0);
        let mut weeks: BTreeMap<String, i128> = BTreeMap::new();
        let mut axes: BTreeMap<(&str, String), i128> = BTreeMap::new();
        for ((meter_id, exported, read_at), (_, energy)) in &landed.intervals {
            if *exported {
                export += energy;
                continue;
            }
            let Some(row) = registry.at(meter_id, *read_at) else {
                unknown += energy;
                continue;
            };
            total += energy;
            let week = day::of_interval_end(*read_at).iso_week();
            *weeks.entry(format!("{}-W{:02}", week.year(), week.week())).or_default() += energy;
            for &axis in Axis::ALL {
                *axes.entry((axis.name(), Registry::code(row, axis))).or_default() += energy;
            }
        }
        assert_eq!(kwh(total), truth.energy.import_kwh);
        assert_eq!(kwh(export), truth.energy.export_kwh);
        assert_eq!(kwh(unknown), truth.energy.unknown_meter_kwh);
        let weeks: BTreeMap<_, _> = weeks.into_iter().map(|(week, sum)| (week, kwh(sum))).collect();
        assert_eq!(weeks, truth.energy.by_week);
        let told: BTreeMap<_, _> = truth
            .energy
            .by_axis
            .iter()
            .flat_map(|(axis, sums)| {
                sums.iter().map(|(code, sum)| ((axis.as_str(), code.clone()), sum.clone()))
            })
            .collect();
        let axes: BTreeMap<_, _> = axes.into_iter().map(|(key, sum)| (key, kwh(sum))).collect();
        assert_eq!(axes, told);

        let table = &truth.tables["meter_reads"];
        assert_eq!((landed.intervals.len() as u64, landed.rows), (table.facts, table.rows));
        assert!(table.rows > table.facts, "estimates have been replaced");
        let letters: u64 = truth.topics["meter_reads"].dead_letters.values().sum();
        assert_eq!(landed.refused, letters);
    }
}

#[test]
fn registers_move_by_what_the_intervals_add_up_to() {
    let (batches, _) = play(UtilitySpec { days: 70, ..town() });
    let landed = Landed::of(&batches);
    let mut by_channel: HashMap<(&str, &str), Vec<_>> = HashMap::new();
    for read in &landed.registers {
        by_channel.entry((&read.meter_id, &read.channel)).or_default().push(read);
    }
    let mut checked = 0;
    for ((meter_id, channel), reads) in &mut by_channel {
        reads.sort_by_key(|read| read.read_at);
        for pair in reads.windows(2).filter(|_| *channel != "reactive_import") {
            let within = landed.intervals.iter().filter(|((meter, export, read_at), _)| {
                meter == meter_id
                    && *export == (*channel == "export")
                    && (pair[0].read_at < *read_at && *read_at <= pair[1].read_at)
            });
            let energy: i128 = within.map(|(_, (_, energy))| energy).sum();
            let moved = pair[1].register_kwh - pair[0].register_kwh;
            assert_eq!(kwh(energy), moved.times(pair[1].multiplier).to_string(), "{meter_id}");
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn what_is_supplied_exceeds_what_is_read_by_the_losses() {
    let (batches, truth) = play(UtilitySpec { customers: 300, ..town() });
    let mut supplied: HashMap<String, i128> = HashMap::new();
    for event in of_topic(&batches, "supply_reads") {
        let read: SupplyRead<'_> = serde_json::from_slice(&event.payload).expect("a read");
        *supplied.entry(read.asset_kind.into_owned()).or_default() += read.energy_kwh.0;
    }
    let sold: Energy = truth.energy.import_kwh.parse().expect("kWh");
    let loss = 1.0 - sold.to_f64() / Fixed::<4>(supplied["gate"]).to_f64();
    assert!((0.01..0.08).contains(&loss), "{loss}");
    assert!(supplied["gate"] > supplied["feeder"] && supplied["feeder"] > supplied["area"]);
}
