//! The server: jobs that end on the wall clock, behind CDQ's two paths.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::job::Job;
use crate::jobs;

/// Jobs of one library.
pub(crate) struct Site {
    /// URL below which the paths are.
    pub(crate) url: String,
    pub(crate) jobs: Arc<[Job]>,
    /// Whether a status has progress.
    pub(crate) reports_progress: bool,
    begun: Vec<OnceLock<Instant>>,
    polls: Vec<AtomicU32>,
}

impl Site {
    /// Returns when `job` ends; `None` before it was submitted.
    pub(crate) fn end(&self, job: usize) -> Option<Instant> {
        Some(*self.begun[job].get()? + jobs::end(&self.jobs[job]))
    }

    pub(crate) fn polls(&self, job: usize) -> u32 {
        self.polls[job].load(Ordering::Relaxed)
    }

    /// Returns the body of a job as CDQ has it.
    fn body(&self, job: usize) -> Option<String> {
        let age = self.begun[job].get()?.elapsed();
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let (status, done) = match &self.jobs[job].progress {
            _ if age >= jobs::end(&self.jobs[job]) => ("FINISHED", 1.0),
            Some(progress) => ("RUNNING", progress.reported(millis)),
            None => ("RUNNING", 0.0),
        };
        let progress =
            if self.reports_progress { format!(r#","progress":"{:.0}""#, done * 100.0) } else { String::new() };
        Some(format!(
            r#"{{"id":"{job}","createdAt":"2026-01-01T00:00:00Z","user":"live"{progress},"status":"{status}"}}"#
        ))
    }
}

type Sites = Arc<Mutex<HashMap<String, Arc<Site>>>>;

/// Server in a runtime of its own, for the life of the process.
pub(crate) struct Server {
    address: SocketAddr,
    sites: Sites,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("an address");
        let sites = Sites::default();
        let router = Router::new()
            .route("/{site}/bankaccounts/jobs/confirmation", post(begin))
            .route("/{site}/bankaccounts/jobs", get(status))
            .route("/latency", get(async || "ok"))
            .with_state(Arc::clone(&sites));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                axum::serve(listener, router).await.expect("a server that does not end");
            });
        });
        Self { address, sites }
    }

    /// Adds the jobs of one library.
    pub(crate) fn add(&self, name: &str, jobs: &Arc<[Job]>, reports_progress: bool) -> Arc<Site> {
        let site = Arc::new(Site {
            url: format!("http://{}/{name}", self.address),
            jobs: Arc::clone(jobs),
            reports_progress,
            begun: jobs.iter().map(|_| OnceLock::new()).collect(),
            polls: jobs.iter().map(|_| AtomicU32::new(0)).collect(),
        });
        let earlier = self.sites.lock().expect("sites").insert(name.to_owned(), Arc::clone(&site));
        assert!(earlier.is_none(), "two sites are named {name}");
        site
    }

    /// Measures the time of a small request every 20 ms, for as long as it is polled.
    pub(crate) async fn measure_latency(&self, latencies: &Mutex<Vec<f64>>) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("http://{}/latency", self.address);
        let mut interval = tokio::time::interval(Duration::from_millis(20));
        loop {
            // From when it was due, so that a busy client counts too.
            let due = interval.tick().await.into_std();
            let response = client.get(&url).send().await.expect("a response");
            response.bytes().await.expect("a body");
            latencies.lock().expect("latencies").push(due.elapsed().as_secs_f64() * 1000.0);
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    /// Number of the job.
    storage_id: String,
}

async fn begin(State(sites): State<Sites>, Path(site): Path<String>, Json(start): Json<Start>) -> Response {
    respond(&sites, &site, &start.storage_id, StatusCode::CREATED, |site, job| {
        site.begun[job].set(Instant::now()).is_ok()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    job_id: String,
}

async fn status(State(sites): State<Sites>, Path(site): Path<String>, Query(query): Query<Status>) -> Response {
    respond(&sites, &site, &query.job_id, StatusCode::OK, |site, job| {
        let number = site.polls[job].fetch_add(1, Ordering::Relaxed);
        !jobs::is_fault(job, number)
    })
}

/// Returns the job as it stands if `visit` returns `true`, else 502.
fn respond(sites: &Sites, site: &str, job: &str, code: StatusCode, visit: impl Fn(&Site, usize) -> bool) -> Response {
    let site = sites.lock().expect("sites").get(site).cloned();
    let job = site.zip(job.parse().ok()).filter(|(site, job): &(_, usize)| *job < site.jobs.len());
    let Some((site, job)) = job else { return StatusCode::NOT_FOUND.into_response() };
    if !visit(&site, job) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match site.body(job) {
        Some(body) => (code, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
