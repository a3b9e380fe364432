//! Checks the archive of a workbook before its cells are read.

use std::io::{self, Cursor, Write};

use memchr::memmem;

/// 1 GiB of XML: a workbook of text compresses by ten to fifteen; more is an archive that was made to fill memory.
const MAX_DECOMPRESSED_BYTES: u64 = 1024 * MEBIBYTE;

/// 128 MiB of parts that are held in memory (texts that cells share, styles): all but the cells of the sheets.
const MAX_HELD_BYTES: u64 = 128 * MEBIBYTE;

/// 1 MiB between two tags: a cell has up to 32,767 characters.
const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// 16 MiB between the tags of a cell: it has up to 32,767 characters, each with its own format in the worst case.
const MAX_CELL_BYTES: u64 = 16 * MEBIBYTE;

/// 1,048,576 rows, blank ones too: an Excel sheet ends there.
const MAX_SHEET_ROWS: u64 = 1_048_576;

/// 1,000 elements within each other: a sheet has fewer than ten.
const MAX_DEPTH: usize = 1000;

const MEBIBYTE: u64 = 1024 * 1024;

/// Attribute by whose number the reader of cells reserves memory.
const ANNOUNCED: &[u8] = b"uniqueCount";

/// Limits of an archive.
pub(super) struct ArchiveLimits {
    decompressed: u64,
    held: u64,
    announced: u64,
}

impl ArchiveLimits {
    /// Returns the limits of a workbook of at most `max_cells` cells.
    pub(super) const fn new(max_cells: u64) -> Self {
        Self { decompressed: MAX_DECOMPRESSED_BYTES, held: MAX_HELD_BYTES, announced: max_cells }
    }

    /// Checks the parts of a workbook by decompressing them, because the sizes in its headers may be wrong.
    ///
    /// The error is `None` where the archive cannot be read, else the limit that it exceeds.
    pub(super) fn check(&self, xlsx: &[u8]) -> Result<(), Option<String>> {
        let mut archive = zip::ZipArchive::new(Cursor::new(xlsx)).map_err(|_| None)?;
        let (mut left, mut held) = (self.decompressed, self.held);
        for index in 0..archive.len() {
            let part = archive.by_index(index).map_err(|_| None)?;
            let is_held = !part.name().is_ok_and(|name| is_streamed(&name));
            let limit = if is_held { left.min(held) } else { left };
            let mut scan = PartScan { max_announced: self.announced, ..PartScan::default() };
            let size = io::copy(&mut io::Read::take(part, limit + 1), &mut scan);
            if let Some(exceeded) = scan.exceeded {
                return Err(Some(exceeded));
            }
            let size = size.map_err(|_| None)?;
            if size > limit {
                let (what, limit) =
                    if limit == left { ("decompresses to", self.decompressed) } else { ("has", self.held) };
                let of = if limit == self.held { " of texts that cells share, and styles" } else { "" };
                return Err(Some(format!("the workbook {what} more than {} MiB{of}", limit / MEBIBYTE)));
            }
            left -= size;
            held -= if is_held { size } else { 0 };
        }
        Ok(())
    }
}

/// Returns whether the part is read as a stream: a sheet.
fn is_streamed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("worksheets/") && !["sharedstrings.xml", "styles.xml"].iter().any(|held| name.ends_with(held))
}

/// Measures the texts, cells and rows of a part that is written to it. Writing fails at the first limit exceeded.
#[derive(Default)]
struct PartScan {
    /// Bytes since the last `<`.
    text: usize,
    longest_text: usize,
    /// Highest number in an attribute [`ANNOUNCED`].
    announced: u64,
    max_announced: u64,
    /// Number of tags `<row`.
    rows: u64,
    /// Number of elements that are open. It may be too low, never too high, but for comments and CDATA.
    depth: usize,
    /// Number of bytes since the tag `<c` of a cell that is open.
    cell: Option<u64>,
    /// End of what was written before, which may hold the beginning of that attribute or of a tag.
    tail: Vec<u8>,
    /// Number of bytes of `tail` whose tags are counted.
    counted: usize,
    /// Limit that the part exceeds.
    exceeded: Option<String>,
}

impl PartScan {
    /// Bytes of a tag that tell what it is: `<row` and the byte that follows.
    const TAG: usize = 5;

    /// Counts the tags in `tail`, but for those whose beginning is at its end.
    fn count_tags(&mut self) {
        let Self { tail, counted, depth, rows, cell, .. } = self;
        let end = tail.len().saturating_sub(Self::TAG).max(*counted);
        let new = &tail[*counted..];
        let (mut opened, mut closed, mut last) = (0, 0, 0);
        for at in memchr::memchr_iter(b'<', &new[..end - *counted]) {
            *cell = cell.map(|bytes| bytes + (at - last) as u64);
            last = at;
            match &new[at + 1..] {
                [b'/', rest @ ..] => {
                    closed += 1;
                    if rest.starts_with(b"c>") || rest.starts_with(b"row") {
                        *cell = None;
                    }
                }
                [b'!' | b'?', ..] => {}
                tag => {
                    opened += 1;
                    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/>".contains(byte);
                    if tag.starts_with(b"row") && tag.get(3).is_some_and(is_end) {
                        *rows += 1;
                    } else if tag.starts_with(b"c") && tag.get(1).is_some_and(is_end) {
                        *cell = Some(0);
                    }
                }
            }
        }
        *cell = cell.map(|bytes| bytes + (end - *counted - last) as u64);
        closed += memmem::find_iter(&new[..(end - *counted + 1).min(new.len())], b"/>").count();
        *depth = (*depth + opened).saturating_sub(closed);
        *counted = end;
    }

