//! Apache Kafka, one KRaft node, as a child process on free ports of loopback.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::world::Broker;

/// Long enough for a Java process to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node; it ends with this value, and with this process however that ends.
pub(crate) struct Kafka {
    servers: String,
    jars: PathBuf,
    folder: TempDir,
    process: Mutex<Option<Child>>,
    topics: AtomicUsize,
}

impl Kafka {
    /// The node that tests which do it no harm have in common; `None`, said in
    /// words, where Kafka cannot be had.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Kafka>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(kafka) = shared.upgrade() {
            return Some(kafka);
        }
        let kafka = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&kafka);
        Some(kafka)
    }

    /// A node of one's own.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&Setup::default())
    }

    /// A node of one's own, with more listeners or other limits.
    pub(crate) fn start_with(setup: &Setup) -> Option<Self> {
        let Some(jars) = std::env::var_os("LOADSTAR_TEST_KAFKA").map(PathBuf::from) else {
            let why = "Apache Kafka is not here: LOADSTAR_TEST_KAFKA names no folder of its jars";
            assert!(std::env::var_os("CI").is_none(), "{why}");
            writeln!(std::io::stderr(), "{why}").expect("stderr");
            return None;
        };
        let folder = TempDir::new().expect("a folder");
        let [port, controller] = free_ports();
        let servers = format!("127.0.0.1:{port}");
        let data = folder.path().join("data");
        let Setup { listeners, properties, format } = setup;
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://{servers},CONTROLLER://127.0.0.1:{controller}{listeners}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
             log.dirs={}\n\
             auto.create.topics.enable=false\n\
             log.retention.ms=-1\n\
             log.message.timestamp.after.max.ms=9223372036854775807\n\
             offsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=4\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=4\n\
             group.initial.rebalance.delay.ms=0\n\
             group.consumer.heartbeat.interval.ms=500\n\
             group.consumer.min.heartbeat.interval.ms=500\n\
             broker.session.timeout.ms=2000\n\
             broker.heartbeat.interval.ms=500\n\
             {properties}\n",
            data.display()
        );
        std::fs::write(folder.path().join("server.properties"), properties).expect("a file");
        let kafka =
            Self { servers, jars, folder, process: Mutex::new(None), topics: AtomicUsize::new(0) };
        let mut storage =
            vec!["format", "--standalone", "-t", CLUSTER_ID, "-c", "server.properties"];
        storage.extend(format.iter().map(String::as_str));
        let formatted =
            java(&kafka.jars, kafka.folder.path(), "kafka.tools.StorageTool", &storage).output();
        let formatted = formatted.expect("Java");
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
        kafka.come_up();
        Some(kafka)
    }

    /// A topic that nobody else uses.
    pub(crate) fn topic(self: Arc<Self>, partitions: i32) -> Broker {
        let topic = format!("meter_reads_{}", self.topics.fetch_add(1, Ordering::Relaxed));
        self.create_topic(&topic, partitions);
        Broker { servers: self.servers.clone(), topic, partitions, keep: Box::new(self) }
    }

    /// Deletes a topic and makes it anew, empty.
    pub(crate) fn recreate(&self, broker: &Broker) {
        let (admin, options) = self.admin();
        let deleted = futures::executor::block_on(admin.delete_topics(&[&broker.topic], &options));
        deleted.expect("an answer")[0].as_ref().expect("deleted");
        self.create_topic(&broker.topic, broker.partitions);
    }

    /// Deletes what the partitions hold, as retention does.
    pub(crate) fn empty(&self, broker: &Broker) {
        let (admin, options) = self.admin();
        let mut list = TopicPartitionList::new();
        for partition in 0..broker.partitions {
            list.add_partition_offset(&broker.topic, partition, Offset::End).expect("an offset");
        }
        let deleted = futures::executor::block_on(admin.delete_records(&list, &options));
        for partition in deleted.expect("an answer").elements() {
            partition.error().expect("deleted");
        }
    }

    fn admin(&self) -> (AdminClient<DefaultClientContext>, AdminOptions) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        let admin = config.create().expect("an admin client");
        let options =
            AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        (admin, options)
    }

    fn create_topic(&self, topic: &str, partitions: i32) {
        let (admin, options) = self.admin();
        let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let made = futures::executor::block_on(admin.create_topics([&wanted], &options));
        let made = made.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
        made[0].as_ref().unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()));
        self.await_led(topic);
    }

    /// Made is not yet led, nor is what a node that comes up again had.
    pub(crate) fn await_led(&self, topic: &str) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        let client: BaseConsumer = config.create().expect("a client");
        let led = || {
            // Each question waits for the node's answer.
            let known = client.fetch_metadata(Some(topic), PATIENCE);
            let known = known.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
            let partitions = known.topics()[0].partitions();
            !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
        };
        while !led() {}
    }

    /// Ends the node as a power cut would: `kill -9`.
    pub(crate) fn go_down(&self) {
        let mut process = self.process.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(mut child) = process.take() {
            // The shell that holds the node by its id reads the end of this.
            drop(child.stdin.take());
            child.wait().expect("the shell's end");
        }
    }

    /// Starts the node on the ports and the log it had.
    pub(crate) fn come_up(&self) {
        let mut process = self.process.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let java = java(&self.jars, self.folder.path(), "kafka.Kafka", &["server.properties"]);
        // If this process ends, even by a kill, its end of the pipe closes, and
        // the shell takes the node along.
        let script = "\"$0\" \"$@\" >>kafka.log 2>&1 </dev/null & node=$!; read -r _; \
                      kill -9 $node; wait $node";
        let child = Command::new("sh")
            .args(["-c", script])
            .arg(java.get_program())
            .args(java.get_args())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        *process = Some(child.expect("a shell"));
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("kafka.log")).unwrap_or_default()
    }
}

/// What a node has beyond the others.
#[derive(Default)]
pub(crate) struct Setup {
    /// Further listeners, each after a comma.
    pub(crate) listeners: String,
    /// Lines of `server.properties`.
    pub(crate) properties: String,
    /// Arguments for formatting its storage.
    pub(crate) format: Vec<String>,
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.go_down();
    }
}

pub(crate) const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";

fn java(jars: &Path, folder: &Path, class: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
        .arg(jars.join("*"))
        .arg(class)
        .args(arguments)
        .current_dir(folder);
    command
}

/// Two ports that were free just now, different from each other.
pub(crate) fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
