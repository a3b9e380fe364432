//! azure_core: its poller, pipeline and retries, as its service clients use them.

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::poller::{
    Poller, PollerContinuation, PollerResult, PollerState, PollerStatus, StatusMonitor, get_retry_after,
};
use azure_core::http::{ClientOptions, JsonFormat, Method, Pipeline, RawResponse, Request, Transport, Url};

use crate::measure::{Results, independent};
use crate::peers::Job;
use crate::server::Site;

impl StatusMonitor for Job {
    type Output = Self;
    type Format = JsonFormat;

    fn status(&self) -> PollerStatus {
        if self.is_finished() { PollerStatus::Succeeded } else { PollerStatus::InProgress }
    }
}

pub(crate) async fn run(site: &Arc<Site>, spread: Duration) -> Results {
    // Its own client takes a proxy from the environment; loopback needs none.
    let transport = Transport::new(Arc::new(reqwest::Client::builder().no_proxy().build().expect("a client")));
    let options = ClientOptions { transport: Some(transport), ..ClientOptions::default() };
    let pipeline = Pipeline::new(None, None, options, Vec::new(), Vec::new(), None);
    let url: Arc<str> = site.url.as_str().into();
    independent(site, spread, move |job| {
        let poller = poller(pipeline.clone(), Arc::clone(&url), job);
        async move { poller.await.map(drop) }
    })
    .await
}

fn poller(pipeline: Pipeline, base: Arc<str>, job: usize) -> Poller<Job> {
    Poller::new(
        move |state, options| {
            let (pipeline, base) = (pipeline.clone(), Arc::clone(&base));
            Box::pin(async move {
                let mut request = request(&base, state, job)?;
                let response = pipeline.send(&options.context, &mut request, None).await?;
                let (status, headers, body) = response.deconstruct();
                let monitor: Job = azure_core::json::from_json(&body)?;
                let retry_after = get_retry_after(&headers, &[], &options);
                let response = RawResponse::from_bytes(status, headers.clone(), body.clone()).into();
                if monitor.is_finished() {
                    let target = Box::new(move || {
                        let target = RawResponse::from_bytes(status, headers, body).into();
                        Box::pin(async move { Ok(target) }) as _
                    });
                    return Ok(PollerResult::Succeeded { response, target });
                }
                let next_link = status_url(&base, &monitor.id)?;
                let continuation = PollerContinuation::Links { next_link, final_link: None };
                Ok(PollerResult::InProgress { response, retry_after, continuation })
            })
        },
        None,
    )
}

fn request(base: &str, state: PollerState, job: usize) -> azure_core::Result<Request> {
    if let PollerState::More(PollerContinuation::Links { next_link, .. }) = state {
        return Ok(Request::new(next_link, Method::Get));
    }
    let mut request = Request::new(Url::parse(&format!("{base}/bankaccounts/jobs/confirmation"))?, Method::Post);
    request.insert_header("content-type", "application/json");
    request.set_body(format!(r#"{{"storageId":"{job}","featuresOn":[]}}"#));
    Ok(request)
}

fn status_url(base: &str, id: &str) -> azure_core::Result<Url> {
    Ok(Url::parse(&format!("{base}/bankaccounts/jobs?jobId={id}"))?)
}
