//! Batches of [bulkrail](https://docs.rs/bulkrail) on many machines, on [Restate](https://restate.dev).
//!
//! A cluster has a Restate server and any number of workers. An order is durable once the server has accepted it; a
//! worker submits it, and polls its batch until it ends. When a worker is lost, another goes on where it was. All
//! workers of an account share one request budget.
//!
//! ```text
//! your service --Ingress--> Restate server --balancer--> workers --> provider
//! ```
//!
//! | Part | Content |
//! |---|---|
//! | [`Ingress`] | orders a batch, reads its [`Status`], awaits its end |
//! | [`endpoint`], [`serve`], [`register`] | a worker: [`BatchV1`] and [`AccountV1`] over your [`Accounts`] |
//! | [`BatchV1`] | workflow, one for each order: submit, then sleep and poll until the end |
//! | [`AccountV1`] | object, one for each account: its request budget |
//!
//! The worker needs a client that is a [`Submitter`](bulkrail_durable::Submitter), such as `bulkrail::AnyClient`:
//!
//! ```no_run
//! # async fn example(client: bulkrail::AnyClient) -> Result<(), Box<dyn std::error::Error>> {
//! use bulkrail_restate::{Accounts, endpoint, register, serve};
//! use tokio::net::TcpListener;
//!
//! let accounts = Accounts::new().with("reap", client, 24.0)?;
//! let listener = TcpListener::bind("127.0.0.1:9080").await?;
//! let worker = tokio::spawn(serve(endpoint(accounts).build(), listener, std::future::pending()));
//! register("http://127.0.0.1:9070", "http://127.0.0.1:9080").await?;
//! worker.await?;
//! # Ok(())
//! # }
//! ```
//!
//! The SDK warns each time that a workflow is put aside until its next step: filter the target `restate_sdk` of
//! traces.
//!
//! # What it promises
//!
//! - An order that [`Ingress::submit`] has returned for is not lost, as long as the server keeps its data.
//! - A batch is not submitted twice where the provider cannot tell: see the claim of [`BatchV1`]. A worker that is
//!   lost during a submit then leaves an honest `outcome_unknown`.
//! - All workers together send at most the rate of an account, plus requests beside the first of a call: logins, and
//!   the second request of a poll of KillB.
//!
//! # What is kept where
//!
//! Orders, batches, wait states and reports are in the journal of the server, readable by everyone who can read its
//! disk or its admin port, until one day after the end of an order. They hold no credentials and no rows. They hold
//! those texts of the provider that [`WaitState`](bulkrail_core::poll::WaitState) names. Credentials stay in the
//! workers.
//!
//! # Operation
//!
//! - **Ports.** Ingress and admin port are private: everyone who reaches them can order, read and cancel. Put a
//!   gateway before the ingress, and give [`Ingress::token`] its token.
//! - **Workers** accept requests of everyone who reaches them, unless they have the
//!   [identity key](restate_sdk::endpoint::Builder::identity_key) of the server. They speak HTTP/2 without TLS: a
//!   balancer before them does TLS, and takes a worker out that does not respond to `GET /health`.
//! - **Clocks** are synchronised (NTP). A budget bears a difference of some seconds, by being slower.
//! - **Deployments.** A new version of your workers with the same services gets a URL of its own, and is registered
//!   there. Orders that were begun go on at the old workers: keep them until their last order has ended. With the
//!   same steps (see [`BatchV1`]), new workers may also take the place of the old ones at the same URL.
//! - **Cancelling** a workflow at the server ends the wait. The batch goes on at the provider.
//! - **Reconciliation** is not part of the workflow, since rows are personal data: call
//!   [`Submitter::reconcile`](bulkrail_durable::Submitter::reconcile) in your service after the end.

mod account;
mod accounts;
mod batch;
mod endpoint;
mod http;
mod ingress;
mod status;
mod submit;
mod wait;

pub use account::AccountV1;
pub use accounts::Accounts;
pub use batch::{BatchOrder, BatchV1};
#[cfg(feature = "test-util")]
pub use endpoint::endpoint_without_claim;
pub use endpoint::{endpoint, register, serve};
pub use ingress::{Ingress, Ordered};
pub use restate_sdk;
pub use status::Status;
