//! The client that is chosen at run time does what the client of its provider does.

use bulkrail::http::HttpOptions;
use bulkrail::{AnyClient, ErrorKind, ProviderId};

use crate::common::in_own_process;

/// Every variable that holds credentials.
const VARIABLES: [&str; 8] = [
    "KILLB_EMAIL",
    "KILLB_PASSWORD",
    "KILLB_ACCESS_TOKEN",
    "REAP_API_KEY",
    "CDQ_API_KEY",
    "LOCALPAYMENT_USERNAME",
    "LOCALPAYMENT_PASSWORD",
    "LOCALPAYMENT_ACCESS_TOKEN",
];

fn from_env(provider: &str) -> Result<AnyClient, bulkrail::Error> {
    AnyClient::from_env(&provider.parse().unwrap(), HttpOptions::default())
}

#[test]
fn from_env_refuses_a_provider_that_is_unknown() {
    let error = from_env("acme").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let known = AnyClient::PROVIDERS.join(", ");
    assert!(!known.is_empty() && error.to_string().contains(&format!("known are {known}")), "{error}");
}

#[test]
fn from_env_names_the_missing_variables() {
    let test = "any_client::from_env_names_the_missing_variables";
    let check = |provider: &str, variables: &[(&str, &str)], expected: Option<&str>| {
        if !AnyClient::PROVIDERS.contains(&provider) {
            return;
        }
        let case = format!("{provider} {variables:?}");
        in_own_process(test, &case, &VARIABLES, variables, || {
            let client = from_env(provider);
            match (client, expected) {
                (Ok(client), None) => assert_eq!(bulkrail::Provider::id(&client).as_str(), provider, "{case}"),
                (Err(error), Some(expected)) => {
                    assert_eq!(error.kind(), ErrorKind::Configuration, "{case}: {error}");
                    assert_eq!(error.provider().map(ProviderId::as_str), Some(provider), "{case}");
                    assert!(error.to_string().contains(expected), "{case}: {error}");
                    assert!(!format!("{error}{error:?}").contains("CANARY"), "{case}: {error:?}");
                }
                (client, expected) => panic!("{case}: {client:?} instead of {expected:?}"),
            }
        });
    };
    check("reap", &[], Some("set REAP_API_KEY"));
    check("reap", &[("REAP_API_KEY", "")], Some("set REAP_API_KEY"));
    check("reap", &[("REAP_API_KEY", "k")], None);
    check("cdq", &[("REAP_API_KEY", "CANARY")], Some("set CDQ_API_KEY"));
    check("cdq", &[("CDQ_API_KEY", "k")], None);
    check("killb", &[], Some("set KILLB_EMAIL and KILLB_PASSWORD, or KILLB_ACCESS_TOKEN"));
    check("killb", &[("KILLB_EMAIL", "CANARY")], Some("KILLB_PASSWORD is missing"));
    check("killb", &[("KILLB_PASSWORD", "CANARY")], Some("KILLB_EMAIL is missing"));
    check("killb", &[("KILLB_EMAIL", "e"), ("KILLB_PASSWORD", "p")], None);
    check("killb", &[("KILLB_ACCESS_TOKEN", "t")], None);
    check("localpayment", &[("LOCALPAYMENT_USERNAME", "CANARY")], Some("LOCALPAYMENT_PASSWORD is missing"));
    check("localpayment", &[("LOCALPAYMENT_ACCESS_TOKEN", "t")], None);
}

#[cfg(all(feature = "killb", feature = "reap", feature = "cdq", feature = "localpayment"))]
mod all_providers {
    use bulkrail::test_util::{CapturedRequest, MockResponse};
    use bulkrail::{
        AnySubmission, Batch, FileFormat, Outcome, Provider, RowOutcome, SubmitOptions, SubmittedRows, cdq, killb,
        localpayment, reap,
    };

    use super::*;
    use crate::common::{Bench, client};

    struct Clients {
        killb: killb::Client,
        reap: reap::Client,
        cdq: cdq::Client,
        localpayment: localpayment::Client,
    }

    fn clients(bench: &Bench) -> Clients {
        bench.connector.respond_with(respond);
        Clients {
            killb: client!(killb, bench, killb::Credentials::access_token("t")),
            reap: client!(reap, bench, reap::Credentials::api_key("k")),
            cdq: client!(cdq, bench, cdq::Credentials::api_key("k")),
            localpayment: client!(localpayment, bench, localpayment::Credentials::access_token("t")),
        }
    }