    /// Returns the limit that the part exceeds.
    fn limit(&self) -> Option<String> {
        if self.longest_text > MAX_TEXT_BYTES {
            let kibibytes = MAX_TEXT_BYTES / 1024;
            return Some(format!("the workbook has a cell, or another text, of more than {kibibytes} KiB"));
        }
        if self.cell.is_some_and(|bytes| bytes > MAX_CELL_BYTES) {
            return Some(format!("the workbook has a cell of more than {} MiB of XML", MAX_CELL_BYTES / MEBIBYTE));
        }
        if self.rows > MAX_SHEET_ROWS {
            return Some(format!("the workbook has a sheet of more than {MAX_SHEET_ROWS} rows"));
        }
        if self.depth > MAX_DEPTH {
            return Some(format!("the workbook has more than {MAX_DEPTH} XML elements within each other"));
        }
        let announced = self.max_announced;
        (self.announced > announced).then(|| format!("the workbook announces more than {announced} texts"))
    }
}

impl Write for PartScan {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut start = 0;
        for end in memchr::memchr_iter(b'<', bytes) {
            self.longest_text = self.longest_text.max(self.text + end - start);
            (self.text, start) = (0, end);
        }
        self.text += bytes.len() - start;
        self.longest_text = self.longest_text.max(self.text);
        self.tail.extend_from_slice(bytes);
        for found in memmem::find_iter(&self.tail, ANNOUNCED) {
            self.announced = self.announced.max(number(&self.tail[found + ANNOUNCED.len()..]));
        }
        self.count_tags();
        // Longer than the attribute with its number.
        let cut = self.tail.len().saturating_sub(128);
        self.tail.drain(..cut);
        self.counted = self.counted.saturating_sub(cut);
        self.exceeded = self.limit();
        if self.exceeded.is_some() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the number in the value of an attribute, of which `text` is what follows its name; 0 where there is none.
fn number(text: &[u8]) -> u64 {
    let is_before = |byte: &&u8| byte.is_ascii_whitespace() || b"='\"+".contains(byte);
    let digits = text.iter().skip_while(is_before).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str, content: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn archive_beyond_a_limit_is_refused_whatever_its_size() {
        let limits = ArchiveLimits { decompressed: 8 * MEBIBYTE, held: 2 * MEBIBYTE, announced: 1000 };
        let refused = |name: &str, content: &[u8]| {
            let bomb = archive(name, content);
            assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
            limits.check(&bomb).err().map(Option::unwrap_or_default).unwrap_or_default()
        };
        let cells = |mebibytes: usize| b"<c/>".repeat(mebibytes * 256 * 1024);
        assert_eq!(refused("xl/worksheets/sheet1.xml", &cells(8)), "");
        assert!(refused("xl/worksheets/sheet1.xml", &cells(9)).contains("decompresses to more than 8 MiB"));
        assert_eq!(refused("xl/sharedStrings.xml", &cells(2)), "");
        for held in ["xl/sharedStrings.xml", "xl/worksheets/sharedStrings.xml", "xl/styles.xml", "_rels/.rels"] {
            assert!(refused(held, &cells(3)).contains("has more than 2 MiB of texts that cells share"), "{held}");
        }
        let long = [b"<t>", &[b'a'; 2 * 1024 * 1024 - 10][..], b"</t>"].concat();
        assert!(refused("xl/worksheets/sheet1.xml", &long).contains("text, of more than 1024 KiB"));
        assert_eq!(refused("xl/sharedStrings.xml", br#"<sst count="9999999" uniqueCount="1000">"#), "");
        for announced in [r#"uniqueCount="1001""#, "uniqueCount = '99999999999999999999'"] {
            let pad = "<a/>".repeat(70_000);
            assert!(
                refused("xl/sharedStrings.xml", format!("{pad}<sst {announced}>").as_bytes()).contains("announces")
            );
        }
    }

    #[test]
    fn sheet_of_blank_rows_open_elements_or_one_huge_cell_is_refused() {
        let limits = ArchiveLimits::new(1000);
        let check = |before: &str, unit: &str, count: usize, after: &str| {
            let sheet = [before, &unit.repeat(count), after].concat();
            let archive = archive("xl/worksheets/sheet1.xml", sheet.as_bytes());
            limits.check(&archive).err().map(Option::unwrap_or_default).unwrap_or_default()
        };
        let rows = MAX_SHEET_ROWS as usize;
        assert_eq!(check("<sheetData>", "<row/>", rows, "</sheetData>"), "");
        assert!(check("<sheetData>", "<row/>", rows + 1, "</sheetData>").contains("more than 1048576 rows"));
        assert!(check("", "<a>", 2000, "").contains("within each other"));
        assert_eq!(check("<a>", r#"<row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1"/></row>"#, 100_000, "</a>"), "");
        let run = "<r><t>a&gt;b</t></r>";
        let cell = (r#"<c r="A5" t="inlineStr"><is>"#, "</is></c>");
        assert_eq!(check(cell.0, run, 50_000, cell.1), "", "a megabyte of runs");
        assert!(check(cell.0, run, 850_000, cell.1).contains("a cell of more than 16 MiB of XML"));
        assert_eq!(check("<row><c/></row>", "<mergeCell ref=\"A1:B2\"/>", 700_000, ""), "", "what follows the rows");
    }
}
