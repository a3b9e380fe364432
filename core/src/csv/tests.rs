use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

const FORMAT: CsvFormat = CsvFormat::new(&["id", "name"])
    .with_optional(&["note"])
    .with_reference("id")
    .with_reference_check(|id| if id.contains('/') { Err("has a slash") } else { Ok(()) })
    .with_max_rows(3)
    .with_max_bytes(90);

fn check(format: CsvFormat, csv: &[u8]) -> Result<Vec<String>, String> {
    let rows = format.check(&mut &*csv, csv.len() as u64);
    rows.map(|rows| rows.references).map_err(|error| error.to_string())
}

#[test]
fn csv_format_names_row_and_column_of_each_fault() {
    let table: &[(&str, &str)] = &[
        ("", "the file is empty"),
        ("id,name\n", "the file has no rows below its header"),
        ("id\na\n", "row 1: column name is missing"),
        ("id,CANARY\n", "row 1, column 2: is not one of id, name, note (names are case-sensitive)"),
        (
            "id;name\na;b\n",
            "row 1, column 1: is not one of id, name, note (names are case-sensitive); cells are separated by commas",
        ),
        ("id,name,id\na,b,c\n", "row 1, column 3: id is there twice"),
        (" id,name\n", "row 1, column 1: is not one of id, name, note (names are case-sensitive)"),
        ("id,name\na,b\nb,\n", "row 3, column name: is empty"),
        ("id,name\na,b\n,\n", "row 3: is blank; delete it"),
        (
            "id,name\na,\"b\nc,d\ne,f\"\n",
            "row 2, column name: has a line break (is a quotation mark there by mistake?)",
        ),
        ("id,name\na,b\nx/y,b\n", "row 3, column id: has a slash"),
        ("id,name\na,b\na,c\n", "row 3, column id: the same value as in row 2"),
        ("id,name\na,b,c\n", "row 2: has 3 cells, but the header has 2"),
        ("id,name\na\n", "row 2: has 1 cells, but the header has 2"),
        ("id,name\na,b\n   \n", "row 3: is blank; delete it"),
        ("id,name\na,b\n\u{200b},\u{a0}\n", "row 3: is blank; delete it"),
        ("id,name\na,\u{200b}\n", "row 2, column name: is empty"),
        (
            "id,name\na,b\na ,c\n",
            "row 3, column id: the same value as in row 2 (apart from blanks around it, or from how a number is written)",
        ),
        (
            "id,name\n12.0,b\n12,c\n",
            "row 3, column id: the same value as in row 2 (apart from blanks around it, or from how a number is written)",
        ),
        ("id,name\na,b\u{0}c\n", "row 2, column name: has a control character"),
        ("id,name\na,b\u{9b}c\n", "row 2, column name: has a control character"),
        ("id,name\na,b\u{2028}c\n", "row 2, column name: has a line break (is a quotation mark there by mistake?)"),
        (
            "id,name\n\na,b\nc,d\"e\nf,g\"h\n",
            "row 3, column 2: has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)",
        ),
        (
            "id,name\n\"a\"b,c\n",
            "row 2, column 1: has a quotation mark that belongs to no quoted cell (quote the cell and double the mark)",
        ),
        ("i\0d\0,\0", "the file is not UTF-8 (it may be UTF-16); save it as UTF-8"),
        (
            "id,name\na,\"b\nb,c\n",
            "a quotation mark is opened and not closed (inside a cell, quote the cell and double the mark)",
        ),
        ("id,name\na,b\nb,b\nc,b\nd,b\n", "the file has more than 3 rows; split it"),
        ("\u{feff}id,name\na,b\n", "the file begins with a byte order mark; save it as UTF-8 without one"),
    ];
    for (csv, expected) in table {
        assert_eq!(check(FORMAT, csv.as_bytes()), Err((*expected).to_owned()), "{csv:?}");
    }
    let long = format!("id,name\na,{}\n", "b".repeat(90));
    assert_eq!(check(FORMAT, long.as_bytes()), Err("the file has 101 bytes; the limit is 90".to_owned()));
    assert_eq!(check(FORMAT, b"id,name\na,\xff\n"), Err("row 2: is not UTF-8".to_owned()));
    let utf_16 = Err("the file is not UTF-8 (it may be UTF-16); save it as UTF-8".to_owned());
    assert_eq!(check(FORMAT, b"\xff\xfei\0d\0"), utf_16);
    assert_eq!(check(FORMAT, b"\"id\",\"name\"\r\n\"a\"\"b\",\"c, d\"\r\n"), Ok(vec!["a\"b".to_owned()]));
}

