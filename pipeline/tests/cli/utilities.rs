//! The README's walk-through of what utilities sold, over invented utilities in
//! the columns of EIA-861 and, where `LOADSTAR_TEST_EIA861` names it, over the
//! published file. The sums are made again here, from the file's text alone.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::bring_your_own::walk_through;
use crate::command::Workplace;

const SECTORS: [&str; 4] = ["residential", "commercial", "industrial", "transportation"];

/// Sold, only delivered, revenue and customers: MWh, tenths of a thousand
/// dollars, and heads.
type Sums = [i64; 4];

/// A utility's row: what of each sector is revenue, MWh and customers.
fn row(said: &str, sectors: [&str; 4]) -> String {
    let sum = |place: usize| -> f64 {
        let of_sector =
            |sector: &&str| sector.split(',').nth(place).unwrap().parse().unwrap_or(0.0);
        sectors.iter().map(of_sector).sum()
    };
    format!("2019,{said},{},{:.1},{:.1},{:.1}\n", sectors.join(","), sum(0), sum(1), sum(2))
}

/// Whole service, energy of one company over the wires of another, both sides
/// of an adjustment, a sector not reported, and two utilities under one number.
fn invented() -> String {
    let sectors = SECTORS
        .map(|sector| format!("{sector}_revenue_kusd,{sector}_sales_mwh,{sector}_customers"));
    let mut text = format!(
        "year,utility_number,utility_name,part,service_type,data_type,state,ownership,ba_code,{},\
         total_revenue_kusd,total_sales_mwh,total_customers\n",
        sectors.join(",")
    );
    for (said, sectors) in [
        (
            "7,Ash Creek,A,Bundled,O,OR,Municipal,BPAT",
            ["4563.1,33001.0,3384.0", "2973.0,25000.0,460.0", ",,", "0.0,0.0,0.0"],
        ),
        (
            "7,Ash Creek,A,Bundled,O,WA,Municipal,BPAT",
            ["343.1,2094.0,272.0", "69.5,529.0,44.0", "1.3,7.0,1.0", ",,"],
        ),
        (
            "8,Beech Power,A,Bundled,O,OR,Cooperative,BPAT",
            ["0.3,2.0,1.0", "5638.0,120537.0,1.0", "9.9,88.0,2.0", ",,"],
        ),
        (
            "20,\"Cedar, Fir & Co\",B,Energy,O,OR,Retail Power Marketer,",
            ["88.8,900.0,12.0", "70000.4,1500000.0,30.0", ",,", ",,"],
        ),
        (
            "21,Drover Wires,C,Delivery,O,OR,Investor Owned,",
            ["33.3,900.0,12.0", "20000.2,1500000.0,30.0", ",,", ",,"],
        ),
        (
            "88888,Withheld,D,Bundled,O,OR,Retail Power Marketer,ERCO",
            [",,", ",,", "9958.1,235138.0,2.0", ",,"],
        ),
        (
            "88888,Withheld,D,Bundled,O,OR,Retail Power Marketer,ERCO",
            [",,", ",,", "144698.3,4031167.0,11.0", ",,"],
        ),
        ("99999,Adjustment,A,Bundled,I,WA,,", ["-11.4,-57.0,-3.0", "2.5,10.0,", ",,", "7.0,40.0,"]),
    ] {
        text.push_str(&row(said, sectors));
    }
    text
}

fn expected(text: &str) -> BTreeMap<(String, String), Sums> {
    let mut file = csv::Reader::from_reader(text.as_bytes());
    let names = file.headers().unwrap().clone();
    let mut sums: BTreeMap<(String, String), Sums> = BTreeMap::new();
    for record in file.into_records().map(Result::unwrap) {
        let cell = |name: &str| &record[names.iter().position(|other| other == name).unwrap()];
        // All of them have one decimal: tenths are whole numbers.
        let tenths = |name: String| match cell(&name) {
            "" => 0,
            text => text.replace('.', "").parse::<i64>().unwrap(),
        };
        for sector in SECTORS {
            let key = (sector.to_owned(), cell("state").to_owned());
            let [sold, delivered, revenue, customers] = sums.entry(key).or_default();
            let mwh = tenths(format!("{sector}_sales_mwh"));
            *revenue += tenths(format!("{sector}_revenue_kusd"));
            if cell("service_type") == "Delivery" {
                *delivered += mwh;
            } else {
                *sold += mwh;
                *customers += tenths(format!("{sector}_customers"));
            }
        }
    }
    sums
}

fn walked(text: &str) -> BTreeMap<(String, String), Sums> {
    let place = Workplace::new();
    let file = std::fs::File::create(place.path().join("eia861_2019_sales.csv.gz")).unwrap();
    let mut writer = GzEncoder::new(file, Compression::fast());
    std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    writer.finish().unwrap();
    let said = walk_through("utilities", &place, |script| script);
    assert!(!said.contains("dead_letters"), "{said}");
    assert!(said.contains("into bills done"), "{said}");

    let all = "SELECT industry_code, region_code, CAST(sum(energy_kwh) / 100 AS BIGINT) AS sold,
            CAST(sum(delivered_energy_kwh) / 100 AS BIGINT) AS delivered,
            CAST(sum(amount) / 100 AS BIGINT) AS revenue,
            CAST(max(heads) * 10 AS BIGINT) AS customers
        FROM sales.issued
        JOIN (SELECT industry_code AS sector, region_code AS state,
                coalesce(sum(customer_count) FILTER (WHERE service_type = 'sale'), 0) AS heads
            FROM customers GROUP BY 1, 2) ON sector = industry_code AND state = region_code
        GROUP BY 1, 2";
    let answer = place.ok(&["--lake", "eia861/lake", "sql", "--json", "-c", all]);
    let answer: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap();
    let of = |row: &serde_json::Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let sums =
            ["sold", "delivered", "revenue", "customers"].map(|name| row[name].as_i64().unwrap());
        ((text("industry_code"), text("region_code")), sums)
    };
    answer.iter().map(of).collect()
}

#[test]
fn energy_that_is_only_delivered_is_revenue_and_no_sale() {
    let text = invented();
    let found = walked(&text);
    assert_eq!(found, expected(&text));
    let of = |sector: &str, state: &str| found[&(sector.to_owned(), state.to_owned())];
    assert_eq!(of("commercial", "OR"), [16_455_370, 15_000_000, 986_116, 4910]);
    assert_eq!(of("industrial", "OR"), [42_663_930, 0, 1_546_663, 150]);
    assert_eq!(of("residential", "WA"), [20_370, 0, 3_317, 2690]);
}

#[test]
fn published_sales_of_utilities_are_right_to_the_megawatt_hour() {
    let Some(path) = std::env::var_os("LOADSTAR_TEST_EIA861") else {
        eprintln!("LOADSTAR_TEST_EIA861 does not name the published file: nothing to walk through");
        return;
    };
    let mut text = String::new();
    let file = std::fs::File::open(Path::new(&path)).unwrap();
    MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let found = walked(&text);
    assert_eq!(found, expected(&text));
    let total = |place: usize| found.values().map(|sums| sums[place]).sum::<i64>();
    assert_eq!(total(0), 38_111_504_630, "3,811.2 TWh sold");
    assert_eq!(total(1), 5_834_312_360, "583.4 TWh only delivered");
    assert_eq!(total(2), 4_017_381_438, "401.7 bn USD");
}
