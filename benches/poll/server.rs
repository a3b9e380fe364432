//! Small polls over loopback: with the library, and written by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bulkrail::{Batch, Provider, reap};
use serde::Deserialize;
use tokio::runtime::Runtime;

const BODY: &str = r#"{"batchId":"f208a887-9fa6-4447-a52b-c1d6e089536f","status":"in_progress","totalRecords":100,"processedRecords":45,"failedRecords":2,"createdAt":"2025-10-08T11:40:20.796Z","updatedAt":"2025-10-08T11:42:15.123Z","startedAt":"2025-10-08T11:41:00.000Z","completedAt":null,"summary":{"successfulRecords":43,"errors":[]}}"#;

const ID: &str = "f208a887-9fa6-4447-a52b-c1d6e089536f";

/// Status as a service would declare it by hand.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "decoding it is the work")]
struct Status {
    batch_id: String,
    status: String,
    total_records: u64,
    processed_records: u64,
    failed_records: u64,
    created_at: String,
    updated_at: String,
    started_at: Option<String>,
    completed_at: Option<String>,
    summary: Summary,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "decoding it is the work")]
struct Summary {
    successful_records: u64,
    errors: Vec<serde_json::Value>,
}

/// Both clients, with one server.
struct SetUp {
    runtime: Runtime,
    library: reap::Client,
    batch: Batch,
    by_hand: reqwest::Client,
    url: String,
}

impl SetUp {
    fn new() -> Self {
        let url = format!("http://{}", serve());
        let credentials = reap::Credentials::api_key("key");
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            library: reap::Client::builder().base_url(&url).credentials(credentials).build().expect("a client"),
            batch: Batch::new(reap::PROVIDER, ID).expect("an id"),
            by_hand: reqwest::Client::builder()
                .no_proxy()
                .gzip(true)
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_secs(20))
                .timeout(Duration::from_secs(30))
                .build()
                .expect("a client"),
            url,
        }
    }

    /// Returns the ratio of the median wall times of `polls` polls each. The one that goes first
    /// connects first.
    fn time_ratio(&self, polls: usize, library_first: bool) -> f64 {
        const WARM_UP: usize = 100;
        let timed = |library: bool| {
            let began = Instant::now();
            if library {
                self.poll();
            } else {
                self.poll_by_hand();
            }
            began.elapsed().as_secs_f64()
        };
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..WARM_UP + polls {
            // Each goes first every other time.
            let first = library_first == (round % 2 == 0);
            for library in [first, !first] {
                let time = timed(library);
                if round >= WARM_UP {
                    times[usize::from(library)].push(time);
                }
            }
        }
        let [by_hand, library] = times.map(|mut times| {
            times.sort_unstable_by(f64::total_cmp);
            times[times.len() / 2]
        });
        library / by_hand
    }

    fn poll(&self) {
        let snapshot = self.runtime.block_on(self.library.poll(&self.batch)).expect("a snapshot");
        assert_eq!(snapshot.progress.processed, Some(45));
    }

    fn poll_by_hand(&self) {
        let status = self.runtime.block_on(async {
            let url = format!("{}/entity/kyc/import/batch/{ID}", self.url);
            let request = self.by_hand.get(url).header("x-reap-api-key", "key").header("accept", "application/json");
            let response = request.send().await.expect("a response").error_for_status().expect("200");
            let body = response.bytes().await.expect("a body");
            serde_json::from_slice::<Status>(&body).expect("a status")
        });
        assert_eq!(status.processed_records, 45);
    }
}

/// Returns the sorted ratios of wall times in each of so many set-ups. On which cores the threads
/// of a set-up run is chance, and stays so for its life.
pub(crate) fn time_ratios(set_ups: usize, polls: usize) -> Vec<f64> {
    let mut ratios: Vec<_> = (0..set_ups).map(|number| SetUp::new().time_ratio(polls, number % 2 == 0)).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios
}

/// Returns the allocations of `polls` polls with the library and by hand.
pub(crate) fn allocations(polls: u32) -> (u64, u64) {
    let set_up = SetUp::new();
    let count = |poll: &dyn Fn()| {
        (0..50).for_each(|_| poll());
        allocation_counter::measure(|| (0..polls).for_each(|_| poll())).count_total
    };
    (count(&|| set_up.poll()), count(&|| set_up.poll_by_hand()))
}

/// Starts a server in a thread of its own, which responds to every request and keeps connections
/// open.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let response =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let response = response.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                stream.set_nodelay(true).ok();
                let mut request = [0; 4096];
                let mut length = 0;
                while let Ok(read @ 1..) = stream.read(&mut request[length..]) {
                    length += read;
                    if request[..length].ends_with(b"\r\n\r\n") {
                        length = 0;
                        if stream.write_all(response.as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}
