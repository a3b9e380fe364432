//! The waiter of aws-smithy-runtime, with the retries that every operation of an AWS client has.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::HttpStatusCodeClassifier;
use aws_smithy_runtime::client::waiters::{AcceptorState, WaiterOrchestrator};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::CreateUnhandledError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use crate::measure::{Results, independent};
use crate::peers::{Http, Job};
use crate::server::Site;

/// Delays where the model of a waiter sets none, from the specification of Smithy.
const MIN_DELAY: Duration = Duration::from_secs(2);
const MAX_DELAY: Duration = Duration::from_secs(120);
/// The caller has to set it: longer than any wait here.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// A response without success.
#[derive(Debug)]
struct StatusError(String);

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StatusError {}

impl CreateUnhandledError for StatusError {
    fn create_unhandled_error(
        source: Box<dyn std::error::Error + Send + Sync + 'static>,
        _: Option<ErrorMetadata>,
    ) -> Self {
        Self(source.to_string())
    }
}

pub(crate) async fn run(site: &Arc<Site>, spread: Duration) -> Results {
    let (submit, operation) = (Http::new(site), operation(site));
    independent(site, spread, move |job| {
        let (submit, operation) = (submit.clone(), operation.clone());
        async move {
            submit.submit(job).await.map_err(|error| error.to_string())?;
            let waiter = WaiterOrchestrator::builder()
                .min_delay(MIN_DELAY)
                .max_delay(MAX_DELAY)
                .max_wait(MAX_WAIT)
                .time_source(SharedTimeSource::new(SystemTimeSource::new()))
                .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
                .acceptor(|response: Result<&Job, &StatusError>| match response {
                    Ok(job) if job.is_finished() => AcceptorState::Success,
                    _ => AcceptorState::NoAcceptorsMatched,
                })
                .operation(|| operation.invoke(job))
                .build();
            waiter.orchestrate().await.map(drop).map_err(|error| error.to_string())
        }
    })
    .await
}

fn operation(site: &Site) -> Operation<usize, Job, StatusError> {
    Operation::builder()
        .service_name("jobs")
        .operation_name("GetJob")
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(&site.url)
        .no_auth()
        .standard_retry(&RetryConfig::standard())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .time_source(SystemTimeSource::new())
        .sleep_impl(TokioSleep::new())
        .serializer(|job: usize| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_method("GET")?;
            request.set_uri(format!("/bankaccounts/jobs?jobId={job}"))?;
            Ok(request)
        })
        .deserializer(|response: &HttpResponse| {
            let body = response.body().bytes().unwrap_or_default();
            if !response.status().is_success() {
                return Err(OrchestratorError::operation(StatusError(response.status().to_string())));
            }
            serde_json::from_slice(body).map_err(|error| OrchestratorError::operation(StatusError(error.to_string())))
        })
        .build()
}
