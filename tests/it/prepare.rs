//! Files are checked before they are sent: rows, references and key of each submission, and errors
//! with row and column.

use bulkrail::{Error, ErrorKind, FileFormat, SubmitOptions, Upload};

use crate::common::Bench;

fn options() -> SubmitOptions {
    SubmitOptions::default()
}

fn csv(text: &str) -> Option<Upload> {
    Some(text.into())
}

/// Runs `future`. Content in memory is checked without a runtime.
fn ready<F: Future>(future: F) -> F::Output {
    Bench::new().clock.run(future)
}

/// Checks that `result` is a refusal for `reason` that shows nothing of the file.
fn check_refused<T>(result: Result<T, Error>, reason: &str) {
    let Err(error) = result else { panic!("not refused: {reason}") };
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(error.to_string().contains(reason), "{reason}: {error}");
    assert!(!format!("{error}{error:?}").contains("CANARY"), "{error}");
}

#[test]
fn file_format_follows_the_extension_in_any_letter_case() {
    let format = |path: &str| FileFormat::from_path(path.as_ref());
    assert_eq!(["a.csv", "b.CSV", "dir.json/c.Csv"].map(format), [Some(FileFormat::Csv); 3]);
    assert_eq!([format("a.json"), format("a.xlsx")], [Some(FileFormat::Json), Some(FileFormat::Xlsx)]);
    assert_eq!(["csv", "a.txt", "a.csv.gz", ".csv", ""].map(format), [None; 5]);
}

#[cfg(feature = "reap")]
mod reap {
    use bulkrail::reap::Submission;

    use super::*;

    fn prepare(file: Option<Upload>, format: Option<FileFormat>, options: &SubmitOptions) -> Result<Submission, Error> {
        let mut prepared = ready(Submission::prepare(file, format, options))?;
        assert_eq!(prepared.len(), 1);
        Ok(prepared.remove(0))
    }

    #[test]
    fn prepare_returns_rows_and_key() {
        let file = || csv("shareToken,externalId\nt-1,ent_1\nt-2,ent_2\n");
        let prepared = prepare(file(), Some(FileFormat::Csv), &options().key("my-key")).unwrap();
        assert_eq!(prepared.rows().references, ["ent_1", "ent_2"]);
        assert_eq!((prepared.rows().rows, prepared.rows().is_complete(), prepared.key()), (2, true, "my-key"));
        let keys = [(); 2].map(|()| prepare(file(), Some(FileFormat::Csv), &options()).unwrap().key().to_owned());
        assert_ne!(keys[0], keys[1], "a key is random where none is given");
        assert!(keys.iter().all(|key| key.len() == 36 && key.matches('-').count() == 4), "{keys:?}");
    }

    #[test]
    fn prepare_refuses_files_and_options_that_reap_does_not_take() {
        let good = || csv("externalId,shareToken\na,b\n");
        check_refused(prepare(None, Some(FileFormat::Csv), &options()), "name the file to submit to reap");
        for format in [None, Some(FileFormat::Json), Some(FileFormat::Xlsx)] {
            check_refused(prepare(good(), format, &options()), "reap takes .csv files");
        }
        for (options, name) in [
            (options().storage_id("CANARY"), "storage_id"),
            (options().feature("CANARY"), "feature"),
            (options().account_number("CANARY"), "account_number"),
            (options().country("CANARY"), "country"),
        ] {
            let reason = format!("reap does not have the option {name}");
            check_refused(prepare(good(), Some(FileFormat::Csv), &options), &reason);
        }
        let empty = csv("externalId,shareToken\nCANARY,b\nCANARY-2,\n");
        check_refused(prepare(empty, Some(FileFormat::Csv), &options()), "row 3, column shareToken: is empty");
        let twice = csv("externalId,shareToken\nCANARY,b\nCANARY,c\n");
        let reason = "row 3, column externalId: the same value as in row 2";
        check_refused(prepare(twice, Some(FileFormat::Csv), &options()), reason);
        // The documented 10 MB.
        let large = Some(vec![b'x'; 10_485_761].into());
        let reason = "the file has 10485761 bytes; the limit is 10485760";
        check_refused(prepare(large, Some(FileFormat::Csv), &options()), reason);
    }
}

#[cfg(feature = "killb")]
mod killb {
    use bulkrail::killb::Submission;

    use super::*;

