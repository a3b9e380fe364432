//! The four clients against the sandbox over sockets, with and without faults.

use std::time::Duration;

use bulkrail::localpayment::raw::types as accounts;
use bulkrail::{
    Batch, DriftKind, Error, ErrorKind, Outcome, Provider, Report, State, SubmitOptions, SubmittedRows, cdq, killb,
    localpayment, reap,
};
use bulkrail_sandbox::{Faults, ManualClock, Sandbox};

/// A batch of minutes ends in about a second.
const SPEED: f64 = 200.0;

async fn sandbox(faults: Faults) -> Sandbox {
    Sandbox::builder().seed(7).speed(SPEED).faults(faults).start().await.unwrap()
}

fn secret(sandbox: &Sandbox, provider: &str, variable: &str) -> String {
    let pair = sandbox.credentials(provider).iter().find(|(name, _)| *name == variable);
    pair.unwrap_or_else(|| panic!("{variable}")).1.to_owned()
}

struct Clients {
    killb: killb::Client,
    reap: reap::Client,
    cdq: cdq::Client,
    localpayment: localpayment::Client,
}

impl Clients {
    fn new(sandbox: &Sandbox) -> Self {
        let url = |provider| sandbox.base_url(provider).unwrap();
        let login = killb::Credentials::login(
            secret(sandbox, "killb", "KILLB_EMAIL"),
            secret(sandbox, "killb", "KILLB_PASSWORD"),
        );
        let user = secret(sandbox, "localpayment", "LOCALPAYMENT_USERNAME");
        let user = localpayment::Credentials::login(user, secret(sandbox, "localpayment", "LOCALPAYMENT_PASSWORD"));
        let reap_key = reap::Credentials::api_key(secret(sandbox, "reap", "REAP_API_KEY"));
        let cdq_key = cdq::Credentials::api_key(secret(sandbox, "cdq", "CDQ_API_KEY"));
        Self {
            killb: killb::Client::builder().base_url(url("killb")).credentials(login).build().unwrap(),
            reap: reap::Client::builder().base_url(url("reap")).credentials(reap_key).build().unwrap(),
            cdq: cdq::Client::builder().base_url(url("cdq")).credentials(cdq_key).build().unwrap(),
            localpayment: localpayment::Client::builder()
                .base_url(url("localpayment"))
                .credentials(user)
                .build()
                .unwrap(),
        }
    }
}