    /// Responds as each of the providers to a batch of two rows of which one failed.
    fn respond(sent: &CapturedRequest) -> MockResponse {
        let row = |number: u32, word: &str| {
            format!(r#"{{"rowNumber":{number},"status":"{word}","originalRowData":{{"externalId":"r-{number}"}}}}"#)
        };
        let body = match (sent.method.as_str(), sent.url.path()) {
            ("POST", path) if path.ends_with("/bulk/upload") => r#"{"jobId":"b-1"}"#.to_owned(),
            ("POST", path) if path.ends_with("/import/batch") => r#"{"batchId":"b-1"}"#.to_owned(),
            ("POST", path) if path.ends_with("/confirmation") => r#"{"id":"b-1"}"#.to_owned(),
            ("POST", path) if path.contains("virtual-account-batch") => r#"{"externalId":"b-1"}"#.to_owned(),
            ("GET", path) if path.contains("/bulk/status/") => format!(
                r#"{{"status":"COMPLETED","totalRows":2,"processedRows":2,"successCount":1,"errorCount":1,"results":[{},{}]}}"#,
                row(1, "SUCCESS"),
                row(2, "ERROR")
            ),
            ("GET", path) if path.contains("/import/batch/") => {
                r#"{"status":"completed","totalRecords":2,"processedRecords":2,"failedRecords":1,"summary":{"successfulRecords":1}}"#.to_owned()
            }
            ("GET", "/entity/r-1") => r#"{"id":"e-1","submittedRequirements":[{"status":"APPROVED"}]}"#.to_owned(),
            ("GET", "/entity/r-2") => r#"{"id":"e-2","submittedRequirements":[{"status":"REJECTED"}]}"#.to_owned(),
            ("GET", path) if path.ends_with("/bankaccounts/jobs") => r#"{"id":"b-1","status":"FINISHED"}"#.to_owned(),
            ("GET", path) if path.contains("/virtual-account-batch/") => {
                r#"{"status":{"code":"200","description":"COMPLETED"},"comment":"Total accounts requested = 2 - ",
                   "csvFormatResponse":"internal_id,external_id\ni-1,r-1\n"}"#.to_owned()
            }
            (method, path) => panic!("not expected: {method} {path}"),
        };
        MockResponse::json(200, body)
    }

    /// Checks every call that providers have in common, by `client` and by the [`AnyClient`] made
    /// of it.
    macro_rules! check_same {
        ($bench:expr, $provider:ident, $client:expr, $file:expr, $format:expr, $options:expr, $rows:expr, $outcome:expr) => {{
            let (bench, client): (&Bench, $provider::Client) = ($bench, $client);
            let any = AnyClient::from(client.clone());
            assert_eq!((any.id(), any.polling_defaults()), (client.id(), client.polling_defaults()));
            assert_eq!(any.id(), $provider::PROVIDER);
            assert!(any.poll_limit().is_some() && client.poll_limit().is_some());
            bench.clock.advance(crate::common::secs(3));
            assert_eq!(any.clock().now(), bench.clock.elapsed());

            let (file, format, options): (Option<bulkrail::Upload>, Option<FileFormat>, SubmitOptions) =
                ($file, $format, $options);
            let prepared = bench.clock.run($provider::Submission::prepare(file.clone(), format, &options)).unwrap();
            let submissions = bench.clock.run(any.prepare(file, format, &options)).unwrap();
            assert_eq!((prepared.len(), submissions.len()), (1, 1));
            assert_eq!(submissions[0].rows(), prepared[0].rows());

            let before = bench.connector.requests().len();
            let batch = bench.clock.run(client.submit(&prepared[0])).unwrap();
            let sent = bench.connector.requests().len() - before;
            assert_eq!(bench.clock.run(any.submit(&submissions[0])).unwrap(), batch);
            assert_eq!(bench.connector.requests().len() - before, 2 * sent);
            assert_eq!(submissions[0].key(), batch.key());

            assert_eq!(bench.clock.run(any.poll(&batch)).unwrap(), bench.clock.run(client.poll(&batch)).unwrap());
            let later = batch.clone().with_submitted_at(bench.clock.clock().wall());
            let one = bench.clock.run(client.wait(later)).unwrap();
            let later = batch.clone().with_submitted_at(bench.clock.clock().wall());
            let other = bench.clock.run(any.wait(later)).unwrap();
            assert_eq!((&one.snapshot, one.polls, one.elapsed), (&other.snapshot, other.polls, other.elapsed));

            let rows: Option<SubmittedRows> = $rows;
            let found = bench.clock.run(client.reconcile(&batch, rows.as_ref())).unwrap();
            assert_eq!(bench.clock.run(any.reconcile(&batch, rows.as_ref())).unwrap(), found);
            let report = bench.clock.run(any.reconcile_report(other.clone(), rows.as_ref())).unwrap();
            assert_eq!(report, other.reconciled(found.clone()));
            assert_eq!((report.outcome(), report.rows), (Some($outcome), Some(found.rows)));
            submissions.into_iter().next().unwrap()
        }};
    }

