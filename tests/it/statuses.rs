//! State and counts of each provider's status responses, documented or not.

use crate::common::{Bench, client};
use bulkrail::test_util::MockResponse;
use bulkrail::{Batch, Outcome, Provider, ProviderId, Snapshot, State};

/// Returns the snapshot that a client makes of `body`, asked for the batch that the body is about.
fn poll<P: Provider>(bench: &Bench, client: &P, provider: ProviderId, body: &str) -> Snapshot {
    bench.connector.push(MockResponse::json(200, body));
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    let id = ["jobId", "batchId", "id", "externalId"].iter().find_map(|name| json[name].as_str());
    let batch = Batch::new(provider, id.unwrap_or("b-1")).unwrap();
    bench.clock.run(client.poll(&batch)).unwrap()
}

#[cfg(any(feature = "killb", feature = "reap", feature = "localpayment"))]
fn counts(snapshot: &Snapshot) -> [Option<u64>; 5] {
    let progress = &snapshot.progress;
    [progress.total, progress.processed, progress.succeeded, progress.failed, progress.unaccounted()]
}

/// Returns `word` in three spellings.
fn spellings(word: &str) -> [String; 3] {
    let mixed = word
        .chars()
        .enumerate()
        .map(|(index, c)| if index % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    [word.to_uppercase(), word.to_lowercase(), mixed.collect()]
}

#[cfg(feature = "killb")]
mod killb {
    use bulkrail::killb::{Credentials, PROVIDER};

    use super::*;

    fn of(body: &str) -> Snapshot {
        let bench = Bench::new();
        let client = client!(killb, bench, Credentials::access_token("t"));
        // Once the batch has finished, a second request reads the rows.
        let rows = body.to_owned();
        bench.connector.respond_with(move |_| MockResponse::json(200, &rows));
        poll(&bench, &client, PROVIDER, body)
    }

    #[test]
    fn status_words_map_to_states_in_any_letter_case() {
        let table = [
            ("PENDING", State::Queued),
            ("PROCESSING", State::Running),
            ("COMPLETED", State::Finished),
            ("FAILED", State::Failed),
            ("ACTIVE", State::Unknown),
            ("REBALANCING", State::Unknown),
        ];
        for (word, state) in table {
            for spelling in spellings(word) {
                let snapshot = of(&format!(r#"{{"status":"{spelling}"}}"#));
                assert_eq!((snapshot.state, snapshot.provider_status), (state, spelling));
            }
        }
    }

    #[test]
    fn documented_example_is_partial() {
        let snapshot = of(r#"{"jobId":"e8d74b2f-86df-43b0-a9d9-72055a6b0432","status":"COMPLETED","totalRows":100,
            "processedRows":100,"successCount":98,"errorCount":2,
            "results":[{"rowNumber":2,"status":"SUCCESS","error":"Account already exists for this user"}],
            "createdAt":"2026-04-23T00:38:08.439Z","updatedAt":"2026-04-23T00:38:08.439Z",
            "error":"Partial failure during processing"}"#);
        assert_eq!((snapshot.state, snapshot.outcome), (State::Finished, Some(Outcome::Partial)));
        assert_eq!(counts(&snapshot), [Some(100), Some(100), Some(98), Some(2), Some(0)]);
        assert_eq!(snapshot.message.as_deref(), Some("Partial failure during processing"));
        assert!(snapshot.drift.is_empty());
    }

    #[test]
    fn counts_as_text_null_or_missing_are_read_and_reported() {
        let snapshot =
            of(r#"{"status":"COMPLETED","totalRows":"3","successCount":3,"errorCount":null,"new":{"deep":[1]}}"#);
        assert_eq!(counts(&snapshot), [Some(3), None, Some(3), None, None]);
        assert_eq!(snapshot.outcome, Some(Outcome::Succeeded));
        assert!(snapshot.drift.iter().any(|drift| drift.pointer == "/totalRows" && drift.found == "string"));
    }
}

#[cfg(feature = "reap")]
mod reap {
    use bulkrail::reap::{Credentials, PROVIDER};

    use super::*;

    fn of(body: &str) -> Snapshot {
        let bench = Bench::new();
        let client = client!(reap, bench, Credentials::api_key("k"));
        poll(&bench, &client, PROVIDER, body)
    }

    #[test]
    fn status_words_map_to_states_in_any_letter_case() {
        let table = [
            ("pending", State::Queued),
            ("in_progress", State::Running),
            ("PROCESSING", State::Running),
            ("completed", State::Finished),
            ("failed", State::Failed),
            ("paused", State::Unknown),
        ];
        for (word, state) in table {
            for spelling in spellings(word) {
                assert_eq!(of(&format!(r#"{{"status":"{spelling}"}}"#)).state, state, "{spelling}");
            }
        }
    }

    #[test]
    fn documented_examples_map_to_state_and_counts() {
        let completed = of(
            r#"{"batchId":"f208a887","status":"completed","totalRecords":19,"processedRecords":19,"failedRecords":0,
            "startedAt":"2025-10-08T11:42:53.043Z","completedAt":"2025-10-08T11:44:53.000Z","summary":{"successfulRecords":19,"errors":[]}}"#,
        );
        assert_eq!((completed.state, completed.outcome), (State::Finished, Some(Outcome::Succeeded)));
        assert_eq!(counts(&completed), [Some(19), Some(19), Some(19), Some(0), Some(0)]);

        let processing = of(r#"{"status":"in_progress","totalRecords":100,"processedRecords":45,"failedRecords":2,
            "completedAt":null,"summary":{"successfulRecords":43,"errors":[]}}"#);
        assert_eq!((processing.state, processing.outcome), (State::Running, None));
        assert_eq!(processing.progress.percent(), Some(45.0));

        let pending = of(
            r#"{"status":"pending","totalRecords":50,"processedRecords":0,"failedRecords":0,"summary":{"successfulRecords":0}}"#,
        );
        assert_eq!(
            (pending.state, pending.progress.processed, pending.progress.total),
            (State::Queued, Some(0), Some(50))
        );
    }

    #[test]
    fn outcome_of_a_finished_batch_is_what_its_counts_prove() {
        let table = [
            ((5, 5, 0), Outcome::Succeeded),
            ((5, 4, 1), Outcome::Partial),
            ((5, 4, 0), Outcome::Partial),
            ((5, 0, 5), Outcome::Failed),
            // No row is known to have succeeded, and two may have.
            ((5, 0, 3), Outcome::Unknown),
            ((5, 0, 0), Outcome::Unknown),
            ((0, 0, 0), Outcome::Unknown),
            // The counts contradict each other.
            ((5, 6, 0), Outcome::Unknown),
            ((5, 5, 1), Outcome::Partial),
        ];
        for ((total, succeeded, failed), outcome) in table {
            let body = format!(
                r#"{{"status":"completed","totalRecords":{total},"failedRecords":{failed},"summary":{{"successfulRecords":{succeeded}}}}}"#
            );
            let snapshot = of(&body);
            assert_eq!((snapshot.state, snapshot.outcome), (State::Finished, Some(outcome)), "{body}");
        }
    }

    #[test]
    fn counts_of_a_finished_batch_that_contradict_each_other_are_mismatches_and_no_success() {
        let mismatches = |[total, processed, failed, succeeded]: [u64; 4], errors: &str| {
            let snapshot = of(&format!(
                r#"{{"status":"completed","totalRecords":{total},"processedRecords":{processed},"failedRecords":{failed},
                "summary":{{"successfulRecords":{succeeded},"errors":[{errors}]}}}}"#
            ));
            assert_ne!(snapshot.outcome, Some(Outcome::Succeeded), "{total} {processed} {failed} {succeeded} {errors}");
            let of_field = |found: &bulkrail::CountMismatch| (found.field.clone(), found.reported, found.listed);
            snapshot.count_mismatches.iter().map(of_field).collect::<Vec<_>>()
        };
        assert_eq!(mismatches([5, 3, 0, 5], ""), [("processed".to_owned(), 3, 5)]);
        assert_eq!(mismatches([5, 5, 1, 5], "").len(), 2);
        assert_eq!(mismatches([5, 5, 0, 5], r#"{"row":3}"#), [("failed".to_owned(), 0, 1)]);
        assert_eq!(mismatches([5, 5, 1, 4], r#"{"row":3}"#), []);
    }

    #[test]
    fn completed_batch_with_unprocessed_rows_is_partial() {
        let snapshot = of(
            r#"{"status":"completed","totalRecords":1000,"processedRecords":995,"failedRecords":5,"summary":{"successfulRecords":990}}"#,
        );
        assert_eq!((snapshot.outcome, snapshot.progress.unaccounted()), (Some(Outcome::Partial), Some(5)));
    }
}

#[cfg(feature = "cdq")]
mod cdq {
    use bulkrail::cdq::{Credentials, PROVIDER};

    use super::*;

    fn of(body: &str) -> Snapshot {
        let bench = Bench::new();
        let client = client!(cdq, bench, Credentials::api_key("k"));
        poll(&bench, &client, PROVIDER, body)
    }

    #[test]
    fn status_words_map_to_states_in_any_letter_case() {
        let table = [
            ("CREATED", State::Queued, None),
            ("PERSISTED", State::Queued, None),
            ("SCHEDULED", State::Queued, None),
            ("WAITING", State::Queued, None),
            ("PENDING", State::Queued, None),
            ("RUNNING", State::Running, None),
            ("FINISHED", State::Finished, Some(Outcome::Succeeded)),
            ("FAILED", State::Failed, Some(Outcome::Failed)),
            ("DIED", State::Failed, Some(Outcome::Failed)),
            ("COULDNT_START", State::Failed, Some(Outcome::Failed)),
            ("CANCELED", State::Cancelled, Some(Outcome::Cancelled)),
            ("ARCHIVED", State::Finished, Some(Outcome::Unknown)),
            ("UNKNOWN", State::Unknown, None),
            ("PAUSED", State::Unknown, None),
        ];
        for (word, state, outcome) in table {
            for spelling in spellings(word) {
                let snapshot = of(&format!(r#"{{"id":"j","status":"{spelling}"}}"#));
                assert_eq!((snapshot.state, snapshot.outcome), (state, outcome), "{spelling}");
            }
        }
    }

    #[test]
    fn progress_is_read_as_text_and_as_a_number() {
        for progress in ["\"77\"", "77", "77.0"] {
            let snapshot = of(&format!(r#"{{"status":"RUNNING","progress":{progress}}}"#));
            assert_eq!(snapshot.progress.percent(), Some(77.0), "{progress}");
            // A fraction where the spec has an integer or a string is read, and reported.
            assert_eq!(snapshot.drift.len(), usize::from(progress == "77.0"), "{progress}");
        }
        for progress in ["null", "\"soon\"", "{}", "[77]", "true"] {
            assert_eq!(
                of(&format!(r#"{{"status":"RUNNING","progress":{progress}}}"#)).progress.percent(),
                None,
                "{progress}"
            );
        }
        for (progress, percent) in [("-3", 0.0), ("250", 100.0)] {
            let snapshot = of(&format!(r#"{{"status":"RUNNING","progress":{progress}}}"#));
            assert_eq!(snapshot.progress.percent(), Some(percent));
        }
    }
}

#[cfg(feature = "localpayment")]
mod localpayment {
    use bulkrail::localpayment::{Credentials, PROVIDER};

    use super::*;

    fn of(body: &str) -> Snapshot {
        let bench = Bench::new();
        let client = client!(localpayment, bench, Credentials::access_token("t"));
        poll(&bench, &client, PROVIDER, body)
    }

    /// Returns outcome and fields of the mismatches of a batch that says COMPLETED.
    fn ended(code: &str, comment: &str, csv: &str, errors: &str) -> (Option<Outcome>, Vec<String>) {
        let csv = serde_json::Value::from(csv);
        let snapshot = of(&format!(
            r#"{{"status":{{"code":{code},"description":"COMPLETED","detail":"x"}},"errors":[{errors}],
            "comment":"{comment}","csvFormatResponse":{csv}}}"#
        ));
        (snapshot.outcome, snapshot.count_mismatches.into_iter().map(|found| found.field).collect())
    }

    #[test]
    fn statements_of_one_response_that_disagree_are_no_success() {
        const TWO: &str = "Total accounts requested = 2 - Total accounts created = 2 - ";
        const LINES: &str = "internal_id,external_id,bank_account\ni1,a-1,646\ni2,a-2,647\n";
        assert_eq!(ended("\"200\"", TWO, LINES, ""), (Some(Outcome::Succeeded), vec![]));
        assert_eq!(ended("200", TWO, LINES, ""), (Some(Outcome::Succeeded), vec![]));
        for code in ["\"300\"", "300", "\"100\"", "\"801\"", "\" 300 \"", "300.5", "-300", "1e20"] {
            let expected = (Some(Outcome::Unknown), vec!["succeeded".to_owned()]);
            assert_eq!(ended(code, TWO, LINES, ""), expected, "{code}");
        }
        let one_more = format!("{LINES}i3,a-3,\n");
        let twice = LINES.replace("a-2", "a-1");
        let unnamed = LINES.replace("a-2", "");
        let remark = format!("{}\n", LINES.trim_end().to_owned() + ",too long");
        for (comment, csv, errors, fields) in [
            (TWO, LINES, "{}", &["failed"][..]),
            (TWO, &*one_more, "", &["total"]),
            (TWO, &twice, "", &["succeeded"]),
            (TWO, &unnamed, "", &["succeeded"]),
            (TWO, &remark, "", &["succeeded"]),
            (TWO, "internal_id,external_id,bank_account\n", "", &["succeeded"]),
            (TWO, "<html>", "", &["succeeded"]),
            ("Total accounts requested = 1 - Total accounts created = 2 - ", LINES, "", &["total"]),
            ("Total accounts requested = 2,000 - Total accounts created = 2 - ", LINES, "", &[]),
            ("Total accounts requested = 2.000 - Total accounts created = 2.000 - ", "", "", &[]),
            ("Total accounts requested = -2 - Total accounts created = -2 - ", LINES, "", &[]),
        ] {
            let (outcome, found) = ended("\"200\"", comment, csv, errors);
            assert_ne!(outcome, Some(Outcome::Succeeded), "{comment} {csv:?} {errors}");
            for field in fields {
                assert!(found.iter().any(|known| known == field), "{field}: {found:?} {comment} {csv:?}");
            }
        }
    }

    #[test]
    fn status_words_and_codes_map_to_states() {
        let table = [
            ("INPROGRESS", State::Running),
            ("COMPLETED", State::Finished),
            ("REJECTED", State::Failed),
            ("DISABLED", State::Unknown),
        ];
        for (word, state) in table {
            for spelling in spellings(word) {
                assert_eq!(of(&format!(r#"{{"status":{{"description":"{spelling}"}}}}"#)).state, state, "{spelling}");
            }
        }
        for (code, state) in
            [("100", State::Running), ("200", State::Finished), ("300", State::Failed), ("7", State::Unknown)]
        {
            assert_eq!(of(&format!(r#"{{"status":{{"code":"{code}"}}}}"#)).state, state, "{code}");
        }
    }

    const CSV: &str = "internal_id,external_id,bank_account\\neb43ee08,1b0ac426,646011319800153398\\ne0eee942,6f555d3f,646011319800153408\\n";

    fn completed(requested: u32, errors: &str) -> Snapshot {
        of(&format!(
            r#"{{"externalId":"7ff43cc9","status":{{"code":"200","description":"COMPLETED","detail":"done"}}{errors},
            "comment":"The batch process is done - Total accounts requested = {requested} - Total accounts created = 2 - ",
            "csvFormatResponse":"{CSV}"}}"#
        ))
    }

    #[test]
    fn documented_example_has_succeeded() {
        let snapshot = completed(2, "");
        assert_eq!((snapshot.state, snapshot.outcome), (State::Finished, Some(Outcome::Succeeded)));
        assert_eq!(counts(&snapshot), [Some(2), Some(2), Some(2), Some(0), Some(0)]);
    }

    #[test]
    fn accounts_that_are_not_listed_are_unaccounted_for() {
        let snapshot = completed(5, "");
        assert_eq!((snapshot.outcome, snapshot.progress.unaccounted()), (Some(Outcome::Partial), Some(3)));
        let snapshot = completed(5, r#","errors":[{"code":"601"},{"code":"601"}]"#);
        assert_eq!(counts(&snapshot), [Some(5), Some(5), Some(2), Some(2), Some(1)]);
    }

    #[test]
    fn outcome_without_counts_is_unknown() {
        let snapshot = of(r#"{"status":{"code":"200","description":"COMPLETED"}}"#);
        assert_eq!((snapshot.state, snapshot.outcome), (State::Finished, Some(Outcome::Unknown)));
    }
}

/// Code 300 is a success here and a refusal elsewhere.
#[cfg(feature = "localpayment")]
#[test]
fn localpayment_activation_reads_code_300_of_2xx_response_as_success() {
    use bulkrail::ErrorKind;
    use bulkrail::http::ConnectorError;
    use bulkrail::localpayment::Credentials;

    let set = |is_enabled: bool, response: MockResponse| {
        let bench = Bench::new();
        bench.connector.push(response);
        let client = client!(localpayment, bench, Credentials::access_token("t"));
        let answer = match is_enabled {
            true => bench.clock.run(client.enable_account("acc-1")),
            false => bench.clock.run(client.disable_account("acc-1")),
        };
        let [request] = &bench.connector.requests()[..] else { panic!("one request") };
        let path = format!("/api/virtual-account/acc-1/activation/{}", if is_enabled { "enable" } else { "disable" });
        assert_eq!((request.method.as_str(), request.url.path()), ("PUT", &*path));
        answer
    };
    let body = r#"{"status":{"code":"300","description":"DISABLED","detail":"Virtual account disabled"},"errors":[]}"#;
    let status = set(false, MockResponse::json(200, body)).unwrap().status.unwrap();
    assert_eq!((status.code.as_deref(), status.description.as_deref()), (Some("300"), Some("DISABLED")));
    let refused = r#"{"status":{"code":"300","description":"REJECTED","detail":"Invalid param + [status]"}}"#;
    assert_eq!(set(true, MockResponse::json(400, refused)).unwrap_err().kind(), ErrorKind::InvalidRequest);
    let lost = set(true, MockResponse::error(ConnectorError::ConnectionReset)).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::OutcomeUnknown);
    let bench = Bench::new();
    let client = client!(localpayment, bench, Credentials::access_token("t"));
    assert_eq!(bench.clock.run(client.disable_account("..")).unwrap_err().kind(), ErrorKind::Usage);
    assert!(bench.connector.requests().is_empty());
}

/// The words that the specs list, read from the YAML files: each has a state.
mod documented_words {
    #[cfg(any(feature = "killb", feature = "reap", feature = "cdq"))]
    use bulkrail_core::json::StatusMap;
    #[cfg(feature = "localpayment")]
    use serde_json::Value;

    use crate::common::specs;

    /// Spec, name of its status enum, and the states of its words.
    #[cfg(any(feature = "killb", feature = "reap", feature = "cdq"))]
    const ENUMS: &[(&str, &str, StatusMap)] = &[
        #[cfg(feature = "killb")]
        ("killb", "BulkJobStatus", bulkrail::killb::STATES),
        #[cfg(feature = "reap")]
        ("reap", "BatchState", bulkrail::reap::STATES),
        #[cfg(feature = "cdq")]
        ("cdq", "JobStatus", bulkrail::cdq::STATES),
    ];

    #[cfg(any(feature = "killb", feature = "reap", feature = "cdq"))]
    #[test]
    fn every_word_of_a_status_enum_has_a_state() {
        for (spec, name, states) in ENUMS {
            let mut schemas = specs::load(spec).document["components"]["schemas"].take();
            assert_eq!(states.words_without_state(&schemas.to_string(), name), [""; 0], "{spec}");
            // A word that is added to the file is found.
            schemas[name]["enum"].as_array_mut().expect("words").push("PONDERING".into());
            assert_eq!(states.words_without_state(&schemas.to_string(), name), ["PONDERING"], "{spec}");
        }
    }

    /// Returns code and word of each status that the spec of Localpayment says a batch has. No page lists them, so that
    /// they are in a description and in examples.
    #[cfg(feature = "localpayment")]
    fn of_localpayment(document: &Value) -> Vec<(String, String)> {
        let description = "/components/schemas/OperationStatus/properties/code/description";
        let description = document.pointer(description).and_then(Value::as_str).expect("a description");
        let listed = description.lines().filter_map(|line| {
            let (status, meaning) = line.trim().split_once(": ")?;
            let (code, word) = status.split_once(' ')?;
            let is_status = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
            (is_status && meaning.contains("batch")).then(|| (code.to_owned(), word.to_owned()))
        });
        let examples = specs::find_examples(document);
        let shown = examples.iter().filter(|example| example.schema["$ref"] == "#/components/schemas/Batch");
        let shown = shown.map(|example| {
            let text = |key: &str| example.value["status"][key].as_str().expect("a text").to_owned();
            (text("code"), text("description"))
        });
        listed.chain(shown).collect()
    }

    #[cfg(feature = "localpayment")]
    #[test]
    fn every_word_of_a_localpayment_batch_has_a_state() {
        let mut document = specs::load("localpayment").document;
        let unknown = |document: &Value| -> Vec<String> {
            let words = of_localpayment(document).into_iter().map(|(_, word)| word);
            words.filter(|word| bulkrail::localpayment::STATES.state(word).is_none()).collect()
        };
        let found = of_localpayment(&document);
        for status in [("100", "INPROGRESS"), ("200", "COMPLETED")] {
            assert!(found.contains(&(status.0.to_owned(), status.1.to_owned())), "{found:?}");
        }
        assert_eq!(unknown(&document), [""; 0]);
        // A line that is added to the file is found.
        let code = &mut document["components"]["schemas"]["OperationStatus"]["properties"]["code"]["description"];
        *code = format!("{}150 PONDERING: a batch is being pondered\n", code.as_str().expect("a text")).into();
        assert_eq!(unknown(&document), ["PONDERING"]);
    }
}
