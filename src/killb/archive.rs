//! Checks the archive of a workbook before its cells are read.

use std::io::{self, Cursor, Write};

use memchr::memmem;

/// 1 GiB of XML: a workbook of text compresses by ten to fifteen; more is an archive that was made to fill memory.
const MAX_DECOMPRESSED_BYTES: u64 = 1024 * MEBIBYTE;

/// 128 MiB of parts that are held in memory (texts that cells share, styles): all but the cells of the sheets.
const MAX_HELD_BYTES: u64 = 128 * MEBIBYTE;

/// 1 MiB between two tags: a cell has up to 32,767 characters.
const MAX_TEXT_BYTES: usize = 1024 * 1024;

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
            let mut scan = PartScan::default();
            let size = io::copy(&mut io::Read::take(part, limit + 1), &mut scan).map_err(|_| None)?;
            if size > limit {
                let (what, limit) =
                    if limit == left { ("decompresses to", self.decompressed) } else { ("has", self.held) };
                let of = if limit == self.held { " of texts that cells share, and styles" } else { "" };
                return Err(Some(format!("the workbook {what} more than {} MiB{of}", limit / MEBIBYTE)));
            }
            if scan.longest_text > MAX_TEXT_BYTES {
                let kibibytes = MAX_TEXT_BYTES / 1024;
                return Err(Some(format!("the workbook has a cell, or another text, of more than {kibibytes} KiB")));
            }
            if scan.announced > self.announced {
                return Err(Some(format!("the workbook announces more than {} texts", self.announced)));
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

/// Measures the texts of a part that is written to it.
#[derive(Default)]
struct PartScan {
    /// Bytes since the last `<`.
    text: usize,
    longest_text: usize,
    /// Highest number in an attribute [`ANNOUNCED`].
    announced: u64,
    /// End of what was written before, which may hold the beginning of that attribute.
    tail: Vec<u8>,
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
        // Longer than the attribute with its number.
        self.tail.drain(..self.tail.len().saturating_sub(128));
        Ok(bytes.len())
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
}
