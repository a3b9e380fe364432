//! Small polls over loopback: ours, and the same by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bulkrail::{Batch, Provider, reap};
use serde::Deserialize;
use tokio::runtime::Runtime;

const BODY: &str = r#"{"batchId":"f208a887-9fa6-4447-a52b-c1d6e089536f","status":"in_progress","totalRecords":100,"processedRecords":45,"failedRecords":2,"createdAt":"2025-10-08T11:40:20.796Z","updatedAt":"2025-10-08T11:42:15.123Z","startedAt":"2025-10-08T11:41:00.000Z","completedAt":null,"summary":{"successfulRecords":43,"errors":[]}}"#;

const ID: &str = "f208a887-9fa6-4447-a52b-c1d6e089536f";

/// What a service would write by hand.
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

struct Both {
    runtime: Runtime,
    ours: reap::Client,
    batch: Batch,
    theirs: reqwest::Client,
    url: String,
}

impl Both {
    fn set_up() -> Self {
        let url = format!("http://{}", serve());
        let credentials = reap::Credentials::api_key("key");
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            ours: reap::Client::builder().base_url(&url).credentials(credentials).build().expect("a client"),
            batch: Batch::new(reap::PROVIDER, ID).expect("an id"),
            theirs: reqwest::Client::builder()
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

    /// The ratio of the median wall times of as many polls each. Who goes first connects first.
    fn ratio(&self, polls: usize, ours_first: bool) -> f64 {
        const WARM_UP: usize = 100;
        let timed = |ours: bool| {
            let began = Instant::now();
            if ours {
                self.our_poll();
            } else {
                self.their_poll();
            }
            began.elapsed().as_secs_f64()
        };
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..WARM_UP + polls {
            // Each goes first every other time.
            let first = ours_first == (round % 2 == 0);
            for ours in [first, !first] {
                let time = timed(ours);
                if round >= WARM_UP {
                    times[usize::from(ours)].push(time);
                }
            }
        }
        let [theirs, ours] = times.map(|mut times| {
            times.sort_unstable_by(f64::total_cmp);
            times[times.len() / 2]
        });
        ours / theirs
    }

    fn our_poll(&self) {
        let snapshot = self.runtime.block_on(self.ours.poll(&self.batch)).expect("a snapshot");
        assert_eq!(snapshot.progress.processed, Some(45));
    }

    fn their_poll(&self) {
        let status = self.runtime.block_on(async {
            let url = format!("{}/entity/kyc/import/batch/{ID}", self.url);
            let request = self.theirs.get(url).header("x-reap-api-key", "key").header("accept", "application/json");
            let answer = request.send().await.expect("an answer").error_for_status().expect("200");
            let body = answer.bytes().await.expect("a body");
            serde_json::from_slice::<Status>(&body).expect("a status")
        });
        assert_eq!(status.processed_records, 45);
    }
}

/// What wall time our poll takes of theirs, in each of so many set-ups: where the threads of a set-up come to run is luck, and stays so.
pub(crate) fn in_turn(set_ups: usize, polls: usize) -> Vec<f64> {
    let mut ratios: Vec<_> = (0..set_ups).map(|number| Both::set_up().ratio(polls, number % 2 == 0)).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios
}

/// The allocations of so many polls of ours and of theirs.
pub(crate) fn allocations(polls: u32) -> (u64, u64) {
    let both = Both::set_up();
    let count = |poll: &dyn Fn()| {
        (0..50).for_each(|_| poll());
        allocation_counter::measure(|| (0..polls).for_each(|_| poll())).count_total
    };
    (count(&|| both.our_poll()), count(&|| both.their_poll()))
}

/// A server in a thread of its own that answers every request on a connection, and keeps it.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                stream.set_nodelay(true).ok();
                let mut request = [0; 4096];
                let mut length = 0;
                while let Ok(read @ 1..) = stream.read(&mut request[length..]) {
                    length += read;
                    if request[..length].ends_with(b"\r\n\r\n") {
                        length = 0;
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}
