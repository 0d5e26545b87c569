//! TLS and SASL as Kafka users configure them, against a broker that insists.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use loadstar_ingest::IngestError;
use loadstar_ingest::produce::Producer;
use tempfile::TempDir;

use crate::kafka::{Kafka, Setup, free_ports};
use crate::world::{Broker, Lake, land, produce};

/// A node with a listener that wants TLS and a name.
struct Secured {
    kafka: Arc<Kafka>,
    servers: String,
    /// The authority that signed the node's certificate, PEM.
    authority: PathBuf,
    folder: TempDir,
}

fn keytool(folder: &Path, arguments: &[&str]) {
    let tool = Command::new("keytool").args(arguments).current_dir(folder).output();
    let tool = tool.expect("keytool, which comes with Java");
    let said = [tool.stdout, tool.stderr].concat();
    assert!(tool.status.success(), "{}", String::from_utf8_lossy(&said));
}

fn secured() -> Option<Secured> {
    let folder = TempDir::new().expect("a folder");
    let store = ["-keystore", "node.p12", "-storepass", "storepass", "-alias", "node"];
    let made = ["-genkeypair", "-keyalg", "RSA", "-dname", "CN=localhost", "-validity", "2"];
    let names = ["-ext", "SAN=dns:localhost,ip:127.0.0.1", "-storetype", "PKCS12"];
    if std::env::var_os("LOADSTAR_TEST_KAFKA").is_some() {
        keytool(folder.path(), &[&made[..], &names, &store].concat());
        keytool(
            folder.path(),
            &[&["-exportcert", "-rfc", "-file", "node.pem"][..], &store].concat(),
        );
    }
    let [port, _] = free_ports();
    let servers = format!("127.0.0.1:{port}");
    let login = "org.apache.kafka.common.security";
    let listener = "listener.name.sasl_ssl";
    let setup = Setup {
        listeners: format!(",SASL_SSL://{servers}"),
        properties: format!(
            "ssl.keystore.location={}\n\
             ssl.keystore.password=storepass\n\
             ssl.keystore.type=PKCS12\n\
             sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512,OAUTHBEARER\n\
             {listener}.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \
             user_alice=\"alice-secret\";\n\
             {listener}.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;\n\
             {listener}.oauthbearer.sasl.jaas.config={login}.oauthbearer.OAuthBearerLoginModule \
             required unsecuredLoginStringClaim_sub=\"node\";",
            folder.path().join("node.p12").display()
        ),
        format: vec![
            "--add-scram".to_owned(),
            "SCRAM-SHA-512=[name=carol,password=carol-secret]".to_owned(),
        ],
    };
    let kafka = Arc::new(Kafka::start_with(&setup)?);
    let authority = folder.path().join("node.pem");
    Some(Secured { kafka, servers, authority, folder })
}

impl Secured {
    /// The properties of a client, beside those of its mechanism.
    fn properties(&self, mechanism: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let authority = self.authority.display().to_string();
        let mut properties = BTreeMap::from([
            ("security.protocol".to_owned(), "SASL_SSL".to_owned()),
            ("ssl.ca.location".to_owned(), authority),
            ("sasl.mechanism".to_owned(), mechanism.to_owned()),
        ]);
        properties.extend(more.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())));
        properties
    }

    /// A topic of its own, all of it landed through the secured listener.
    async fn lands(&self, properties: BTreeMap<String, String>) {
        let mechanism = properties["sasl.mechanism"].clone();
        let broker = self.kafka.clone().topic(2);
        produce(&broker, 0..60);
        let lake = Lake::new();
        let mut options = lake.options(&Broker {
            servers: self.servers.clone(),
            topic: broker.topic.clone(),
            partitions: 2,
            keep: Box::new(()),
        });
        options.properties = properties.clone();
        land(options).await.unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        lake.holds(&broker, 0..60).await;
        let mut producer = Producer::connect(&self.servers, &properties).expect("a producer");
        assert_eq!(producer.partition_count(&broker.topic).expect("let in"), 2, "{mechanism}");
    }

    /// What a client is told that is not let in.
    async fn refuses(&self, properties: BTreeMap<String, String>) -> String {
        let lake = Lake::new();
        let mut options = lake.options(&Broker {
            servers: self.servers.clone(),
            topic: "any".to_owned(),
            partitions: 2,
            keep: Box::new(()),
        });
        options.properties = properties;
        options.connect_timeout = std::time::Duration::from_secs(4);
        let error = land(options).await.expect_err("not let in");
        assert!(matches!(error, IngestError::BrokerUnreachable { .. }), "{error}");
        error.to_string()
    }
}

/// A JWT that the node's validator of unsecured tokens accepts.
fn token(subject: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let now = Utc::now().timestamp();
    let claims = format!(r#"{{"sub":"{subject}","iat":{now},"exp":{}}}"#, now + 600);
    format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims))
}

/// An identity provider that gives a token to whoever knows the secret, once
/// for each connection.
fn identity_provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("a connection");
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&asked).contains("grant_type=client_credentials") {
                let read = connection.read(&mut buffer).expect("a request");
                asked.extend_from_slice(&buffer[..read]);
                assert!(read > 0, "cut short: {}", String::from_utf8_lossy(&asked));
            }
            let basic = base64::prelude::BASE64_STANDARD.encode("loadstar:client-secret");
            let known = String::from_utf8_lossy(&asked).contains(&format!("Basic {basic}"));
            let (status, body) = if known {
                ("200 OK", format!(r#"{{"access_token":"{}","expires_in":600}}"#, token("erin")))
            } else {
                ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned())
            };
            let length = body.len();
            write!(
                connection,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .expect("answered");
        }
    });
    format!("http://{address}/token")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mechanism_lets_in_who_knows_the_secret() {
    let Some(node) = secured() else { return };
    let plain = [("sasl.username", "alice"), ("sasl.password", "alice-secret")];
    node.lands(node.properties("PLAIN", &plain)).await;
    let scram = [("sasl.username", "carol"), ("sasl.password", "carol-secret")];
    node.lands(node.properties("SCRAM-SHA-512", &scram)).await;

    let file = node.folder.path().join("token");
    std::fs::write(&file, token("dave")).expect("written");
    let address = format!("file://{}", file.display());
    let endpoint = "sasl.oauthbearer.token.endpoint.url";
    node.lands(node.properties("OAUTHBEARER", &[(endpoint, &address)])).await;
    let provider = identity_provider();
    let client = |secret| {
        let id = ("sasl.oauthbearer.client.id", "loadstar");
        [(endpoint, provider.as_str()), id, ("sasl.oauthbearer.client.secret", secret)]
    };
    node.lands(node.properties("OAUTHBEARER", &client("client-secret"))).await;

    let wrong = [("sasl.username", "alice"), ("sasl.password", "wrong-secret")];
    let said = node.refuses(node.properties("PLAIN", &wrong)).await;
    assert!(said.contains("Authentication failed") && !said.contains("wrong-secret"), "{said}");
    let said = node.refuses(node.properties("OAUTHBEARER", &client("wrong-secret"))).await;
    assert!(said.contains("401") && !said.contains("wrong-secret"), "{said}");
    let mut stranger = node.properties("PLAIN", &plain);
    stranger.remove("ssl.ca.location");
    let said = node.refuses(stranger).await;
    assert!(said.contains("certificate"), "{said}");
}