    fn prepare(file: Option<Upload>, format: Option<FileFormat>, options: &SubmitOptions) -> Result<Submission, Error> {
        let mut prepared = ready(Submission::prepare(file, format, options))?;
        assert_eq!(prepared.len(), 1);
        Ok(prepared.remove(0))
    }

    fn workbook(rows: &[[&str; 2]]) -> Vec<u8> {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (number, row) in (0..).zip(rows) {
            for (column, cell) in (0..).zip(row) {
                sheet.write(number, column, *cell).unwrap();
            }
        }
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn prepare_refuses_files_and_options_that_killb_does_not_take() {
        let good = || Some(workbook(&[["externalId", "accountType"], ["r-1", "PSE"]]).into());
        check_refused(prepare(None, Some(FileFormat::Xlsx), &options()), "name the file to submit to killb");
        check_refused(prepare(good(), Some(FileFormat::Json), &options()), "killb takes .xlsx");
        check_refused(prepare(good(), None, &options()), "killb takes .xlsx");
        let no_key = "killb does not document an idempotency key";
        check_refused(prepare(good(), Some(FileFormat::Xlsx), &options().key("CANARY")), no_key);
        let other = "killb does not have the option country";
        check_refused(prepare(good(), Some(FileFormat::Xlsx), &options().country("CANARY")), other);
        check_refused(prepare(csv("CANARY"), Some(FileFormat::Xlsx), &options()), ".xlsx workbook");
    }

    #[cfg(not(feature = "xlsx"))]
    #[test]
    fn prepare_without_the_workbook_feature_does_not_read_rows() {
        let file = workbook(&[["externalId", "accountType"], ["r-1", "PSE"]]);
        let prepared = prepare(Some(file.into()), Some(FileFormat::Xlsx), &options()).unwrap();
        assert_eq!(*prepared.rows(), bulkrail::SubmittedRows::default());
        check_refused(prepare(csv("externalId\nCANARY\n"), Some(FileFormat::Csv), &options()), "feature `xlsx`");
    }

    #[cfg(feature = "xlsx")]
    #[test]
    fn prepare_returns_the_rows_of_workbook_and_csv() {
        let file = workbook(&[["externalId", "accountType"], ["r-1", "PSE"], ["", "PSE"], ["r-3", "PSE"]]);
        let prepared = prepare(Some(file.into()), Some(FileFormat::Xlsx), &options()).unwrap();
        assert_eq!(prepared.rows().references, ["r-1", "r-3"]);
        assert_eq!((prepared.rows().rows, prepared.rows().is_complete()), (3, false), "one row has no reference");
        let file = csv("accountType,externalId\nPSE,r-1\nPSE,r-2\n");
        let prepared = prepare(file, Some(FileFormat::Csv), &options()).unwrap();
        assert_eq!(prepared.rows().references, ["r-1", "r-2"]);
        assert!(prepared.rows().is_complete());
    }

    #[cfg(feature = "xlsx")]
    #[test]
    fn prepare_refuses_rows_with_their_position() {
        let twice = workbook(&[["externalId", "accountType"], ["CANARY", "PSE"], ["CANARY", "PSE"]]);
        let reason = "row 3, column externalId: the same value as in row 2";
        check_refused(prepare(Some(twice.into()), Some(FileFormat::Xlsx), &options()), reason);
        let table = [
            ("externalId,CANARY\nr-1,PSE\n", "row 1, column 2: is not one of"),
            (
                "externalId,accountType\nCANARY,PSE\nCANARY,PSE\n",
                "row 3, column externalId: the same value as in row 2",
            ),
            ("externalId,accountType\nCANARY\n", "row 2: has 1 cells"),
            ("externalId,accountType\n", "no rows"),
        ];
        for (file, reason) in table {
            check_refused(prepare(csv(file), Some(FileFormat::Csv), &options()), reason);
        }
    }
}

#[cfg(feature = "cdq")]
mod cdq {
    use bulkrail::cdq::Submission;

    use super::*;

    const FILE: &str = "Country Code,International Account ID\nCH,CH8800781619278412000\nCH,\n";

    fn prepare(file: Option<Upload>, format: Option<FileFormat>, options: &SubmitOptions) -> Result<Submission, Error> {
        let mut prepared = ready(Submission::prepare(file, format, options))?;
        assert_eq!(prepared.len(), 1);
        Ok(prepared.remove(0))
    }

