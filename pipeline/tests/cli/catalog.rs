//! `loadstar catalog`: views by function, and what a view's columns mean.

use serde_json::Value;

use crate::command::Workplace;

/// Columns of a terminal: Chinese characters take two.
fn width(line: &str) -> usize {
    let wide = |c: char| ('\u{2e80}'..='\u{ff60}').contains(&c);
    line.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

#[test]
fn every_view_is_listed_and_described_within_a_page() {
    let place = Workplace::new();
    let views: Vec<Value> = serde_json::from_str(&place.ok(&["catalog", "--json"])).expect("JSON");
    assert!(views.len() > 30);
    let listing = place.ok(&["catalog"]);
    for view in &views {
        let (schema, name) = (view["schema"].as_str().unwrap(), view["view"].as_str().unwrap());
        let full = if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") };
        assert!(listing.contains(&format!("  {full} ")), "{full}");
    }
    for args in [
        &["catalog"][..],
        &["catalog", "--lang", "zh"],
        &["catalog", "sales.cube"],
        &["catalog", "register_deltas", "--lang", "en"],
        &["catalog", "top_movers", "--lang", "zh"],
    ] {
        let said = place.ok(args);
        let long: Vec<&str> = said.lines().filter(|line| width(line) > 100).collect();
        assert!(long.is_empty(), "{args:?}: {long:#?}");
        assert!(said.lines().all(|line| line.trim_end() == line), "{args:?}");
    }
}

#[test]
fn a_view_tells_its_columns_in_both_languages_or_one() {
    let place = Workplace::new();
    let both = place.ok(&["catalog", "sales.cube"]);
    let row = |said: &str, name: &str| {
        let is_it = |line: &&str| line.trim_start().starts_with(name);
        said.lines().find(is_it).unwrap_or_else(|| panic!("{name} in {said}")).to_owned()
    };
    let energy = row(&both, "energy_kwh ");
    for part in ["decimal(28,4)", "energy sold, kWh", "售电量"] {
        assert!(energy.contains(part), "{energy}");
    }
    assert!(row(&both, "Question").contains("what was sold"));
    let zh = row(&place.ok(&["catalog", "sales.cube", "--lang", "zh"]), "energy_kwh ");
    assert!(zh.contains("售电量") && !zh.contains("energy sold"), "{zh}");
    let en = row(&place.ok(&["catalog", "sales.cube", "--lang", "en"]), "energy_kwh ");
    assert!(!en.contains("售电量") && en.contains("energy sold"), "{en}");
    // A bare name is looked for in every schema.
    let pages = place.ok(&["catalog", "top_movers"]);
    assert!(pages.starts_with("top_movers\n") && pages.contains("\nsales.top_movers\n"), "{pages}");
    let columns: Value =
        serde_json::from_str(&place.ok(&["catalog", "sales.cube", "--json"])).expect("JSON");
    assert_eq!(columns[0]["columns"][0]["comment_zh"], "周期");
}

#[test]
fn an_unknown_view_gets_the_nearest() {
    let place = Workplace::new();
    for (name, near) in [("sales.cub", "sales.cube"), ("recievables", "cash.receivables")] {
        let refused = place.run(&["catalog", name]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("nearest: {near}")), "{}", refused.stderr);
    }
}

#[test]
fn functions_are_schemas_in_sql() {
    let place = Workplace::new();
    let rows = place.query("SELECT count(*) AS n FROM sales.cube");
    assert_eq!(rows[0]["n"], 0);
    let listed = place.ok(&["sql", "-c", "\\d"]);
    assert!(listed.contains("| sales ") && listed.contains("| catalogue "), "{listed}");
    let columns = place.ok(&["sql", "-c", "\\d sales.cube"]);
    assert!(columns.contains("energy_share") && !columns.contains("open_amount"), "{columns}");
}
