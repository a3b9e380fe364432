//! Clients, waits, streams, rows and errors cross threads and own what they use: checked when this
//! file is compiled.

use std::sync::Arc;

use bulkrail::http::{ConnectorError, HttpClient, HttpOptions, Limits};
use bulkrail::poll::{Step, WaitOptions, WaitState};
use bulkrail::schedule::{Budget, Schedule};
use bulkrail::test_util::{MockConnector, MockProvider, VirtualClock};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, BatchId, CountMismatch, Drift, DurationHistory, DynProvider, Error, ErrorDocument, ErrorKind,
    InvalidBatchId, InvalidProviderId, Outcome, PollFuture, PollStream, PollingDefaults, Progress, ProviderId,
    Reconciler, Reconciliation, Recovery, Report, Row, Snapshot, State, SubmittedRows, Upload, Wait, WaitSet,
    WaitSetProgress,
};

const fn is_shared<T: Send + Sync + 'static>() {}
const fn is_sent<T: Send + 'static>() {}
const fn is_unpin<T: Unpin>() {}

const _: () = {
    is_shared::<Error>();
    is_shared::<ErrorDocument>();
    is_shared::<ErrorKind>();
    is_shared::<ConnectorError>();
    is_shared::<InvalidBatchId>();
    is_shared::<InvalidProviderId>();

    is_shared::<Batch>();
    is_shared::<BatchId>();
    is_shared::<ProviderId>();
    is_shared::<(State, Progress, Snapshot, Report, Outcome)>();
    is_shared::<(Row, SubmittedRows, Reconciler, Reconciliation, CountMismatch, Drift)>();
    is_shared::<(Clock, DurationHistory, Limits, HttpOptions, HttpClient, PollingDefaults, Schedule, Upload)>();
    is_shared::<(MockConnector, MockProvider, VirtualClock)>();

    // A stop signal and an observer need not be shareable, so that these are not.
    is_sent::<Wait<'static>>();
    is_sent::<PollStream<'static>>();
    is_sent::<WaitSet<'static>>();
    is_sent::<PollFuture<'static>>();
    is_unpin::<PollStream<'static>>();
    is_unpin::<WaitSet<'static>>();
    is_shared::<WaitSetProgress>();
    is_shared::<(WaitState, WaitOptions, Step, Budget, Recovery)>();

    fn poll_of_a_state_is_sent(state: &mut WaitState, provider: &MockProvider) {
        fn is_sent<T: Send>(_: T) {}
        is_sent(state.poll(provider));
    }
    let _: fn(&mut WaitState, &MockProvider) = poll_of_a_state_is_sent;
    is_shared::<Box<dyn DynProvider>>();
    is_shared::<Arc<dyn DynProvider>>();
};

#[cfg(any(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
const _: () = {
    is_shared::<bulkrail::AnyClient>();
    is_shared::<bulkrail::AnySubmission>();
    is_shared::<(bulkrail::FileFormat, bulkrail::SubmitOptions)>();
};

/// Checks client, credentials, submission and status response of a provider, and that the futures
/// of its calls are `Send`.
macro_rules! provider {
    ($provider:ident, $feature:literal, $status:ident) => {
        #[cfg(feature = $feature)]
        const _: () = {
            use bulkrail::$provider::{Client, Credentials, Submission, raw};
            is_shared::<(Client, Credentials, Submission, raw::Client)>();
            is_shared::<bulkrail::http::StatusResponse<raw::types::$status>>();

            fn futures_are_sent(client: &Client, batch: &Batch, submission: &Submission) {
                fn is_sent<T: Send>(_: T) {}
                is_sent(bulkrail::Provider::poll(client, batch));
                is_sent(client.submit(submission));
                is_sent(client.status(batch));
                is_sent(client.reconcile(batch, Some(submission.rows())));
                is_sent(client.map_raw_error(raw::Error::<()>::Custom(String::new())));
                is_sent(Submission::prepare(None, None, &bulkrail::SubmitOptions::default()));
            }
            let _: fn(&Client, &Batch, &Submission) = futures_are_sent;
        };
    };
}

provider!(killb, "killb", BulkJob);
provider!(reap, "reap", BatchStatus);
provider!(cdq, "cdq", Job);
provider!(localpayment, "localpayment", Batch);

#[cfg(feature = "killb")]
const _: () = {
    is_sent::<bulkrail::killb::Rows>();
    is_unpin::<bulkrail::killb::Rows>();
    is_shared::<bulkrail::killb::RowResult>();
};

/// A wait as a service keeps it: in a struct without lifetimes, moved to another thread.
struct Job {
    reports: PollStream<'static>,
}

#[test]
fn wait_with_an_owned_provider_runs_on_another_thread() {
    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock).then(|| Ok(bulkrail::test_util::finished(2, 0)));
    let batch = provider.batch("b");
    let mut job = Job { reports: bulkrail::wait(provider, batch).into_stream() };
    let end = std::thread::spawn(move || clock.run(job.reports.next())).join().unwrap();
    assert_eq!(end.unwrap().unwrap().outcome(), Some(Outcome::Succeeded));
}
