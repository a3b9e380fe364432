//! The reader of workbooks: an archive that may be damaged, and one whose parts are.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bulkrail::check::{CheckOptions, Level};
use bulkrail::killb::{PROVIDER, Workbook};
use bulkrail::test_util::VirtualClock;
use bulkrail::{
    AnySubmission, Batch, Error, ErrorKind, FileFormat, Progress, Reconciler, RetryFile, RetryOptions, Row, RowOutcome,
    SubmitOptions, SubmittedRows, normal_form,
};
use bulkrail_core::csv::check_cell;
use bulkrail_core::text::is_blank;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::{check_message, within};

/// Runs a future that is ready at once, because files in memory are read on the same thread.
fn run<F: Future>(future: F) -> F::Output {
    VirtualClock::new().run(future)
}

/// Any bytes are a workbook or refused, within limits of memory, and what is read of a workbook is consistent.
pub fn workbook_archive(data: &[u8]) {
    // A byte of an archive decompresses to a thousand at most, five of which may announce an empty text of 24 bytes.
    check_workbook(data, 64 * 1024 * 1024 + 1032 * 8 * data.len());
}

/// The same for an archive whose parts are the input: lines `--- NAME` with the text of each part below.
pub fn workbook_parts(data: &[u8]) {
    check_workbook(&archive(data), 64 * 1024 * 1024 + 64 * data.len());
}

/// The references of a CSV file are those of the workbook that is made of it.
pub fn workbook_of_csv(data: &[u8]) {
    check_report(data, FileFormat::Csv);
    let Ok(workbook) = run(Workbook::from_csv(data)) else { return };
    let rows = workbook.submitted_rows();
    let of_csv = run(bulkrail::killb::Submission::rows_of_file(data, Some(FileFormat::Csv)));
    assert_eq!(of_csv.expect("the rows of a file that became a workbook"), rows);
    let bytes = workbook.into_bytes();
    let read = rows_of(&bytes).expect("a workbook that was made here");
    let trimmed = |rows: &SubmittedRows| -> Vec<String> {
        rows.references.iter().map(|reference| bulkrail_core::text::trimmed(reference).to_owned()).collect()
    };
    assert_eq!((read.rows, trimmed(&read), &read.numbers), (rows.rows, trimmed(&rows), &rows.numbers));
    retry(data, FileFormat::Csv, &rows);
    retry(&bytes, FileFormat::Xlsx, &read);
}

fn rows_of(xlsx: &[u8]) -> Result<SubmittedRows, Error> {
    run(bulkrail::killb::Submission::rows_of_file(xlsx, Some(FileFormat::Xlsx)))
}

fn check_workbook(xlsx: &[u8], max_bytes: usize) {
    let read = within(max_bytes, || run(Workbook::from_xlsx(xlsx)));
    check_report(xlsx, FileFormat::Xlsx);
    let workbook = match read {
        Ok(workbook) => workbook,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Usage);
            return check_message(&error.to_string());
        }
    };
    let rows = workbook.submitted_rows();
    assert_eq!(workbook.into_bytes(), xlsx, "it is submitted unchanged");
    assert_eq!(rows_of(xlsx).expect("the same file"), rows);
    assert!(rows.rows > 0 && rows.references.len() as u64 <= rows.rows, "{} references", rows.references.len());
    assert!(rows.numbers.is_empty() || rows.numbers.len() == rows.references.len());
    assert!(rows.numbers.is_sorted_by(|one, next| one < next), "numbers of rows: {:?}", rows.numbers);
    let distinct: BTreeSet<_> = rows.references.iter().map(|reference| normal_form(reference)).collect();
    assert_eq!(distinct.len(), rows.references.len(), "references that cannot be distinguished");
    for reference in &rows.references {
        assert!(!is_blank(reference) && check_cell(reference).is_ok(), "a reference {reference:?}");
    }
    retry(xlsx, FileFormat::Xlsx, &rows);
}

