//! What holds of any day.

use proptest::prelude::*;

use super::*;

fn energy() -> impl Strategy<Value = Energy> {
    prop_oneof![
        2 => Just(Energy::ZERO),
        6 => (0_i128..100_000).prop_map(Fixed),
        1 => (0_i128..10_000_000).prop_map(Fixed),
    ]
}

fn any_slot() -> impl Strategy<Value = Slot> {
    let quality =
        prop_oneof![6 => Just(0_i16), 1 => Just(7), 1 => Just(8), 1 => Just(9), 1 => Just(10)];
    let read = (energy(), quality, 0..3_i32, prop::bool::weighted(0.05)).prop_map(
        |(energy, quality, revision, by_person)| Read {
            energy,
            quality: Quality(quality),
            revision,
            by_person,
        },
    );
    (prop::option::weighted(0.85, read), prop::bool::weighted(0.97)).prop_map(|(read, due)| Slot {
        due,
        covered: false,
        came: read,
        now: read,
    })
}

prop_compose! {
    fn any_case()(
        interval_min in prop_oneof![Just(15_i16), Just(30), Just(60), Just(360)],
    )(
        slots in prop::collection::vec(any_slot(), (1440 / interval_min) as usize),
        like_days in prop::collection::vec(
            prop::collection::vec(prop::option::weighted(0.9, energy()), (1440 / interval_min) as usize),
            0..5,
        ),
        (before, after) in (prop::option::of(energy()), prop::option::of(energy())),
        register in prop::option::of(0_i128..4_000_000),
        capacity in prop::option::of(1_i128..1_000_000),
        outages in prop::collection::vec((0_u8..24, 1_u8..12), 0..3),
        interval_min in Just(interval_min),
    ) -> Case {
        Case {
            interval_min, slots, like_days, before, after,
            register_delta_kwh: register.map(Fixed),
            capacity_kva: capacity.map(Fixed),
            outages: outages.into_iter()
                .map(|(from, hours)| outage(from.into(), f64::from(from) + f64::from(hours)))
                .collect(),
            ..usual()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_same_day_gives_the_same_once_and_again(case in any_case()) {
        let first = told(&case);
        prop_assert_eq!(&first, &told(&case));
        let again = told(&after(case, &first));
        prop_assert_eq!(again.edits, vec![]);
        prop_assert_eq!(again.findings, first.findings);
    }

    #[test]
    fn no_energy_of_a_direction_is_negative(case in any_case()) {
        for edit in told(&case).edits {
            prop_assert!(edit.energy >= Energy::ZERO, "{:?}", edit);
        }
    }

    #[test]
    fn what_a_person_put_there_stays(case in any_case()) {
        let outcome = told(&case);
        for (number, slot) in case.slots.iter().enumerate() {
            let edited = outcome.edits.iter().any(|edit| edit.read_at == case.read_at(number));
            prop_assert!(!(edited && slot.came.is_some_and(|read| read.by_person)));
        }
    }

    #[test]
    fn scaled_estimates_sum_to_the_register(case in any_case()) {
        let outcome = told(&case);
        let scaled = |f: &&loadstar_vee::Finding| f.rule == VeeRule::SumCheck && f.action == VeeAction::Edited;
        if outcome.findings.iter().find(scaled).is_some() {
            let now = after(case.clone(), &outcome).slots;
            let total: Energy = now.iter().filter_map(|slot| Some(slot.now?.energy)).sum();
            prop_assert_eq!(Some(total), case.register_delta_kwh);
        }
    }

    #[test]
    fn a_gap_is_filled_or_said(case in any_case()) {
        let outcome = told(&case);
        let missing = case.slots.iter().filter(|slot| slot.due && slot.came.is_none()).count();
        let filled = outcome.edits.iter().filter(|edit| edit.revision == -1).count();
        let said: i32 = outcome.findings.iter()
            .filter(|f| f.rule == VeeRule::Gap && f.action == VeeAction::Noted)
            .map(|f| f.interval_count)
            .sum();
        prop_assert_eq!(missing, filled + said as usize);
    }
}
