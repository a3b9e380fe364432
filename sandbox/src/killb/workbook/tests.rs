use std::io::Write;

use rust_xlsxwriter::{Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

#[test]
fn cell_text_returns_digits_of_number_and_none_for_blank() {
    let text = |cell| cell_text(&cell).unwrap();
    assert_eq!(text(DataRef::Float(1_234_567_890.0)).as_deref(), Some("1234567890"));
    assert_eq!(text(DataRef::String(" 001 ".to_owned())).as_deref(), Some("001"));
    assert_eq!(text(DataRef::Empty), None);
}

#[test]
fn cell_text_refuses_text_longer_than_excel_allows() {
    assert!(cell_text(&DataRef::String("ü".repeat(MAX_CELL_CHARS))).is_ok());
    assert!(cell_text(&DataRef::String("ü".repeat(MAX_CELL_CHARS + 1))).is_err());
}

/// Maximum memory for a workbook that asks for much more.
const MAX_MEMORY_BYTES: u64 = 100 * 1024 * 1024;

/// Returns the result of reading a workbook within the maximum memory.
#[track_caller]
fn read_bounded(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut result = None;
    let used = allocation_counter::measure(|| result = Some(read(bytes)));
    assert!(used.bytes_max < MAX_MEMORY_BYTES, "{} bytes at once", used.bytes_max);
    result.unwrap()
}

/// Returns a workbook with the header `externalId` and one row, and more cells.
fn workbook(more: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_string(0, 0, "externalId").unwrap();
    sheet.write_string(1, 0, "a").unwrap();
    more(sheet);
    workbook.save_to_buffer().unwrap()
}

/// Returns a workbook with `bytes` more bytes in one part.
fn inflate(workbook: &[u8], part: &str, before: &str, bytes: usize) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_level(Some(1));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        writer.start_file(&*name, options).unwrap();
        match name == part {
            true => {
                let split = text.find(before).unwrap();
                writer.write_all(&text.as_bytes()[..split]).unwrap();
                let chunk = vec![b'x'; 1024 * 1024];
                (0..bytes / chunk.len()).for_each(|_| writer.write_all(&chunk).unwrap());
                writer.write_all(&text.as_bytes()[split..]).unwrap();
            }
            false => writer.write_all(text.as_bytes()).unwrap(),
        }
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn read_ignores_cell_in_last_row_and_column_within_memory() {
    let far = workbook(|sheet| {
        sheet.write_string(1_048_575, 16_383, "x").unwrap();
    });
    assert_eq!(read_bounded(&far).unwrap().len(), 1);
    let row = workbook(|sheet| {
        sheet.write_string(1_048_575, 0, "b").unwrap();
    });
    let numbers: Vec<u32> = read_bounded(&row).unwrap().iter().map(|row| row.number).collect();
    assert_eq!(numbers, [2, 1_048_576]);
}

#[test]
fn read_refuses_parts_that_decompress_to_more_than_their_limit() {
    let sheet = "xl/worksheets/sheet1.xml";
    for (part, before) in
        [(sheet, "</worksheet>"), ("xl/sharedStrings.xml", "</sst>"), ("xl/styles.xml", "</styleSheet>")]
    {
        let bomb = inflate(&workbook(|_| {}), part, before, 41 * 1024 * 1024);
        assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
        let error = read_bounded(&bomb).err();
        assert_eq!(error, Some(format!("The part '{part}' of the file is too large after decompression")));
    }
}

#[test]
fn read_names_sheet_and_cell_of_text_longer_than_excel_allows() {
    let bomb = inflate(&workbook(|_| {}), "xl/sharedStrings.xml", "a</t>", 30 * 1024 * 1024);
    let error = read_bounded(&bomb).err();
    assert_eq!(error.as_deref(), Some("The sheet 'Sheet1', row 2, column 1: the text is longer than 32767 characters"));
}

#[test]
fn read_names_sheet_and_cell_of_first_row_over_the_limit() {
    let rows = workbook(|sheet| {
        (0..=100_000).for_each(|row| {
            sheet.write_number(row + 1, 0, row).unwrap();
        })
    });
    let error = read_bounded(&rows).err();
    assert_eq!(error.as_deref(), Some("The sheet 'Sheet1', row 100002, column 1: the file has more than 100000 rows"));
}

#[test]
fn read_names_sheet_and_cell_of_first_text_over_the_limit_of_all_texts() {
    let text = "x".repeat(MAX_CELL_CHARS);
    let repeated = workbook(|sheet| {
        (1..2_000).for_each(|row| {
            sheet.write_string(row, 0, &text).unwrap();
        });
    });
    let error = read_bounded(&repeated).err();
    assert_eq!(
        error.as_deref(),
        Some("The sheet 'Sheet1', row 1026, column 1: the file has more than 33554432 bytes of text")
    );
}

#[test]
fn read_refuses_name_of_sheet_longer_than_excel_allows() {
    let mut archive = inflate(&workbook(|_| {}), "xl/workbook.xml", "Sheet1", 1024 * 1024);
    let error = read_bounded(&archive).err();
    assert_eq!(error.as_deref(), Some("The name of a sheet is longer than 31 characters"));
    archive.truncate(100);
    assert_eq!(read_bounded(&archive).err().as_deref(), Some(NOT_A_WORKBOOK));
}