/// Returns the number of rows and every fault of a file.
fn faults(format: CsvFormat, csv: &[u8]) -> (u64, Vec<String>) {
    let mut faults = Vec::new();
    let rows = format.read_all(&mut &*csv, csv.len() as u64, |_| {}, |fault| faults.push(fault.to_string())).unwrap();
    (rows, faults)
}

#[test]
fn read_all_goes_on_behind_each_fault() {
    let csv = "id,extra,name,id\na,,,\nb/,x,y,z\n\u{b},x,y,z\nb/,,\n,,,\n";
    let (rows, faults) = faults(FORMAT.with_max_rows(10), csv.as_bytes());
    assert_eq!(rows, 4);
    assert_eq!(
        faults,
        [
            "row 1, column 2: is not one of id, name, note (names are case-sensitive)",
            "row 1, column 4: id is there twice",
            "row 2, column name: is empty",
            "row 3, column id: has a slash",
            "row 4, column id: has a line break (is a quotation mark there by mistake?)",
            "row 4, column id: is empty",
            "row 5: has 3 cells, but the header has 4",
            "row 6: is blank; delete it",
        ]
    );
}

#[test]
fn read_all_stops_where_the_header_has_no_known_column() {
    let (rows, faults) = faults(FORMAT, b"CANARY;x\na;b\nc;d\n");
    assert_eq!((rows, faults.len()), (0, 1));
    assert!(faults[0].ends_with("cells are separated by commas") && !faults[0].contains("CANARY"), "{faults:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn read_all_has_faults_where_check_has_an_error_and_the_same_one_among_them(
        header in "(id,name|name,id|id,name,note|id|id;name|id,x|id,id,name|)\n?",
        rows in "([ab/é ,\"\n\u{0}\u{200b}]|a,b\n){0,20}",
        is_converted in any::<bool>(),
    ) {
        let format = if is_converted { FORMAT.converted() } else { FORMAT };
        let csv = format!("{header}{rows}");
        let (_, faults) = faults(format, csv.as_bytes());
        match check(format, csv.as_bytes()) {
            Ok(_) => prop_assert_eq!(faults, Vec::<String>::new()),
            Err(error) => prop_assert!(faults.contains(&error), "{} is not in {:?}", error, faults),
        }
    }
}

#[test]
fn csv_format_reads_no_more_than_its_limit_of_a_file_that_never_ends() {
    let error = FORMAT.check(&mut "id,name\n".as_bytes().chain(io::repeat(b'a')), 0).unwrap_err();
    assert_eq!(error.to_string(), "the file has more than 90 bytes");
}

#[test]
fn csv_format_of_converted_files_allows_a_byte_order_mark_and_blanks_around_names() {
    let csv = "\u{feff}id, name \na,b\n".as_bytes();
    assert_eq!(check(FORMAT.converted(), csv), Ok(vec!["a".to_owned()]));
    assert_eq!(check(FORMAT, b"name,note,id\nb,,a\n"), Ok(vec!["a".to_owned()]));
}

#[test]
fn csv_format_of_converted_files_leaves_blank_rows_out() {
    let csv = b"id,name\na,b\n,\n , \n  \nc,d\n,\n";
    let rows = FORMAT.converted().check(&mut &csv[..], csv.len() as u64).unwrap();
    assert_eq!((rows.rows, rows.references, rows.numbers), (2, vec!["a".to_owned(), "c".to_owned()], vec![2, 6]));
}