/// A report has an error if and only if the file is refused.
fn check_report(file: &[u8], format: FileFormat) {
    let options = (SubmitOptions::default(), CheckOptions::default());
    let report = run(AnySubmission::check(&PROVIDER, file.into(), Some(format), &options.0, &options.1));
    let report = report.expect("a report about any file");
    let prepared = run(AnySubmission::prepare(&PROVIDER, Some(file.into()), Some(format), &options.0));
    match prepared {
        Ok(prepared) => {
            let errors: Vec<_> = report.findings.iter().filter(|finding| finding.level == Level::Error).collect();
            assert_eq!((report.errors, errors), (0, vec![]), "errors in the report about a file that can be submitted");
            assert_eq!(prepared[0].rows().rows, report.rows, "rows of the report");
        }
        Err(error) => assert!(report.errors > 0, "no error in the report about a file that is refused: {error}"),
    }
    for finding in &report.findings {
        check_message(&finding.reason);
        assert_eq!(finding.value, None, "values were not asked for");
    }
}

/// The file of a next batch has the rows that failed.
fn retry(file: &[u8], format: FileFormat, rows: &SubmittedRows) {
    let mut reconciler = Reconciler::new(rows);
    let mut expected = Vec::new();
    for (position, reference) in rows.references.iter().enumerate() {
        let outcome = if position % 3 == 2 { RowOutcome::Succeeded } else { RowOutcome::Failed };
        if outcome == RowOutcome::Failed {
            expected.push(reference);
        }
        let number = rows.numbers.get(position).copied();
        reconciler.push(Row::new(outcome).with_reference(reference).with_index(number));
    }
    let (batch, to) = (Batch::new(PROVIDER, "b-1").expect("an id"), Shared::default());
    let reconciliation = reconciler.finish(&Progress::default());
    let options = RetryOptions::default();
    let written =
        run(AnySubmission::write_retry(&batch, &reconciliation, file.into(), Some(format), &options, to.clone()));
    let written: RetryFile = match written {
        Ok(written) => written,
        // Text that a workbook cannot have again: a name of a sheet, a date, a long text.
        Err(error) => return check_message(&error.to_string()),
    };
    assert_eq!(
        (written.rows, written.failed),
        (expected.len() as u64, expected.len() as u64),
        "rows that were written"
    );
    if expected.is_empty() {
        return;
    }
    let next = to.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let next = match format {
        FileFormat::Csv => run(bulkrail::killb::Submission::rows_of_file(next, Some(FileFormat::Csv))),
        _ => rows_of(&next),
    };
    let next = next.expect("the file of a next batch");
    assert_eq!(next.references.iter().collect::<Vec<_>>(), expected, "references of the next batch");
}

/// File in memory that is read after it was written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Parts that a workbook needs, for an input without them.
const DEFAULTS: &[(&str, &str)] = &[
    (
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#,
    ),
];

/// Name of the part above the first line that names one.
const FIRST: &str = "xl/worksheets/sheet1.xml";

fn archive(data: &[u8]) -> Vec<u8> {
    let mut parts: Vec<(String, Vec<u8>)> = vec![(FIRST.to_owned(), Vec::new())];
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let name = line.strip_prefix(b"--- ").and_then(|name| std::str::from_utf8(name).ok()).map(str::trim);
        match name {
            Some(name) if name.len() <= 100 && parts.len() < 20 => parts.push((name.to_owned(), Vec::new())),
            _ => parts.last_mut().expect("the first").1.extend_from_slice(line),
        }
    }
    let has = |name: &str| parts.iter().any(|(known, _)| known == name);
    let defaults =
        DEFAULTS.iter().filter(|(name, _)| !has(name)).map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
    let defaults: Vec<_> = defaults.collect();
    parts.extend(defaults);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in parts.iter().filter(|(name, content)| !(content.is_empty() && name == FIRST)) {
        // A name may be there twice, and then is left out.
        if archive.start_file(name.as_str(), stored).is_ok() {
            archive.write_all(content).expect("memory");
        }
    }
    archive.finish().expect("memory").into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A target whose inputs are all refused finds nothing.
    #[test]
    fn workbook_parts_reads_seeds_as_workbooks() {
        for (seed, references) in [
            (&include_bytes!("../../corpus/workbook_parts/plain.parts")[..], &["ref-1", "ref-2"][..]),
            (include_bytes!("../../corpus/workbook_parts/typed.parts"), &["12345", "12346", "46053"]),
            (include_bytes!("../../corpus/workbook_parts/sheet-0"), &["ref-1", "12"]),
            (include_bytes!("../../corpus/workbook_parts/sheet-2"), &["a&b"]),
        ] {
            assert_eq!(rows_of(&archive(seed)).expect("a workbook").references, references);
        }
    }
}