    fn accounts() -> String {
        let rows = (1..=10).map(|row| format!("r-{row},COMPANY,Acme,RFC,{row}\n"));
        std::iter::once("externalId,type,name,documentType,documentId\n".to_owned()).chain(rows).collect()
    }

    #[test]
    fn any_client_returns_what_the_client_of_the_provider_returns() {
        let bench = Bench::new();
        let Clients { killb: killb_client, reap: reap_client, cdq: cdq_client, localpayment: localpayment_client } =
            clients(&bench);
        let two = || Some(SubmittedRows::new(["r-1", "r-2"]));
        let options = SubmitOptions::default;
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (row, cell) in ["externalId", "r-1", "r-2"].into_iter().enumerate() {
            sheet.write(row as u32, 0, cell).unwrap();
        }
        let (workbook, format) = (book.save_to_buffer().unwrap(), Some(FileFormat::Xlsx));
        let partial = Outcome::Partial;
        let killb =
            check_same!(&bench, killb, killb_client.clone(), Some(workbook.into()), format, options(), two(), partial);
        let (csv, format) = (Some("externalId,shareToken\nr-1,t\nr-2,t\n".into()), Some(FileFormat::Csv));
        let reap = check_same!(&bench, reap, reap_client.clone(), csv, format, options().key("key"), two(), partial);
        let storage = options().storage_id("s-1").feature("DATA_MONITOR_REFRESH");
        let cdq = check_same!(&bench, cdq, cdq_client.clone(), None, None, storage, None, Outcome::Succeeded);
        let mexico = options().account_number("484").country("MEX").key("b-1");
        let file = Some(accounts().into());
        let localpayment =
            check_same!(&bench, localpayment, localpayment_client.clone(), file, format, mexico, two(), partial);

        // A submission of another provider is refused by each, and by no name but its own.
        let clients: [AnyClient; 4] =
            [killb_client.into(), reap_client.into(), cdq_client.into(), localpayment_client.into()];
        let submissions = [killb, reap, cdq, localpayment];
        let before = bench.connector.requests().len();
        let mut refused = 0;
        for (index, client) in clients.iter().enumerate() {
            for (_, submission) in submissions.iter().enumerate().filter(|(of, _)| *of != index) {
                let error = bench.clock.run(client.submit(submission)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Usage);
                assert!(error.to_string().contains(client.id().as_str()), "{error}");
                refused += 1;
            }
        }
        assert_eq!((refused, bench.connector.requests().len()), (12, before), "nothing was sent");
        // So is a batch of another provider, by an error that has it.
        for client in &clients {
            let batch = Batch::new(ProviderId::from_static("acme"), "b-1").unwrap();
            let error = bench.clock.run(client.reconcile(&batch, two().as_ref())).unwrap_err();
            assert_eq!((error.kind(), error.batch()), (ErrorKind::Usage, Some(&batch)), "{error}");
            assert_eq!(bench.connector.requests().len(), before, "nothing was sent");
        }
        assert_eq!(submissions.each_ref().map(AnySubmission::key), [None, Some("key"), None, Some("b-1")]);
        let known = submissions.each_ref().map(|submission| submission.batch().map(|batch| batch.id().to_owned()));
        assert_eq!(known, [None, None, None, Some("b-1".to_owned())], "ids that are known before the submit");
    }

