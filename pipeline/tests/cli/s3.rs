//! A lake in a bucket, against an S3 server that honours put-if-absent.

use crate::command::Workplace;
use crate::ministack::S3;

/// A day of hourly reads of one meter.
fn reads(meter: usize) -> String {
    let line = |hour| {
        format!(
            "{{\"meter_id\":\"M{meter}\",\"read_at\":\"2026-11-01T{hour:02}:00:00Z\",\
             \"interval_min\":60,\"energy_kwh\":{meter}.5}}\n"
        )
    };
    (0..24).map(line).collect()
}

#[test]
fn loads_at_once_into_a_bucket_all_land_and_none_twice() {
    let Some(server) = S3::start() else { return };
    server.make_bucket("lake");
    let place = Workplace::new();
    place.write(
        "loadstar.toml",
        format!(
            "[lake]\nurl = \"s3://lake/utility\"\n[lake.s3]\nendpoint = \"http://{}\"\n\
             region = \"us-east-1\"\nallow_http = \"true\"\n",
            server.address
        ),
    );
    let command = |args: &[&str]| {
        let mut command = place.command(args);
        command
            .args(["--config", "loadstar.toml"])
            .env("LOADSTAR_S3_ACCESS_KEY_ID", "key")
            .env("LOADSTAR_S3_SECRET_ACCESS_KEY", "hunter2");
        command
    };
    let files: Vec<String> = (1..=4).map(|meter| format!("reads-{meter}.jsonl")).collect();
    for (file, meter) in files.iter().zip(1..) {
        place.write(file, reads(meter));
    }
    for _ in 0..2 {
        let loads: Vec<_> = files
            .iter()
            .map(|file| command(&["load", "meter_reads", file]).spawn().unwrap())
            .collect();
        for load in loads {
            let output = load.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            // Who loses the race for a rollup says so and is told to run it again.
            assert!(output.status.success() || said.contains("run it again"), "{said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    for task in ["rollup", "compact"] {
        let output = command(&["maintain", task]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let query = "SELECT count(*) AS rows, sum(energy_kwh) AS kwh FROM raw.meter_reads \
                 UNION ALL SELECT count(*), sum(energy_kwh) FROM consumption_hourly";
    let output = command(&["sql", "--format", "csv", "-c", query]).output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    // 24 hours of 1.5 + 2.5 + 3.5 + 4.5 kWh.
    assert!(answer.contains("96,288.0000"), "{answer}{}", String::from_utf8_lossy(&output.stderr));
    assert!(answer.lines().filter(|line| line.ends_with("288.0000")).count() == 2, "{answer}");
}

#[test]
fn a_bucket_that_is_not_there_is_named_and_no_secret() {
    let Some(server) = S3::start() else { return };
    let place = Workplace::new();
    place.write(
        "loadstar.toml",
        format!("[lake.s3]\nendpoint = \"http://{}\"\nallow_http = \"true\"\n", server.address),
    );
    let output = place
        .command(&["sql", "-c", "SELECT 1 FROM bills", "--lake", "s3://nowhere/utility"])
        .args(["--config", "loadstar.toml"])
        .env("LOADSTAR_S3_ACCESS_KEY_ID", "key")
        .env("LOADSTAR_S3_SECRET_ACCESS_KEY", "hunter2")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nowhere") && !said.contains("hunter2"), "{said}");
}