    #[test]
    fn prepare_takes_a_storage_with_or_without_a_file() {
        let options = options().storage_id("s-1").feature("CONFIRM_BA_IN_BP_STORAGE");
        let prepared = prepare(None, None, &options).unwrap();
        assert_eq!((prepared.storage_id(), prepared.rows().rows), ("s-1", 0));
        let prepared = prepare(csv(FILE), Some(FileFormat::Csv), &options).unwrap();
        assert_eq!((prepared.rows().rows, prepared.rows().references.len()), (2, 0), "rows have no reference");
    }

    #[test]
    fn prepare_refuses_files_and_options_that_cdq_does_not_take() {
        let storage = || options().storage_id("s-1");
        check_refused(prepare(csv(FILE), Some(FileFormat::Csv), &options()), "the storage id is missing");
        check_refused(prepare(None, None, &storage().feature("COFFEE")), "COFFEE is not a documented feature");
        check_refused(prepare(csv(FILE), Some(FileFormat::Xlsx), &storage()), "cdq takes .csv files");
        check_refused(prepare(csv(FILE), None, &storage()), "cdq takes .csv files");
        check_refused(prepare(None, None, &storage().key("CANARY")), "cdq does not document an idempotency key");
        let unknown = csv("Country Code,CANARY\nCH,x\n");
        check_refused(prepare(unknown, Some(FileFormat::Csv), &storage()), "row 1, column 2: is not one of");
        let long = csv("Country Code\nCH,CANARY\n");
        check_refused(prepare(long, Some(FileFormat::Csv), &storage()), "row 2: has 2 cells");
        // The documented 100 MB.
        let large = Some(vec![0; 104_857_601].into());
        let reason = "the file has 104857601 bytes; the limit is 104857600";
        check_refused(prepare(large, Some(FileFormat::Csv), &storage()), reason);
    }
}

#[cfg(feature = "localpayment")]
mod localpayment {
    use bulkrail::localpayment::Submission;

    use super::*;

    const HEADER: &str = "externalId,type,name,lastName,documentType,documentId\n";

    fn accounts(count: usize) -> String {
        let rows = (0..count).map(|row| format!("acc-{row},INDIVIDUAL,Jane,Doe,RFC,{row:013}\n"));
        std::iter::once(HEADER.to_owned()).chain(rows).collect()
    }

    fn mexico() -> SubmitOptions {
        options().account_number("484.484.00000011").country("MEX")
    }

    fn prepare(file: &str, format: FileFormat, options: &SubmitOptions) -> Result<Vec<Submission>, Error> {
        ready(Submission::prepare(csv(file), Some(format), options))
    }

    fn references(from: usize, to: usize) -> Vec<String> {
        (from..to).map(|row| format!("acc-{row}")).collect()
    }

    #[test]
    fn prepare_returns_rows_and_own_reference() {
        let prepared = prepare(&accounts(12), FileFormat::Csv, &mexico().key("batch-1")).unwrap();
        assert_eq!((prepared.len(), prepared[0].key()), (1, "batch-1"));
        assert_eq!(prepared[0].rows().references, references(0, 12));
        let batch = prepared[0].batch();
        assert_eq!((&*batch.account_number, &*batch.country), ("484.484.00000011", "MEX"));
        assert_eq!(batch.accounts[3].beneficiary.last_name.as_deref(), Some("Doe"));

        let json = serde_json::to_string(batch).unwrap();
        let again = prepare(&json, FileFormat::Json, &options()).unwrap();
        assert_eq!((again.len(), again[0].key(), again[0].batch()), (1, "batch-1", batch));
        let list = serde_json::to_string(&batch.accounts).unwrap();
        let again = prepare(&list, FileFormat::Json, &mexico().key("batch-2")).unwrap();
        assert_eq!((again[0].key(), &again[0].batch().accounts), ("batch-2", &batch.accounts));
        let keys = [(); 2].map(|()| prepare(&list, FileFormat::Json, &mexico()).unwrap()[0].key().to_owned());
        assert_ne!(keys[0], keys[1], "a reference is random where none is given");
    }

