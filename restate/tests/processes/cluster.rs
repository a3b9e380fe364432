//! A server and its workers, as processes that can be killed and frozen.

use std::env;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bulkrail_core::reqwest;
use bulkrail_core::time::Clock;
use bulkrail_restate::{Ingress, register};
use bulkrail_sandbox::Sandbox;
use tokio::process::{Child, Command};

use crate::{balancer, worker};

/// Time in which a server that was started has to be healthy.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Settings of the workers.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    /// Requests per second of each account.
    pub(crate) rate: f64,
    pub(crate) claim: bool,
    /// Time by which a submit takes longer.
    pub(crate) delay: Duration,
}

pub(crate) struct Cluster {
    directory: PathBuf,
    ingress: u16,
    admin: u16,
    server: Child,
    workers: Vec<(SocketAddr, Child)>,
    environment: Vec<(String, String)>,
    clock: Clock,
}

impl Cluster {
    /// Starts a server and workers in `directory`, whose providers are at the base URL that `url` returns.
    pub(crate) async fn start(
        binary: &Path,
        directory: &Path,
        settings: Settings,
        sandbox: &Sandbox,
        url: impl Fn(&str) -> String,
    ) -> Self {
        fs::create_dir_all(directory).expect("a new directory");
        let mut environment = vec![
            (worker::SENT.to_owned(), directory.join("sent").display().to_string()),
            (worker::RATE.to_owned(), settings.rate.to_string()),
            (worker::CLAIM.to_owned(), if settings.claim { "yes" } else { "no" }.to_owned()),
            (worker::DELAY_MS.to_owned(), settings.delay.as_millis().to_string()),
        ];
        for provider in Sandbox::PROVIDERS {
            environment.push((format!("{}_BASE_URL", provider.to_uppercase()), url(provider)));
            let credentials = sandbox.credentials(provider).iter();
            environment.extend(credentials.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
        let [ingress, admin, fabric] = free_ports();
        let config = format!(
            "bind-ip = \"127.0.0.1\"\nadvertised-host = \"127.0.0.1\"\nlisten-mode = \"tcp\"\nbind-port = {fabric}\n\
             node-name = \"test\"\nbase-dir = \"{}\"\ndisable-telemetry = true\ndefault-num-partitions = 2\n\
             rocksdb-total-memory-size = \"256 MiB\"\nlog-disable-ansi-codes = true\n\
             [bifrost]\ndefault-provider = \"local\"\n[ingress]\nbind-port = {ingress}\n[admin]\nbind-port = {admin}\n",
            directory.join("data").display()
        );
        fs::write(directory.join("restate.toml"), config).expect("a writable directory");
        let server = server(binary, directory);
        let (clock, workers) = (Clock::system(), Vec::new());
        let directory = directory.to_owned();
        let mut cluster = Self { directory, ingress, admin, server, workers, environment, clock };
        cluster.healthy().await;
        for [port] in (0..settings.workers).map(|_| free_ports()) {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let child = cluster.worker(address);
            cluster.workers.push((address, child));
        }
        let addresses: Vec<_> = cluster.workers.iter().map(|(address, _)| *address).collect();
        let balancer = balancer::start(&addresses).await;
        let admin = format!("http://127.0.0.1:{}", cluster.admin);
        while let Err(error) = register(&admin, &balancer).await {
            assert!(cluster.clock.now() < START_TIMEOUT, "the workers cannot be registered: {error}");
            cluster.clock.sleep(Duration::from_millis(200)).await;
        }
        cluster
    }

    pub(crate) fn ingress(&self) -> Ingress {
        Ingress::new(&format!("http://127.0.0.1:{}", self.ingress)).expect("a loopback address")
    }

    /// Kills a worker with SIGKILL, and starts it anew after `pause`.
    pub(crate) async fn kill_worker(&mut self, index: usize, pause: Duration) {
        self.workers[index].1.kill().await.expect("the worker runs");
        self.clock.sleep(pause).await;
        self.workers[index].1 = self.worker(self.workers[index].0);
    }

    /// Stops a worker with SIGSTOP for `pause`.
    pub(crate) async fn freeze_worker(&mut self, index: usize, pause: Duration) {
        let id = self.workers[index].1.id().expect("the worker runs");
        signal("STOP", id).await;
        self.clock.sleep(pause).await;
        signal("CONT", id).await;
    }

    /// Kills the server with SIGKILL, starts it anew after `pause`, and returns how long it did not work.
    pub(crate) async fn kill_server(&mut self, binary: &Path, pause: Duration) -> Duration {
        let killed = self.clock.now();
        self.server.kill().await.expect("the server runs");
        self.clock.sleep(pause).await;
        self.server = server(binary, &self.directory);
        self.healthy().await;
        // Healthy is not ready: its partitions may still recover.
        let ingress = self.ingress();
        while ingress.status("unknown").await.is_err() {
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        self.clock.now() - killed
    }

    /// Returns how often each order was sent, as lines `provider key`.
    pub(crate) fn sent(&self) -> Vec<String> {
        let sent = fs::read_to_string(self.directory.join("sent")).unwrap_or_default();
        sent.lines().map(str::to_owned).collect()
    }

    pub(crate) async fn stop(mut self) {
        for (_, worker) in &mut self.workers {
            let _ = worker.kill().await;
        }
        let _ = self.server.kill().await;
    }

    async fn healthy(&mut self) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let health = format!("http://127.0.0.1:{}/health", self.admin);
        let ingress = format!("http://127.0.0.1:{}/restate/health", self.ingress);
        let started = self.clock.now();
        for url in [health, ingress] {
            while !client.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
                let log = self.directory.join("server.log");
                assert!(self.clock.now() - started < START_TIMEOUT, "the server does not start; see {}", log.display());
                self.clock.sleep(Duration::from_millis(100)).await;
            }
        }
    }

    fn worker(&self, address: SocketAddr) -> Child {
        let log = append(&self.directory.join("workers.log"));
        Command::new(env::current_exe().expect("the path of this program"))
            .env(worker::ADDRESS, address.to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("this program can be started")
    }
}

fn server(binary: &Path, directory: &Path) -> Child {
    let log = append(&directory.join("server.log"));
    Command::new(binary)
        .arg("--no-logo")
        .arg("--config-file")
        .arg(directory.join("restate.toml"))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("RESTATE_SERVER can be started")
}

fn append(path: &Path) -> File {
    File::options().append(true).create(true).open(path).expect("a writable directory")
}

async fn signal(name: &str, id: u32) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().await.expect("`kill` runs");
    assert!(status.success(), "SIG{name} was not sent");
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it listens").port())
}
