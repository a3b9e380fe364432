//! Removes rows from a workbook, of which everything else stays as it is.
//!
//! Each part of the archive that does not name a row is copied as it stands, compressed as it was. In the sheets, rows are
//! left out and those below get new numbers, in all that refers to them. What cannot be changed with certainty is a
//! reason not to write the workbook.

mod editor;
mod xml;

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read, Write};

use quick_xml::events::{BytesStart, Event};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::cell_refs::{Formulas, RowMap, cell_row};
use editor::Editor;
use xml::{Xml, attribute, local, prefix};

/// 256 MiB of XML in one part: a sheet of a million rows with ten short cells.
const MAX_PART_BYTES: u64 = 256 * 1024 * 1024;

/// Beginnings of the names of parts that refer to rows, or have a copy of them.
const REFERRING: [(&str, &str); 10] = [
    ("xl/charts/", "a chart"),
    ("xl/chartsheets/", "a chart"),
    ("xl/pivot", "a pivot table"),
    ("xl/querytables/", "a query"),
    ("xl/model/", "a data model"),
    ("xl/embeddings/", "an embedded object"),
    ("xl/activex/", "a control"),
    ("xl/ctrlprops/", "a control"),
    ("xl/revisions/", "a history of changes"),
    ("_xmlsignatures/", "a signature"),
];

/// Reason why rows cannot be removed, as the end of a sentence that begins with "it".
pub(super) type Reason = String;

fn damaged() -> Reason {
    "has a part that cannot be read".to_owned()
}

/// Returns the workbook without these rows of these sheets.
pub(super) fn remove_rows(xlsx: &[u8], removed: Vec<(String, RowMap)>) -> Result<Vec<u8>, Reason> {
    let mut archive = ZipArchive::new(Cursor::new(xlsx)).map_err(|_| damaged())?;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|_| damaged())?;
        let name = part.name().map_err(|_| damaged())?.to_lowercase();
        if let Some((_, what)) = REFERRING.iter().find(|(start, _)| name.starts_with(start)) {
            return Err(format!("has {what}"));
        }
    }
    let sheets: HashMap<String, RowMap> = removed
        .into_iter()
        .map(|(name, rows)| (name.to_lowercase(), rows))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let root = relations(&mut archive, "")?;
    let workbook = root.into_iter().find(|relation| relation.kind == "officeDocument").ok_or_else(damaged)?.part;
    let relations_of_workbook = relations(&mut archive, &workbook)?;
    let text = part(&mut archive, &workbook)?;
    let formulas = Formulas { sheets: &sheets, own: None };
    let mut parts = HashMap::new();
    parts.insert(workbook.clone(), Editor { formulas: &formulas, rows: None }.document(&text)?);

    let mut used = HashSet::new();
    for (name, id) in sheet_names(&text)? {
        let relation = relations_of_workbook.iter().find(|relation| relation.id == id).ok_or_else(damaged)?;
        if relation.kind != "worksheet" {
            continue;
        }
        let rows = sheets.get(&name.to_lowercase());
        let formulas = Formulas { sheets: &sheets, own: rows };
        let editor = Editor { formulas: &formulas, rows };
        let sheet = part(&mut archive, &relation.part)?;
        parts.insert(relation.part.clone(), editor.sheet(&sheet, &mut used)?);
        let Some(rows) = rows else { continue };
        for relation in relations(&mut archive, &relation.part)? {
            match relation.kind.as_str() {
                "table" => {
                    let table = part(&mut archive, &relation.part)?;
                    parts.insert(relation.part, editor.table(&table)?);
                }
                "comments" | "threadedComment"
                    if rows.first() <= last_comment(&part(&mut archive, &relation.part)?)? =>
                {
                    return Err("has comments below the header".to_owned());
                }
                _ => {}
            }
        }
    }
    for relation in &relations_of_workbook {
        match relation.kind.as_str() {
            "sharedStrings" => {
                let texts = part(&mut archive, &relation.part)?;
                parts.insert(relation.part.clone(), without_unused(&texts, &used)?);
            }
            "calcChain" => {
                let without = |text: &str| without_element_of(text, "calcChain.xml");
                let name = relations_part(&workbook);
                parts.insert(name.clone(), without(&part(&mut archive, &name)?)?);
                let types = "[Content_Types].xml".to_owned();
                let text = part(&mut archive, &types)?;
                parts.insert(types, without(&text)?);
            }
            _ => {}
        }
    }
    let calculation = relations_of_workbook.into_iter().find(|relation| relation.kind == "calcChain");
    write(&mut archive, &parts, calculation.map(|relation| relation.part).as_deref()).map_err(|_| damaged())
}

/// Writes the archive with other content of `parts`, and without the part `left_out`.
fn write(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    parts: &HashMap<String, String>,
    left_out: Option<&str>,
) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index)?;
        let name = part.name()?.into_owned();
        if left_out == Some(name.as_str()) {
            continue;
        }
        match parts.get(&name) {
            Some(content) => {
                writer.start_file(name, SimpleFileOptions::default())?;
                writer.write_all(content.as_bytes())?;
            }
            None => writer.raw_copy_file(part)?,
        }
    }
    Ok(writer.finish()?.into_inner())
}

