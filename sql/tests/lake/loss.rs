//! Losses at every level against what the synthetic utility delivered, stole
//! and booked wrongly.

use std::collections::BTreeSet;

use loadstar_schema::synthetic::UtilitySpec;

use crate::utility::landed;
use crate::written::cells;

#[tokio::test(flavor = "multi_thread")]
async fn losses_of_all_levels_are_those_of_the_utility() {
    let spec = UtilitySpec { customers: 500, days: 24, seed: 8, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let ctx = written.now().await;
    let set = |rows: Vec<Vec<String>>| rows.into_iter().flatten().collect::<BTreeSet<String>>();

    // What is sold on a day that is complete is all that was drawn on it.
    let system =
        "SELECT day, sold_kwh FROM loss.daily WHERE level = 'system' AND complete ORDER BY 1";
    let system = cells(&ctx, system).await;
    assert!(system.len() >= 12, "{}", system.len());
    for row in &system {
        let drawn = &truth.energy.by_day[&row[0].parse().expect("a day")];
        assert_eq!(&row[1], drawn, "{}", row[0]);
    }
    // The three voltage levels lose what the system does, each passes on what the next is supplied
    // with, and regions are supplied with what their feeders are.
    let levels = "WITH level AS (SELECT * FROM loss.daily WHERE complete)
        SELECT count(*) FROM level AS system
        JOIN level AS hv ON hv.day = system.day AND hv.level = 'voltage' AND hv.code = 'HV'
        JOIN level AS mv ON mv.day = system.day AND mv.level = 'voltage' AND mv.code = 'MV'
        JOIN level AS lv ON lv.day = system.day AND lv.level = 'voltage' AND lv.code = 'LV'
        JOIN (SELECT day, sum(supplied_kwh) AS supplied_kwh, sum(sold_kwh) AS sold_kwh FROM level
            WHERE level = 'region' GROUP BY day) AS region ON region.day = system.day
        WHERE system.level = 'system' AND system.loss_kwh = hv.loss_kwh + mv.loss_kwh + lv.loss_kwh
            AND hv.passed_kwh = mv.supplied_kwh AND mv.passed_kwh = lv.supplied_kwh
            AND region.supplied_kwh = mv.supplied_kwh AND region.sold_kwh = system.sold_kwh";
    assert_eq!(cells(&ctx, levels).await, [[system.len().to_string()]]);
    // The grid itself loses 0.4 % of what passes, and what was fed in is known to 0.01 kWh.
    let gate = "SELECT count(*) FROM loss.daily WHERE code = 'HV' AND abs(loss_kwh - 0.004 * passed_kwh) > 0.24";
    assert_eq!(cells(&ctx, gate).await, [["0"]]);

    // Areas that lose too much have a thief or a customer of another one, those that lose less than
    // nothing lack theirs.
    let areas_of = |customers: &BTreeSet<&str>| {
        let named: Vec<String> = customers.iter().map(|id| format!("'{id}'")).collect();
        format!(
            "SELECT DISTINCT area_id FROM customers WHERE customer_id IN ({})",
            named.join(", ")
        )
    };
    let thieves = truth.thieves.iter().map(|thief| thief.customer_id.as_str()).collect();
    let mut explained = set(cells(&ctx, &areas_of(&thieves)).await);
    explained.extend(truth.wrong_links.iter().map(|link| link.true_area_id.clone()));
    let listed = |kind: &str| {
        format!("SELECT DISTINCT code FROM loss.watchlist WHERE level = 'area' AND kind = '{kind}'")
    };
    let high = set(cells(&ctx, &listed("high")).await);
    assert!(!high.is_empty() && high.is_subset(&explained), "{high:?} {explained:?}");
    let booked = truth.wrong_links.iter().map(|link| link.booked_area_id.clone()).collect();
    let negative = set(cells(&ctx, &listed("negative")).await);
    assert!(!negative.is_empty() && negative.is_subset(&booked), "{negative:?} {booked:?}");

    // And of each pair that is named, the first candidate is who hangs on the other transformer.
    let first = "SELECT DISTINCT customer_id, low_area_id, high_area_id FROM loss.link_suspects WHERE place = 1";
    let first = cells(&ctx, first).await;
    let wrong: Vec<[String; 3]> = truth
        .wrong_links
        .into_iter()
        .map(|link| [link.customer_id, link.booked_area_id, link.true_area_id])
        .collect();
    assert!(
        !first.is_empty() && first.iter().all(|row| wrong.iter().any(|link| row == link)),
        "{first:?}"
    );
    let candidates =
        "SELECT max(place), count(*) - 3 * count(DISTINCT month || low_area_id || high_area_id)
        FROM loss.link_suspects";
    assert_eq!(cells(&ctx, candidates).await, [["3", "0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_the_sum_of_its_complete_days() {
    let written = crate::village::village().await;
    let ctx = written.now().await;
    let months = "SELECT code, day_count, complete_day_count, loss_kwh, kind FROM loss.monthly
        WHERE level = 'area' ORDER BY 1";
    let days =
        "SELECT code, count(*), count(*) FILTER (WHERE complete), sum(loss_kwh) FROM loss.daily
        WHERE level = 'area' GROUP BY 1 ORDER BY 1";
    let (months, days) = (cells(&ctx, months).await, cells(&ctx, days).await);
    assert!(months.iter().map(|row| &row[..4]).eq(days.iter().map(Vec::as_slice)));
    let kinds: Vec<&str> = months.iter().map(|row| row[4].as_str()).collect();
    assert_eq!(kinds, ["negative", "high"]);
    // The half day of T2's meter is in neither sum.
    assert_eq!((months[1][1].as_str(), months[1][2].as_str()), ("14", "13"));
}
