//! `loadstar serve` as PostgreSQL clients meet it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use tokio_postgres::{Config, NoTls};

use crate::command::Workplace;

const PASSWORD: &str = "correct horse";

/// A server of the test's own, ended with it.
struct Server {
    child: Child,
    postgres: String,
    http: String,
}

impl Server {
    fn start(place: &Workplace, password: Option<&str>) -> Self {
        let mut command = place.command(&[
            "serve",
            "--json",
            "--postgres",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
        ]);
        if let Some(password) = password {
            command.env("LOADSTAR_POSTGRES_PASSWORD", password);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| said[name].as_str().unwrap().to_owned();
        Self { postgres: address("postgres"), http: address("http"), child }
    }

    fn port(&self) -> u16 {
        self.postgres.rsplit(':').next().unwrap().parse().unwrap()
    }

    fn get(&self, path: &str) -> String {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(&self.http).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reads(place: &Workplace) {
    let lines: String = (1..=24)
        .map(|hour| {
            format!(
                "{{\"meter_id\":\"M1\",\"read_at\":\"2026-10-31T{:02}:00:00Z\",\"interval_min\":60,\"energy_kwh\":1.25}}\n",
                hour % 24
            )
        })
        .collect();
    place.write("reads.jsonl", lines);
    place.ok(&["load", "meter_reads", "reads.jsonl"]);
}

fn login(port: u16, password: &str) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("loadstar").password(password).dbname("loadstar");
    config
}

#[tokio::test]
async fn a_client_authenticates_by_scram_and_asks() {
    let place = Workplace::new();
    reads(&place);
    let server = Server::start(&place, Some(PASSWORD));

    let (client, connection) = login(server.port(), PASSWORD).connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let row = client
        .query_one("SELECT count(*), CAST(sum(energy_kwh) AS DOUBLE) FROM meter_reads", &[])
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, f64>(1)), (24, 30.0));

    let label = "SELECT comment_zh FROM catalogue.columns WHERE table_schema = 'sales' \
                 AND table_name = 'cube' AND column_name = 'energy_kwh'";
    assert_eq!(client.query_one(label, &[]).await.unwrap().get::<_, String>(0), "售电量");
    // Midnight of the settlement day is 16:00 UTC: the reads are of two months.
    let of_function = "SELECT count(*) FROM sales.cube WHERE axis = 'total' AND period = 'month'";
    assert_eq!(client.query_one(of_function, &[]).await.unwrap().get::<_, i64>(0), 2);
    let shown = "SELECT count(*) FROM information_schema.tables \
                 WHERE table_schema = 'sales' AND table_name = 'cube'";
    assert_eq!(client.query_one(shown, &[]).await.unwrap().get::<_, i64>(0), 1);

    for change in
        ["CREATE TABLE t AS SELECT 1", "COPY meter_reads TO 'x.csv'", "DROP VIEW sales_daily"]
    {
        let refused = client.simple_query(change).await.unwrap_err();
        let text = refused.as_db_error().unwrap().message().to_owned();
        assert!(text.contains("read-only"), "{change}: {text}");
    }
    assert!(
        client.simple_query("SELECT * FROM 'reads.jsonl'").await.is_err(),
        "no files over the wire"
    );
    drop(client);
    connection.await.unwrap().unwrap();

    let wrong = login(server.port(), "wrong").connect(NoTls).await;
    assert!(wrong.is_err(), "a wrong password is refused");
    let mut stranger = login(server.port(), PASSWORD);
    stranger.user("postgres");
    assert!(stranger.connect(NoTls).await.is_err(), "an unknown user is refused");
}

#[test]
fn psql_connects_and_answers() {
    let place = Workplace::new();
    reads(&place);
    let server = Server::start(&place, Some(PASSWORD));
    let Some(said) = psql(&server, "SELECT count(*) FROM meter_reads") else { return };
    assert_eq!(said.trim(), "24");
}