    #[test]
    fn prepare_splits_a_large_file_and_finds_the_rows_of_each_part_again() {
        let file = accounts(5_001);
        for key in ["batch", "batch-1", "batch-3", "batch-02", "import-2026-11-25", "b-18446744073709551618"] {
            let prepared = prepare(&file, FileFormat::Csv, &mexico().key(key)).unwrap();
            let keys: Vec<_> = prepared.iter().map(Submission::key).collect();
            assert_eq!(keys, [key.to_owned(), format!("{key}-2")]);
            assert_eq!(prepared[0].rows().references, references(0, 2_500));
            assert_eq!(prepared[1].rows().references, references(2_500, 5_001));
            for part in &prepared {
                let rows = Submission::rows_of_file(file.as_str().into(), Some(FileFormat::Csv), part.key());
                assert_eq!(ready(rows).unwrap(), *part.rows(), "{}", part.key());
            }
        }
        let taken = "the externalId ends in -2, as that of batch 2 of the 2 of this file will";
        check_refused(prepare(&file, FileFormat::Csv, &mexico().key("payroll-2")), taken);
    }

    #[test]
    fn prepare_refuses_files_and_options_that_localpayment_does_not_take() {
        let good = accounts(10);
        let missing = ready(Submission::prepare(None, Some(FileFormat::Csv), &mexico()));
        check_refused(missing, "name the file to submit to localpayment");
        check_refused(prepare(&good, FileFormat::Xlsx, &mexico()), "localpayment takes .json and .csv files");
        check_refused(prepare(&good, FileFormat::Csv, &options()), "needs an account number and a country");
        check_refused(prepare(&good, FileFormat::Csv, &mexico().country("mex")), "three capital letters");
        let other = "localpayment does not have the option storage_id";
        check_refused(prepare(&good, FileFormat::Csv, &mexico().storage_id("CANARY")), other);
        let batch = prepare(&good, FileFormat::Csv, &mexico()).unwrap().remove(0);
        let json = serde_json::to_string(batch.batch()).unwrap();
        check_refused(prepare(&json, FileFormat::Json, &options().key("k")), "the file has its own externalId");
        check_refused(prepare(&accounts(9), FileFormat::Csv, &mexico()), "10 to 5000 accounts, this one 9");
    }

    #[test]
    fn prepare_refuses_a_list_in_the_place_of_an_object() {
        let batch = prepare(&accounts(10), FileFormat::Csv, &mexico()).unwrap().remove(0);
        let document = |pointer: &str, list: serde_json::Value| {
            let mut json = serde_json::to_value(batch.batch()).unwrap();
            *json.pointer_mut(pointer).unwrap() = list;
            json
        };
        let swapped = document("/accounts/3/beneficiary/document", serde_json::json!(["CANARY", "RFC"]));
        let refused = prepare(&swapped.to_string(), FileFormat::Json, &options());
        check_refused(
            refused,
            "/accounts/3/beneficiary/document: this is a list, where Localpayment documents an object",
        );
        let accounts = swapped["accounts"].to_string();
        let refused = prepare(&accounts, FileFormat::Json, &mexico());
        check_refused(refused, "/3/beneficiary/document: this is a list, where Localpayment documents an object");
    }

    #[test]
    fn prepare_refuses_rows_with_their_position() {
        let table = [
            ("CANARY,PERSON,Jane,Doe,RFC,1\n", "row 2, column type: must be INDIVIDUAL or COMPANY"),
            ("CANARY,INDIVIDUAL,Jane,,RFC,1\n", "row 2, column lastName: is empty"),
            ("CANARY!,COMPANY,Acme,,RFC,1\n", "row 2, column externalId: must be letters, digits and hyphens"),
            ("CANARY,COMPANY,Acme,,RFC,\n", "row 2, column documentId: is empty"),
        ];
        for (row, reason) in table {
            check_refused(prepare(&format!("{HEADER}{row}"), FileFormat::Csv, &mexico()), reason);
        }
        let table = [
            ("CANARY", "neither a batch (a JSON object) nor an array of accounts"),
            ("[{\"externalId\":\"CANARY\"}]", "line 1, column 24: the field `beneficiary` is missing"),
            ("[\"CANARY\"]", "line 1, column 9: this is not what Localpayment documents there"),
            ("[{\"externalId\":CANARY}]", "line 1, column 16: this is not JSON"),
        ];
        for (json, reason) in table {
            check_refused(prepare(json, FileFormat::Json, &mexico()), reason);
        }
    }
}