/// Returns the content of a part, which is UTF-8.
fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<String, Reason> {
    let part = archive.by_name(name).map_err(|_| damaged())?;
    let mut bytes = Vec::new();
    part.take(MAX_PART_BYTES + 1).read_to_end(&mut bytes).map_err(|_| damaged())?;
    if bytes.len() as u64 > MAX_PART_BYTES {
        return Err(format!("has a sheet of more than {} MiB of XML", MAX_PART_BYTES / (1024 * 1024)));
    }
    let text = String::from_utf8(bytes).map_err(|_| damaged())?;
    let declaration = text.get(..text.find("?>").unwrap_or(0)).unwrap_or_default().to_ascii_lowercase();
    if declaration.contains("encoding") && !declaration.contains("utf-8") {
        return Err(damaged());
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Relation of a part to another.
struct Relation {
    id: String,
    /// Last part of its type.
    kind: String,
    part: String,
}

/// Returns the name of the part with the relations of a part.
fn relations_part(part: &str) -> String {
    let (directory, name) = part.rsplit_once('/').map_or(("", part), |(directory, name)| (directory, name));
    let directory = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    format!("{directory}_rels/{name}.rels")
}

/// Returns the relations of a part to others of the archive.
fn relations(archive: &mut ZipArchive<Cursor<&[u8]>>, of: &str) -> Result<Vec<Relation>, Reason> {
    let name = relations_part(of);
    if archive.index_for_name(&name).is_none() {
        return Ok(Vec::new());
    }
    let text = part(archive, &name)?;
    let mut found = Vec::new();
    let mut xml = Xml::new(&text);
    loop {
        let (event, _) = xml.next()?;
        let tag = match &event {
            Event::Eof => return Ok(found),
            Event::Start(tag) | Event::Empty(tag) if local(tag) == "Relationship" => tag,
            _ => continue,
        };
        let (Some(id), Some(kind), Some(target)) =
            (attribute(tag, "Id")?, attribute(tag, "Type")?, attribute(tag, "Target")?)
        else {
            return Err(damaged());
        };
        if attribute(tag, "TargetMode")?.as_deref() == Some("External") {
            continue;
        }
        let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
        found.push(Relation { id, kind, part: resolved(of, &target) });
    }
}

/// Returns the name of the part that `target` names from `of`.
fn resolved(of: &str, target: &str) -> String {
    let directory = of.rsplit_once('/').map_or("", |(directory, _)| directory);
    let path = match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{directory}/{target}"),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => _ = names.pop(),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Returns name and relation of each sheet of a workbook.
fn sheet_names(workbook: &str) -> Result<Vec<(String, String)>, Reason> {
    let mut names = Vec::new();
    let mut xml = Xml::new(workbook);
    loop {
        let (event, _) = xml.next()?;
        match &event {
            Event::Eof => return Ok(names),
            Event::Start(tag) | Event::Empty(tag) if local(tag) == "sheet" => {
                let id = tag.attributes().flatten().find(|attribute| attribute.key.local_name().into_inner() == "id");
                let id = id.ok_or_else(damaged)?.value.into_owned();
                names.push((attribute(tag, "name")?.ok_or_else(damaged)?, id));
            }
            _ => {}
        }
    }
}

/// Returns the row of the last comment.
fn last_comment(comments: &str) -> Result<Option<u32>, Reason> {
    let mut last = None;
    let mut xml = Xml::new(comments);
    loop {
        let (event, _) = xml.next()?;
        match &event {
            Event::Eof => return Ok(last),
            Event::Start(tag) | Event::Empty(tag) => {
                let row = attribute(tag, "ref")?.and_then(|cell| cell_row(&cell));
                last = last.max(row);
            }
            _ => {}
        }
    }
}

/// Returns the texts that cells share, with an empty one in the place of each that is not used.
fn without_unused(texts: &str, used: &HashSet<u64>) -> Result<String, Reason> {
    let mut written = String::with_capacity(texts.len());
    let mut xml = Xml::new(texts);
    let mut index = 0;
    loop {
        let (event, raw) = xml.next()?;
        match event {
            Event::Eof => return Ok(written),
            Event::Start(tag) if local(&tag) == "si" => {
                let prefix = prefix(&tag).to_owned();
                let text = xml.node(tag)?;
                if used.contains(&index) {
                    text.write(&mut written);
                } else {
                    written.push_str(&format!("<{prefix}si><{prefix}t></{prefix}t></{prefix}si>"));
                }
                index += 1;
            }
            event => {
                index += u64::from(matches!(&event, Event::Empty(tag) if local(tag) == "si"));
                written.push_str(raw);
            }
        }
    }
}

/// Returns a document without the elements of which an attribute ends with `name`.
fn without_element_of(text: &str, name: &str) -> Result<String, Reason> {
    let mut written = String::with_capacity(text.len());
    let mut xml = Xml::new(text);
    loop {
        let (event, raw) = xml.next()?;
        let is_about =
            |tag: &BytesStart<'_>| tag.attributes().flatten().any(|attribute| attribute.value.ends_with(name));
        match event {
            Event::Eof => return Ok(written),
            Event::Empty(tag) if is_about(&tag) => {}
            Event::Start(tag) if is_about(&tag) => _ = xml.node(tag)?,
            _ => written.push_str(raw),
        }
    }
}
