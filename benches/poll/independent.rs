//! Waits without a set: the memory of one, and 100,000 on one client over real sockets.
//!
//! The second runs in processes of its own, with the ordinary limit of 1,024 descriptors: one is
//! the server, the other waits.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bulkrail::test_util::{MockProvider, VirtualClock};
use bulkrail::{Batch, Limits, Outcome, reap};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Goal, Measurement};

const WAITS: usize = 100_000;

/// 20 ms, in which a provider nearby responds.
const LATENCY: Duration = Duration::from_millis(20);

/// 1,024, the ordinary soft limit of a process.
const DESCRIPTORS: usize = 1024;

/// Set in the processes that [`report`] starts.
const ROLE: &str = "BULKRAIL_BENCH_ROLE";

pub(crate) fn memory() -> Measurement {
    const WAITS: usize = 1_000;
    let clock = VirtualClock::new();
    let provider = MockProvider::by_time(&clock);
    let mut waits = Vec::new();
    let measured = allocation_counter::measure(|| {
        waits.reserve_exact(WAITS);
        for _ in 0..WAITS {
            let batch = provider.submitted("e8d74b2f");
            let mut stream = bulkrail::wait(&provider, batch).into_stream();
            // Until it sleeps: nothing is sent before the first poll is due.
            clock.run(std::future::poll_fn(|context| {
                assert!(std::pin::pin!(stream.next()).poll(context).is_pending());
                std::task::Poll::Ready(())
            }));
            waits.push(stream);
        }
    });
    Measurement {
        name: "memory of an independent wait, set up",
        baseline: "",
        measured: measured.bytes_current as f64 / WAITS as f64 / 1000.0,
        goal: Goal::AtMost(1.5),
        unit: "kB",
    }
}

/// Waits for 100,000 batches that end at their first or second poll. Exits non-zero if one is lost,
/// or a descriptor was refused.
pub(crate) fn report() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => return runtime().block_on(serve()),
        Ok(address) => return runtime().block_on(wait_for_all(address)),
        Err(_) => {}
    }
    let memory = memory();
    println!("memory of an independent wait, set up: {:.3} kB", memory.measured);
    let mut server = start("server", Stdio::piped());
    let mut address = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut address).expect("an address");
    let status = start(address.trim(), Stdio::inherit()).wait().expect("a status");
    server.kill().expect("a server");
    server.wait().expect("a status");
    if !status.success() || memory.is_missed() {
        std::process::exit(1);
    }
}

