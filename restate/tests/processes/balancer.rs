//! A small balancer before the workers: HTTP/2, in turn, with health checks.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bulkrail_core::time::Clock;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Time in which a worker has to respond to a health check. A frozen worker does not.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(4);

struct Balancer {
    workers: Vec<Worker>,
    next: AtomicUsize,
    clock: Clock,
}

struct Worker {
    address: SocketAddr,
    connection: Mutex<Option<Connection>>,
}

#[derive(Clone)]
struct Connection {
    requests: SendRequest<Body>,
    task: AbortHandle,
}

/// Serves on a free port until the process ends, and returns its URL.
pub(crate) async fn start(workers: &[SocketAddr]) -> String {
    let workers = workers.iter().map(|address| Worker { address: *address, connection: Mutex::new(None) }).collect();
    let balancer = Arc::new(Balancer { workers, next: AtomicUsize::new(0), clock: Clock::system() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    for index in 0..balancer.workers.len() {
        tokio::spawn(Arc::clone(&balancer).check(index));
    }
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let balancer = Arc::clone(&balancer);
            let service = hyper::service::service_fn(move |request| {
                let balancer = Arc::clone(&balancer);
                async move { Ok::<_, Infallible>(balancer.forward(request).await) }
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

impl Balancer {
    async fn forward(&self, request: Request<Incoming>) -> Response<Body> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let healthy = (0..self.workers.len()).find_map(|offset| {
            let worker = &self.workers[(turn + offset) % self.workers.len()];
            let connection = worker.connection.lock().expect("no panic").clone()?;
            Some((worker.address, connection))
        });
        let failed = || {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        };
        let Some((address, mut connection)) = healthy else { return failed() };
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("http://{address}{path}").parse().expect("a valid URL");
        match connection.requests.send_request(Request::from_parts(parts, Body::new(body))).await {
            Ok(response) => response.map(Body::new),
            Err(_) => failed(),
        }
    }

    /// Connects to a worker, and drops the connection, with all that is in progress on it, when it does not respond.
    async fn check(self: Arc<Self>, index: usize) {
        let worker = &self.workers[index];
        loop {
            let connection = worker.connection.lock().expect("no panic").clone();
            let connection = match connection {
                Some(connection) => Some(connection),
                None => connect(worker.address).await,
            };
            let is_healthy = match connection.clone() {
                Some(connection) => self.is_healthy(connection).await,
                None => false,
            };
            if !is_healthy && let Some(connection) = &connection {
                connection.task.abort();
            }
            *worker.connection.lock().expect("no panic") = connection.filter(|_| is_healthy);
            self.clock.sleep(Duration::from_millis(300)).await;
        }
    }

    async fn is_healthy(&self, mut connection: Connection) -> bool {
        let request = Request::get("http://worker/health").body(Body::empty()).expect("a valid request");
        tokio::select! {
            response = connection.requests.send_request(request) => response.is_ok_and(|r| r.status().is_success()),
            () = self.clock.sleep(HEALTH_TIMEOUT) => false,
        }
    }
}

async fn connect(address: SocketAddr) -> Option<Connection> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (requests, connection) = client.handshake(TokioIo::new(stream)).await.ok()?;
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    Some(Connection { requests, task: task.abort_handle() })
}