    #[test]
    fn any_submission_finds_the_rows_of_a_file_again() {
        let bench = Bench::new();
        let rows = |provider: ProviderId, file: String, format| {
            let batch = Batch::new(provider, "b-1").unwrap();
            bench.clock.run(AnySubmission::rows_of_file(&batch, file.into(), Some(format)))
        };
        let csv = "externalId,shareToken\nr-1,t\nr-2,t\n".to_owned();
        assert_eq!(
            rows(reap::PROVIDER, csv, FileFormat::Csv).unwrap(),
            SubmittedRows::new(["r-1", "r-2"]).with_numbers(vec![2, 3])
        );
        let found = rows(localpayment::PROVIDER, accounts(), FileFormat::Csv).unwrap();
        assert_eq!(found.references, (1..=10).map(|row| format!("r-{row}")).collect::<Vec<_>>());
        let error = rows(cdq::PROVIDER, "Country Code\nCH\n".to_owned(), FileFormat::Csv).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let other = rows(ProviderId::from_static("acme"), String::new(), FileFormat::Csv).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Usage);
    }

    #[test]
    fn any_client_reconciles_rows_that_were_not_listed() {
        let bench = Bench::new();
        let any = AnyClient::from(clients(&bench).killb);
        let batch = Batch::new(killb::PROVIDER, "b-1").unwrap();
        let submitted = SubmittedRows::new(["r-1", "r-2", "r-3"]);
        let found = bench.clock.run(any.reconcile(&batch, Some(&submitted))).unwrap();
        let outcomes: Vec<_> = found.rows.iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [RowOutcome::Succeeded, RowOutcome::Failed, RowOutcome::Unaccounted]);
        assert_eq!(found.missing, ["r-3"]);
    }

    #[test]
    fn clients_have_the_environment_and_the_polling_defaults_of_their_provider() {
        let bench = Bench::new();
        let Clients { killb, reap, cdq, localpayment } = clients(&bench);
        assert_eq!(killb.environment(), "sandbox");
        assert_eq!(reap.environment(), "sandbox");
        assert_eq!(cdq.environment(), "sandbox");
        assert_eq!(localpayment.environment(), "sandbox");
        assert_eq!(killb.polling_defaults(), killb::POLLING_DEFAULTS);
        assert_eq!(reap.polling_defaults(), reap::POLLING_DEFAULTS);
        assert_eq!(cdq.polling_defaults(), cdq::POLLING_DEFAULTS);
    }

    #[test]
    fn check_batch_takes_batches_of_its_provider_and_environment() {
        let bench = Bench::new();
        let Clients { killb, reap, cdq, localpayment } = clients(&bench);
        let clients: [AnyClient; 4] = [killb.into(), reap.into(), cdq.into(), localpayment.into()];
        for client in &clients {
            let name = client.id();
            let batch = |provider: &ProviderId| Batch::new(provider.clone(), "b-1").unwrap();
            let refused = |batch: Batch| client.check_batch(&batch).unwrap_err();
            client.check_batch(&batch(&name)).unwrap();
            client.check_batch(&batch(&name).with_environment("sandbox")).unwrap();
            let error = refused(batch(&name).with_environment("production"));
            assert_eq!(error.kind(), ErrorKind::Usage, "{name}: {error}");
            let text = "this is a batch in production, and the client uses sandbox";
            assert!(error.to_string().contains(text), "{name}: {error}");
            let others = clients.iter().map(Provider::id).filter(|other| *other != name);
            for other in others.chain([ProviderId::from_static("acme")]) {
                let error = refused(batch(&other));
                assert!(error.to_string().contains(&format!("a batch of {other}, not of {name}")), "{error}");
            }
        }
        assert!(bench.connector.requests().is_empty(), "nothing was sent");
    }

    #[test]
    fn debug_of_clients_and_credentials_names_the_type_and_no_credentials() {
        let bench = Bench::new();
        let Clients { killb, reap, cdq, localpayment } = clients(&bench);
        let clients = [format!("{killb:?}"), format!("{reap:?}"), format!("{cdq:?}"), format!("{localpayment:?}")];
        let expected = ["killb", "reap", "cdq", "localpayment"].map(|provider| format!("{provider}::Client {{ .. }}"));
        assert_eq!(clients, expected);
        let credentials = [
            format!("{:?}", reap::Credentials::api_key("CANARY")),
            format!("{:?}", cdq::Credentials::api_key("CANARY")),
            format!("{:?}", killb::Credentials::login("CANARY", "CANARY")),
            format!("{:?}", localpayment::Credentials::access_token("CANARY")),
        ];
        assert!(
            credentials.iter().all(|text| text.starts_with("Credentials") && !text.contains("CANARY")),
            "{credentials:?}"
        );
    }
}