fn workbook(rows: u32) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in ["entityType", "externalId", "email", "accountType"].into_iter().enumerate() {
        sheet.write(0, column as u16, name).unwrap();
        for row in 1..=rows {
            let value = match name {
                "entityType" => "PERSON".to_owned(),
                "accountType" => "PSE".to_owned(),
                "email" => format!("user-{row}@example.com"),
                _ => format!("ref-{row}"),
            };
            sheet.write(row, column as u16, value).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

fn csv(rows: u32) -> String {
    let rows = (1..=rows).map(|row| format!("00000000-0000-4000-8000-{row:012},token-{row}\n"));
    std::iter::once("externalId,shareToken\n".to_owned()).chain(rows).collect()
}

fn batch_of(accounts: u32) -> accounts::CreateBatch {
    let account = |number| accounts::BatchAccount {
        address: None,
        external_id: format!("acc-{number}"),
        beneficiary: accounts::Beneficiary {
            document: accounts::BeneficiaryDocument { id: format!("{number:013}"), type_: "RFC".to_owned() },
            last_name: Some("Doe".to_owned()),
            lastname: None,
            name: "Jane".to_owned(),
            type_: accounts::BeneficiaryTypeKnown::Individual.into(),
        },
    };
    accounts::CreateBatch {
        account_number: "484.484.00000011".to_owned(),
        accounts: (0..accounts).map(account).collect(),
        country: "MEX".to_owned(),
        external_id: "batch-1".to_owned(),
        name: None,
    }
}

async fn wait_quickly(client: impl Provider, batch: Batch) -> Result<Report, Error> {
    wait_with(client, batch, &|| {}).await
}

/// Waits in short intervals, and calls `on_poll` after each poll.
async fn wait_with(client: impl Provider, batch: Batch, on_poll: &(dyn Fn() + Sync)) -> Result<Report, Error> {
    let quick = Duration::from_millis(20)..=Duration::from_millis(100);
    let wait = bulkrail::wait(client, batch).interval(quick).deadline(Duration::from_secs(60));
    wait.on_poll(|_| on_poll()).await
}

/// Submits until it works. Only a test may: elsewhere a batch too many does harm.
async fn submit_until_accepted<F: Future<Output = Result<Batch, Error>>>(mut submit: impl FnMut(u32) -> F) -> Batch {
    for attempt in 0..20 {
        match submit(attempt).await {
            Ok(batch) => return batch,
            Err(error) if error.kind() == ErrorKind::Conflict => return error.batch().unwrap().clone(),
            Err(error) => assert!(error.is_transient() || error.kind() == ErrorKind::OutcomeUnknown, "{error:?}"),
        }
    }
    panic!("twenty faults in a row");
}

async fn all_four(sandbox: &Sandbox) -> [Report; 4] {
    all_four_with(sandbox, &|| {}).await
}

async fn all_four_with(sandbox: &Sandbox, on_poll: &(dyn Fn() + Sync)) -> [Report; 4] {
    let clients = Clients::new(sandbox);
    let (workbook, csv) = (workbook(40), csv(60));
    let killb = async {
        let batch = submit_until_accepted(|_| clients.killb.upload(workbook.clone())).await;
        wait_with(&clients.killb, batch, on_poll).await
    };
    let reap = async {
        let keys: Vec<_> = (0..20).map(|attempt| format!("key-{attempt}")).collect();
        let batch =
            submit_until_accepted(|attempt| clients.reap.upload(csv.as_str(), Some(&keys[attempt as usize]))).await;
        wait_with(&clients.reap, batch, on_poll).await
    };
    let cdq = async {
        let features = [cdq::raw::types::ConfirmationFeature::ConfirmBaInBpStorage];
        let batch = submit_until_accepted(|_| clients.cdq.start("72d6900fce6b326088f5d9d91049e3e6", &features)).await;
        wait_with(&clients.cdq, batch, on_poll).await
    };
    let localpayment = async {
        let accounts: Vec<_> = (0..20)
            .map(|attempt| accounts::CreateBatch { external_id: format!("batch-{attempt}"), ..batch_of(30) })
            .collect();
        let batch =
            submit_until_accepted(|attempt| clients.localpayment.create_batch(&accounts[attempt as usize])).await;
        wait_with(&clients.localpayment, batch, on_poll).await
    };
    let (killb, reap, cdq, localpayment) = tokio::join!(killb, reap, cdq, localpayment);
    [killb, reap, cdq, localpayment].map(|end| end.unwrap_or_else(|error| panic!("{error:?}")))
}

fn check_counts(reports: &[Report; 4]) {
    for (report, rows) in reports.iter().zip([Some(40), Some(60), None, Some(30)]) {
        let progress = &report.snapshot.progress;
        assert_eq!((report.snapshot.state, progress.total), (State::Finished, rows), "{report:?}");
        if let (Some(total), Some(succeeded), Some(failed)) = (progress.total, progress.succeeded, progress.failed) {
            assert_eq!(succeeded + failed + progress.unaccounted().unwrap(), total, "{report:?}");
        }
    }
    assert_eq!(reports[2].outcome(), Some(Outcome::Succeeded), "CDQ does not count rows");
    assert!(reports.iter().any(|report| report.outcome() == Some(Outcome::Partial)));
}

#[tokio::test]
async fn clients_reach_the_end_without_faults() {
    let sandbox = sandbox(Faults::None).await;
    let reports = all_four(&sandbox).await;
    check_counts(&reports);
    for (provider, report) in Sandbox::PROVIDERS.into_iter().zip(&reports) {
        assert!(report.snapshot.drift.is_empty(), "{report:?}");
        let stats = sandbox.stats(provider);
        // KillB's rows are read with a second request at the end.
        let requests = u64::from(report.polls) + u64::from(provider == "killb");
        assert_eq!((stats.batches_created, stats.polls), (1, requests), "{provider}");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn clients_reach_the_end_despite_bad_gateways_and_broken_bodies() {
    let (mut polls, mut answered) = (0, 0);
    for seed in 1..=3 {
        let sandbox = Sandbox::builder().seed(seed).speed(SPEED).faults(Faults::Flaky).start().await.unwrap();
        let reports = all_four(&sandbox).await;
        check_counts(&reports);
        polls += reports.iter().map(|report| u64::from(report.polls)).sum::<u64>();
        let stats = Sandbox::PROVIDERS.map(|provider| sandbox.stats(provider));
        answered += stats.iter().map(|stats| stats.polls - stats.rejected.min(stats.polls)).sum::<u64>();
    }
    assert!(polls > answered, "some polls were not answered: {polls} of which {answered}");
}

#[tokio::test]
async fn clients_reach_the_end_when_tokens_expire() {
    // Time passes with the polls, so that every wait outlives its token.
    let clock = ManualClock::new();
    let builder = Sandbox::builder().seed(7).speed(5.0).faults(Faults::Expire).clock(clock.clone());
    let sandbox = builder.start().await.unwrap();
    check_counts(&all_four_with(&sandbox, &|| clock.advance(Duration::from_millis(300))).await);
    for provider in ["killb", "localpayment"] {
        let stats = sandbox.stats(provider);
        // The first refresh is refused, and followed by a login.
        assert!(stats.logins > 1 && stats.rejected > 1, "{provider}: {stats:?}");
    }
}

#[tokio::test]
async fn clients_reach_the_end_and_report_drift() {
    // Time passes with the polls: the number of a request decides what differs, so a busy machine must not save polls.
    let clock = ManualClock::new();
    let builder = Sandbox::builder().seed(7).speed(20.0).faults(Faults::Drift).clock(clock.clone());
    let sandbox = builder.start().await.unwrap();
    let reports = all_four_with(&sandbox, &|| clock.advance(Duration::from_millis(300))).await;
    assert!(reports.iter().all(|report| report.snapshot.is_terminal()), "{reports:?}");
    let drift: Vec<_> = reports.iter().flat_map(|report| &report.snapshot.drift).collect();
    for kind in [DriftKind::UnknownField, DriftKind::UnknownValue, DriftKind::TypeMismatch] {
        assert!(drift.iter().any(|drift| drift.kind == kind), "{kind:?}: {drift:?}");
    }
    // Every response has an undocumented field, which is counted each time.
    for report in &reports {
        let added = report.snapshot.drift.iter().find(|drift| drift.kind == DriftKind::UnknownField);
        assert_eq!(added.map(|drift| drift.count), Some(u64::from(report.polls)), "{report:?}");
    }
}

#[tokio::test]
async fn reconcile_accounts_for_every_submitted_row() {
    let sandbox = sandbox(Faults::None).await;
    let clients = Clients::new(&sandbox);
    let batch = clients.killb.upload(workbook(40)).await.unwrap();
    let report = wait_quickly(&clients.killb, batch.clone()).await.unwrap();
    let submitted = SubmittedRows::new((1..=40).map(|row| format!("ref-{row}")));
    let found = clients.killb.reconcile(&batch, Some(&submitted)).await.unwrap();
    assert_eq!(found.failed_rows().count() as u64, report.snapshot.progress.failed.unwrap());
    assert_eq!(found.rows.iter().filter_map(|row| row.reference.clone()).collect::<Vec<_>>(), submitted.references);
    assert!(found.missing.is_empty() && found.unexpected.is_empty() && found.count_mismatches.is_empty(), "{found:?}");
    assert_eq!(found.drift, [], "nothing differs from the spec");

    let accounts = batch_of(30);
    let submitted = SubmittedRows::new(accounts.accounts.iter().map(|account| &*account.external_id));
    let batch = clients.localpayment.create_batch(&accounts).await.unwrap();
    let report = wait_quickly(&clients.localpayment, batch.clone()).await.unwrap();
    let found = clients.localpayment.reconcile(&batch, Some(&submitted)).await.unwrap();
    assert_eq!(found.missing.len() as u64, report.snapshot.progress.unaccounted().unwrap());
    assert_eq!(found.rows.len(), 30);

    let csv = csv(30);
    let submission = reap::Submission::from_csv(csv, &SubmitOptions::default()).await.unwrap();
    let batch = clients.reap.submit(&submission).await.unwrap();
    assert_eq!(batch.key(), Some(submission.key()));
    wait_quickly(&clients.reap, batch.clone()).await.unwrap();
    let found = clients.reap.reconcile(&batch, Some(submission.rows())).await.unwrap();
    assert_eq!(found.rows.len(), 30, "the row of an entity that does not exist is unaccounted for");
    assert_eq!(found.drift, [], "nothing differs from the spec");
}

#[tokio::test]
async fn clients_report_wrong_credentials_and_unknown_batches() {
    let sandbox = sandbox(Faults::None).await;
    let url = |provider| sandbox.base_url(provider).unwrap();
    let wrong = killb::Client::builder()
        .base_url(url("killb"))
        .credentials(killb::Credentials::login("me", "wrong"))
        .build()
        .unwrap();
    let error = wrong.upload(workbook(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
    let wrong =
        reap::Client::builder().base_url(url("reap")).credentials(reap::Credentials::api_key("wrong")).build().unwrap();
    assert_eq!(wrong.upload(csv(1), None).await.unwrap_err().kind(), ErrorKind::Authentication);

    let clients = Clients::new(&sandbox);
    let unknown = "784d4045-c900-4050-aad6-8fe4c8d2fb16";
    let error = clients.killb.poll(&Batch::new(killb::PROVIDER, unknown).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    let error = clients.reap.poll(&Batch::new(reap::PROVIDER, unknown).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    let error = clients.cdq.poll(&Batch::new(cdq::PROVIDER, unknown).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    let error = clients.localpayment.poll(&Batch::new(localpayment::PROVIDER, unknown).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}

#[tokio::test]
async fn killb_account_is_created_listed_exported_and_deleted() {
    let sandbox = sandbox(Faults::None).await;
    let killb = Clients::new(&sandbox).killb;
    let document = killb::Document::new(killb::DocumentTypeKnown::Cpf, "12345678909", "BR");
    let holder = killb::Holder::person("Ana", "Souza", "ana@example.com", "+5511999990000", document);
    let data = killb::PixData::new(holder, killb::PixKeyType::Cpf, "12345678909", "BR");
    let account = killb::CreateAccount::new(data).with_user_id("u-1").with_external_id("pix-1");
    let created = killb.create_account(&account).await.unwrap();
    assert_eq!((&*created.type_, &*created.external_id), ("PIX", "pix-1"));
    assert_eq!(killb.create_account(&account).await.unwrap_err().kind(), ErrorKind::Conflict);
    let other = killb::AccountKind::Other { kind: "BARTER".to_owned(), data: serde_json::Map::new() };
    let refused = killb.create_account(&killb::CreateAccount::new(other)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert_eq!(killb.accounts_of_user("u-1").await.unwrap()[0].id, created.id);
    assert_eq!(&killb.export_accounts(&["PIX"]).await.unwrap()[..2], b"PK");
    killb.upload(killb.template().await.unwrap()).await.unwrap();
    assert!(killb.banks("BR").await.unwrap().is_empty());
    assert!(killb.banks("CO").await.unwrap().iter().all(|bank| bank.country_code.as_deref() == Some("CO")));
    killb.delete_account(&created.id).await.unwrap();
    assert_eq!(killb.delete_account(&created.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(killb.accounts_of_user("u-1").await.unwrap().is_empty());
}

#[tokio::test]
async fn localpayment_account_is_disabled_and_enabled() {
    let sandbox = sandbox(Faults::None).await;
    let localpayment = Clients::new(&sandbox).localpayment;
    let batch = localpayment.create_batch(&batch_of(10)).await.unwrap();
    let report = wait_quickly(localpayment.clone(), batch).await.unwrap();
    let rows = localpayment.reconcile(&report.batch, None).await.unwrap().rows;
    let account = rows[0].reference.clone().unwrap();
    let disabled = localpayment.disable_account(&account).await.unwrap().status.unwrap();
    assert_eq!((disabled.code.as_deref(), disabled.description.as_deref()), (Some("300"), Some("DISABLED")));
    let refused = localpayment.disable_account(&account).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    let enabled = localpayment.enable_account(&account).await.unwrap().status.unwrap();
    assert_eq!(enabled.description.as_deref(), Some("COMPLETED"));
}
