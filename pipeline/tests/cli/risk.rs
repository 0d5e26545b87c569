//! `loadstar risk` on anyone's table, and its models as functions of SQL.

use serde_json::Value;

use crate::command::Workplace;

/// Customers of whom those leave who use much and owe nothing, or use little and
/// owe much; with a gap, a word and a date in each row.
fn customers(place: &Workplace, rows: u32) {
    let mut text = "id,usage,debt,since,tariff,left\n".to_owned();
    let mut state = 12_345_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    for row in 0..rows {
        let (usage, debt, luck) = (draw(), draw(), draw());
        let leaves = luck < if (usage > 0.5) == (debt > 0.5) { 0.04 } else { 0.5 };
        let debt = if row % 50 == 0 { String::new() } else { format!("{:.4}", debt * 100.0) };
        let since = format!("20{:02}-0{}-15", 10 + row % 9, 1 + row % 8);
        let tariff = ["home", "shop", "farm"][(row % 3) as usize];
        text += &format!("c{row},{usage:.4},{debt},{since},{tariff},{}\n", u8::from(leaves));
    }
    place.write("customers.csv", text);
}

#[test]
fn a_query_is_learnt_judged_and_scored_in_the_shell_and_in_sql() {
    let place = Workplace::new();
    customers(&place, 1500);
    let run = |args: &[&str]| {
        let finished = place.run(&[args, &["--lake", "lake", "--json"]].concat());
        assert_eq!(finished.code, 0, "{args:?}: {}", finished.stderr);
        let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
        answer.get(0).cloned().unwrap_or(answer)
    };
    let query = ["--query", "SELECT * FROM 'customers.csv'", "--id", "id", "--label", "left"];
    let fitted = run(&[&["risk", "fit", "--model", "leavers"], &query[..]].concat());
    assert_eq!(fitted["choice"]["method"], "boosted", "{fitted}");
    assert!(fitted["auc"].as_f64().unwrap() > 0.75, "{fitted}");
    assert_eq!(fitted["doubt"], Value::Null);
    let judged = run(&[&["risk", "evaluate"], &query[..]].concat());
    assert!(judged["pooled"]["auc"].as_f64().unwrap() > 0.75, "{judged}");

    let scored = place.run(
        &[&["risk", "score", "--model", "leavers", "--lake", "lake", "--json"], &query[..]]
            .concat(),
    );
    assert_eq!(scored.code, 0, "{}", scored.stderr);
    let scores: Value = serde_json::from_str(&scored.stdout).unwrap();
    let first = &scores[0];
    let columns = "'leavers', usage, debt, since, tariff";
    let asked = format!(
        "SELECT risk_score({columns}) AS p, risk_reasons({columns}) AS why FROM 'customers.csv' \
         WHERE id = '{}'",
        first["id"].as_str().unwrap()
    );
    let answer = run(&["sql", "-c", &asked]);
    assert_eq!(answer["p"], first["probability"], "{answer}");
    let why = answer["why"].as_str().unwrap();
    assert!(why.contains("usage = ") && why.contains("debt = "), "{why}");
    // What has no name of its own is given one.
    let named = "SELECT avg(risk_score('leavers', named_struct('usage', usage * 1, 'debt', debt, \
         'since', since, 'tariff', tariff))) AS p, avg(left) AS rate FROM 'customers.csv'";
    let answer = run(&["sql", "-c", named]);
    let (p, rate) = (answer["p"].as_f64().unwrap(), answer["rate"].as_f64().unwrap());
    assert!((p - rate).abs() < 0.03, "{answer}");
}

#[test]
fn what_a_risk_function_cannot_answer_says_what_is_lacking() {
    let place = Workplace::new();
    customers(&place, 300);
    let fit =
        ["risk", "fit", "--model", "leavers", "--id", "id", "--label", "left", "--lake", "lake"];
    let fitted = place.run(&[&fit, &["--query", "SELECT * FROM 'customers.csv'"][..]].concat());
    assert_eq!(fitted.code, 0, "{}", fitted.stderr);
    for (called, why) in [
        ("risk_score('leavers', usage)", "model \"leavers\" uses column"),
        ("risk_score('others', usage)", "the lake keeps no model named others"),
        ("risk_score('leavers')", "write risk_score('MODEL', column, …)"),
        ("risk_reasons(usage, debt)", "the first argument is the model's name, in quotes"),
    ] {
        let query = format!("SELECT {called} FROM 'customers.csv'");
        let finished = place.run(&["sql", "-c", &query, "--lake", "lake"]);
        assert_ne!(finished.code, 0, "{called}");
        assert!(finished.stderr.contains(why), "{called}: {}", finished.stderr);
    }
}
