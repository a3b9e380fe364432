//! google-cloud-lro, as its generated clients use it: over HTTP, with their default policies.

use std::sync::Arc;
use std::time::Duration;

use google_cloud_gax::error::Error;
use google_cloud_gax::exponential_backoff::ExponentialBackoff;
use google_cloud_gax::polling_error_policy::Aip194Strict;
use google_cloud_longrunning::model::Operation as AnyOperation;
use google_cloud_lro::Poller;
use google_cloud_lro::internal::{Operation, new_unit_poller};
use google_cloud_wkt::{Any, Empty};

use crate::measure::{Results, independent};
use crate::peers::{Http, Job};
use crate::server::Site;

pub(crate) async fn run(site: &Arc<Site>, spread: Duration) -> Results {
    let http = Http::new(site);
    independent(site, spread, move |job| {
        let (start, query) = (http.clone(), http.clone());
        // Both policies are those that the client of generated code has where its user sets none.
        let poller = new_unit_poller(
            Arc::new(Aip194Strict),
            Arc::new(ExponentialBackoff::default()),
            async move || {
                start.submit(job).await.map_err(Error::io)?;
                Ok(operation(&job.to_string(), false))
            },
            move |name| {
                let http = query.clone();
                async move { status(&http, &name).await }
            },
        );
        poller.until_done()
    })
    .await
}

/// Polls once. Errors are made as the HTTP transport of generated clients makes them.
async fn status(http: &Http, name: &str) -> Result<Operation<Empty, Empty>, Error> {
    let response = http.send(name).await.map_err(Error::io)?;
    let (code, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.map_err(Error::io)?;
    if !code.is_success() {
        return Err(Error::http(code.as_u16(), headers, body));
    }
    let job: Job = serde_json::from_slice(&body).map_err(Error::deser)?;
    Ok(operation(&job.id, job.is_finished()))
}

fn operation(name: &str, is_finished: bool) -> Operation<Empty, Empty> {
    let operation = AnyOperation::new().set_name(name).set_done(is_finished);
    Operation::new(if is_finished {
        operation.set_response(Any::from_msg(&Empty::default()).expect("an empty message"))
    } else {
        operation
    })
}