/// Starts this program again, with the ordinary limit of descriptors.
fn start(role: &str, stdout: Stdio) -> Child {
    let program = std::env::current_exe().expect("a program");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -S -n {DESCRIPTORS} && exec \"$0\" \"$@\"")]).arg(program);
    command.args(std::env::args().skip(1)).env(ROLE, role).stdout(stdout).spawn().expect("a shell")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn wait_for_all(address: &str) {
    // The same without the limit, to see what it is for.
    let is_limited = !std::env::args().any(|argument| argument == "unlimited");
    let limits = Limits::default();
    let limits = if is_limited { limits } else { limits.with_max_polls_in_flight(usize::MAX) };
    let client = reap::Client::builder()
        .base_url(format!("http://{address}"))
        .credentials(reap::Credentials::api_key("key"))
        .limits(limits)
        .build()
        .expect("a client");
    let (failed, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = Descriptors::watch();
    let began = Instant::now();
    let waits: Vec<_> = (0..WAITS)
        .map(|number| {
            let batch = Batch::new(reap::PROVIDER, format!("b-{number}")).expect("an id");
            let (failed, ended) = (Arc::clone(&failed), Arc::clone(&ended));
            let wait = client
                .wait(batch.with_submitted_at(SystemTime::now()))
                .interval(Duration::from_secs(1)..=Duration::from_secs(5))
                .on_poll(move |poll| {
                    failed.fetch_add(u64::from(poll.result.is_err()), Ordering::Relaxed);
                });
            tokio::spawn(async move {
                if wait.await.is_ok_and(|report| report.outcome() == Some(Outcome::Succeeded)) {
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for wait in waits {
        wait.await.expect("a task");
    }
    let elapsed = began.elapsed();
    let (descriptors, lost) = (peak.stop(), WAITS - ended.load(Ordering::Relaxed));
    let (responses, sockets) = statistics(address).await;
    let failed = failed.load(Ordering::Relaxed);
    println!(
        "{WAITS} waits on one client: limit of polls in flight {}, responses {responses}, peak of sockets {sockets}, \
         peak of descriptors {descriptors} of {DESCRIPTORS}, failed polls {failed}, time {:.1} s, peak memory {:.0} MB, \
         lost={lost}",
        limits.max_polls_in_flight,
        elapsed.as_secs_f64(),
        peak_memory() / 1e6,
    );
    if lost > 0 || descriptors >= DESCRIPTORS || failed > 0 {
        std::process::exit(1);
    }
}

/// Counts the descriptors of this process every 2 ms.
struct Descriptors {
    is_stopped: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Descriptors {
    fn watch() -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_stopped);
        let thread = std::thread::spawn(move || {
            let mut peak = 0;
            while !stop.load(Ordering::Relaxed) {
                // Without a descriptor left it cannot be read: then all are in use.
                let open = std::fs::read_dir("/proc/self/fd").map_or(DESCRIPTORS, Iterator::count);
                peak = peak.max(open);
                std::thread::sleep(Duration::from_millis(2));
            }
            peak
        });
        Self { is_stopped, thread }
    }

    fn stop(self) -> usize {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("a count")
    }
}

/// Returns the peak of the resident memory in bytes.
fn peak_memory() -> f64 {
    let mut status = String::new();
    std::fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status)).ok();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or(f64::NAN) * 1024.0
}

/// Returns the number of responses of the server, and the peak of its open connections.
async fn statistics(address: &str) -> (u64, u64) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /statistics HTTP/1.1\r\n\r\n").await.expect("a request");
    let mut response = [0; 256];
    let length = stream.read(&mut response).await.expect("a response");
    let response = String::from_utf8_lossy(&response[..length]);
    let mut numbers = response.lines().last().unwrap_or_default().split(' ').filter_map(|number| number.parse().ok());
    numbers.next().zip(numbers.next()).expect("two numbers")
}

#[derive(Default)]
struct Served {
    responses: AtomicU64,
    open: AtomicUsize,
    peak: AtomicUsize,
    /// Batches that were found running once.
    seen: Mutex<HashSet<String>>,
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let served = Arc::new(Served::default());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left; connections wait.
            tokio::time::sleep(LATENCY).await;
            continue;
        };
        let served = Arc::clone(&served);
        served.peak.fetch_max(served.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::spawn(async move {
            respond(stream, &served).await;
            served.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Responds to the requests of one connection, until it ends.
async fn respond(mut stream: TcpStream, served: &Served) {
    stream.set_nodelay(true).ok();
    let (mut request, mut length) = ([0; 2048], 0);
    while let Ok(read @ 1..) = stream.read(&mut request[length..]).await {
        length += read;
        if !request[..length].ends_with(b"\r\n\r\n") {
            continue;
        }
        let path = String::from_utf8_lossy(&request[..length]).split(' ').nth(1).unwrap_or_default().to_owned();
        length = 0;
        let body = match path.rsplit('/').next().unwrap_or_default() {
            "statistics" => {
                format!("{} {}", served.responses.load(Ordering::SeqCst), served.peak.load(Ordering::SeqCst))
            }
            id => {
                tokio::time::sleep(LATENCY).await;
                served.responses.fetch_add(1, Ordering::SeqCst);
                // Every other batch is running at its first poll.
                let is_running =
                    id.ends_with(['0', '2', '4', '6', '8']) && served.seen.lock().expect("ids").insert(id.to_owned());
                body(id, is_running)
            }
        };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

fn body(id: &str, is_running: bool) -> String {
    let (status, done) = if is_running { ("in_progress", 45) } else { ("completed", 100) };
    format!(
        r#"{{"batchId":"{id}","status":"{status}","totalRecords":100,"processedRecords":{done},"failedRecords":0,"createdAt":"2025-10-08T11:40:20.796Z","updatedAt":"2025-10-08T11:42:15.123Z","startedAt":"2025-10-08T11:41:00.000Z","completedAt":null,"summary":{{"successfulRecords":{done},"errors":[]}}}}"#
    )
}