/// What psql prints, or `None` where it is not installed.
fn psql(server: &Server, command: &str) -> Option<String> {
    let answer = Command::new("psql")
        .env("PGPASSWORD", PASSWORD)
        .args(["-h", "127.0.0.1", "-p", &server.port().to_string(), "-U", "loadstar"])
        .args(["-d", "loadstar", "-At", "-c", command])
        .output();
    match answer {
        Ok(answer) => {
            let said = String::from_utf8_lossy(&answer.stdout).into_owned();
            assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
            Some(said)
        }
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("psql is not installed ({error}): the driver's test stands in for it");
            None
        }
        Err(error) => panic!("psql must be installed under CI: {error}"),
    }
}

#[tokio::test]
async fn clients_see_what_views_and_columns_are() {
    let place = Workplace::new();
    reads(&place);
    let server = Server::start(&place, Some(PASSWORD));
    let (client, connection) = login(server.port(), PASSWORD).connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let question = "what has become of each request, and was it in time?";
    for (asked, expected) in [
        // As a person asks, and as DBeaver does of relations and of columns.
        ("SELECT obj_description('service.requests'::regclass, 'pg_class')", question),
        (
            "SELECT d.description FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT OUTER JOIN pg_catalog.pg_description d
                ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
             WHERE n.nspname = 'service' AND c.relname = 'requests'",
            question,
        ),
        (
            "SELECT dsc.description FROM pg_catalog.pg_attribute a
             INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
             LEFT OUTER JOIN pg_catalog.pg_description dsc
                ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
             WHERE c.relname = 'requests' AND a.attname = 'ended_at'",
            "connected, or closed where nothing is to be connected",
        ),
        (
            "SELECT col_description('service.requests'::regclass, 1)",
            "request",
        ),
        (
            "SELECT comment FROM information_schema.columns
             WHERE table_schema = 'service' AND table_name = 'requests' AND column_name = 'request_id'",
            "request",
        ),
        (
            "SELECT comment_zh FROM information_schema.tables AS tables
             WHERE tables.table_schema = 'service' AND tables.table_name = 'requests'",
            "每件工单办理结果如何，是否按时？",
        ),
    ] {
        let row = client.query_one(asked, &[]).await.unwrap_or_else(|e| panic!("{asked}: {e:?}"));
        assert_eq!(row.get::<_, String>(0), expected, "{asked}");
    }
    let none = "SELECT obj_description('meter_reads'::regclass, 'pg_class'), col_description(1, 1)";
    let none = client.query_one(none, &[]).await.unwrap();
    assert_eq!((none.get::<_, Option<String>>(0), none.get::<_, Option<String>>(1)), (None, None));
    drop(client);
    connection.await.unwrap().unwrap();

    let Some(described) = psql(&server, "\\d+ service.requests") else { return };
    assert!(
        described.contains("request_id|text|") && described.contains("|request\n"),
        "{described}"
    );
    let Some(views) = psql(&server, "\\dv+ service.*") else { return };
    assert!(views.contains(question), "{views}");
    let Some(tables) = psql(&server, "\\dt+") else { return };
    assert!(tables.contains("meter_reads"), "{tables}");
    let Some(schemas) = psql(&server, "\\dn+") else { return };
    assert!(schemas.contains("service"), "{schemas}");
}

#[test]
fn operators_see_health_and_metrics() {
    let place = Workplace::new();
    reads(&place);
    let server = Server::start(&place, None);
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    let metrics = server.get("/metrics");
    assert!(metrics.contains("loadstar_resident_memory_bytes"), "{metrics}");
}

#[test]
fn other_machines_are_not_served_without_a_password() {
    let place = Workplace::new();
    let said = place.fails(1, &["serve", "--postgres", "0.0.0.0:0", "--http", "127.0.0.1:0"]);
    assert!(said.contains("LOADSTAR_POSTGRES_PASSWORD"), "{said}");
}

#[test]
fn a_certificate_that_cannot_be_read_stops_the_start() {
    let place = Workplace::new();
    place.write(
        "loadstar.toml",
        "[serve]\npostgres = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ntls_certificate = \"no.pem\"\ntls_key = \"no.key\"\n",
    );
    let said = place.fails(1, &["serve", "--config", "loadstar.toml"]);
    assert!(said.contains("no.pem"), "{said}");
}
