//! Removes rows from a workbook, of which everything else stays as it is.
//!
//! Each part of the archive that does not name a row is copied as it stands, compressed as it was. In the sheets, rows are
//! left out and those below get new numbers, in all that refers to them. What cannot be changed with certainty is a
//! reason not to write the workbook.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read, Write};

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::cell_refs::{Formulas, RowMap, cell_in_row, cell_row};

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

/// Elements of a sheet that refer to rows in ways of their own.
const UNKNOWN: [&str; 6] =
    ["scenarios", "customSheetViews", "oleObjects", "controls", "cellWatches", "dataConsolidate"];

/// Elements that vanish with the rows that they are about.
const ABOUT_ROWS: [&str; 8] = [
    "mergeCell",
    "hyperlink",
    "conditionalFormatting",
    "dataValidation",
    "protectedRange",
    "ignoredError",
    "sortState",
    "sortCondition",
];

/// Elements that vanish with the last element in them.
const LISTS: [&str; 8] = [
    "mergeCells",
    "hyperlinks",
    "conditionalFormattings",
    "dataValidations",
    "protectedRanges",
    "ignoredErrors",
    "rowBreaks",
    "sparklines",
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

/// Reader of a document that keeps its text.
struct Xml<'x> {
    text: &'x str,
    reader: Reader<&'x [u8]>,
}

impl<'x> Xml<'x> {
    fn new(text: &'x str) -> Self {
        Self { text, reader: Reader::from_str(text) }
    }

    /// Returns the next event and its text.
    fn next(&mut self) -> Result<(Event<'x>, &'x str), Reason> {
        let start = self.position();
        let event = self.reader.read_event().map_err(|_| damaged())?;
        Ok((event, self.text.get(start..self.position()).unwrap_or_default()))
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Reads the element that begins with `tag`.
    fn node(&mut self, tag: BytesStart<'x>) -> Result<Node<'x>, Reason> {
        let mut children = Vec::new();
        loop {
            let (event, raw) = self.next()?;
            children.push(match event {
                Event::Start(tag) => self.node(tag)?,
                Event::Empty(tag) => Node::Element { tag, is_empty: true, children: Vec::new() },
                Event::End(_) => return Ok(Node::Element { tag, is_empty: false, children }),
                Event::Eof => return Err(damaged()),
                _ => Node::Text(raw.into()),
            });
        }
    }
}

/// Element or text of a document.
enum Node<'x> {
    Element {
        tag: BytesStart<'x>,
        is_empty: bool,
        children: Vec<Node<'x>>,
    },
    /// As it is written.
    Text(std::borrow::Cow<'x, str>),
}

impl Node<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Element { tag, .. } => local(tag),
            Self::Text(_) => "",
        }
    }

    /// Returns the text in it, as it is written.
    fn text(&self) -> String {
        match self {
            Self::Element { children, .. } => children.iter().map(Self::text).collect(),
            Self::Text(text) => text.clone().into_owned(),
        }
    }

    fn write(&self, to: &mut String) {
        match self {
            Self::Text(text) => to.push_str(text),
            Self::Element { tag, is_empty: true, .. } => to.push_str(&format!("<{}/>", &**tag)),
            Self::Element { tag, children, .. } => {
                to.push_str(&format!("<{}>", &**tag));
                children.iter().for_each(|child| child.write(to));
                to.push_str(&format!("</{}>", tag.name().into_inner()));
            }
        }
    }
}

fn local<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    tag.local_name().into_inner()
}

/// Returns the prefix of a name, with its colon.
fn prefix<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    let name = tag.name().into_inner();
    &name[..name.len() - local(tag).len()]
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Reason> {
    let Some(found) = tag.try_get_attribute(name).map_err(|_| damaged())? else { return Ok(None) };
    unescape(&found.value).map(|value| Some(value.into_owned())).map_err(|_| damaged())
}

/// Returns the tag with other values of attributes; those without a value are left out.
fn with_attributes<'x>(tag: &BytesStart<'_>, changes: &[(&str, Option<String>)]) -> Result<BytesStart<'x>, Reason> {
    let name = tag.name().into_inner();
    let mut written = name.to_owned();
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|_| damaged())?;
        let key = attribute.key.into_inner();
        match changes.iter().find(|(name, _)| *name == key) {
            Some((_, Some(value))) => written.push_str(&format!(" {key}=\"{}\"", escape(value))),
            Some((_, None)) => {}
            None => written.push_str(&format!(" {key}=\"{}\"", attribute.value.replace('"', "&quot;"))),
        }
    }
    Ok(BytesStart::from_content(written, name.len()))
}

/// Changes the parts of a workbook.
struct Editor<'m> {
    formulas: &'m Formulas<'m>,
    /// Rows that are removed from the sheet.
    rows: Option<&'m RowMap>,
}

impl Editor<'_> {
    /// Changes a document without cells.
    fn document(&self, text: &str) -> Result<String, Reason> {
        let mut written = String::with_capacity(text.len());
        let mut xml = Xml::new(text);
        loop {
            let (event, raw) = xml.next()?;
            match event {
                Event::Eof => return Ok(written),
                Event::Start(tag) => {
                    let node = xml.node(tag)?;
                    self.node(node, 0)?.into_iter().for_each(|node| node.write(&mut written));
                }
                _ => written.push_str(raw),
            }
        }
    }

    /// Changes a table.
    fn table(&self, text: &str) -> Result<String, Reason> {
        let mut xml = Xml::new(text);
        loop {
            match xml.next()?.0 {
                Event::Eof => return Err(damaged()),
                Event::Start(tag) => {
                    if attribute(&tag, "totalsRowCount")?.is_some_and(|rows| rows != "0") {
                        return Err("has a table with a row of totals".to_owned());
                    }
                    // A table has a row below its header.
                    let first = attribute(&tag, "ref")?.and_then(|list| self.rows?.list(&list));
                    let (from, to) = first.as_deref().and_then(|list| list.split_once(':')).ok_or_else(damaged)?;
                    if cell_row(from) >= cell_row(to) {
                        return Err("has a table of which no row is left".to_owned());
                    }
                    return self.document(text);
                }
                _ => {}
            }
        }
    }

    /// Changes a sheet. The numbers of the shared texts that are left in it are added to `used`.
    fn sheet(&self, text: &str, used: &mut HashSet<u64>) -> Result<String, Reason> {
        let mut written = String::with_capacity(text.len());
        let mut xml = Xml::new(text);
        let mut is_inside = false;
        loop {
            let (event, raw) = xml.next()?;
            match event {
                Event::Eof => return Ok(written),
                Event::Start(tag) if is_inside && local(&tag) == "sheetData" => {
                    written.push_str(raw);
                    self.cells(&mut xml, used, &mut written)?;
                }
                Event::Start(tag) if is_inside => {
                    let node = xml.node(tag)?;
                    self.node(node, 0)?.into_iter().for_each(|node| node.write(&mut written));
                }
                Event::Empty(tag) => {
                    let node = Node::Element { tag, is_empty: true, children: Vec::new() };
                    self.node(node, 0)?.into_iter().for_each(|node| node.write(&mut written));
                }
                event => {
                    is_inside |= matches!(event, Event::Start(_));
                    written.push_str(raw);
                }
            }
        }
    }

    /// Copies the cells of a sheet to the end of its data.
    fn cells(&self, xml: &mut Xml<'_>, used: &mut HashSet<u64>, written: &mut String) -> Result<(), Reason> {
        let (mut row, mut is_kept) = (0, true);
        loop {
            let (event, raw) = xml.next()?;
            match event {
                Event::Start(tag) | Event::Empty(tag) if local(&tag) == "row" => {
                    row = match attribute(&tag, "r")? {
                        Some(number) => number.parse().map_err(|_| damaged())?,
                        None => row + 1,
                    };
                    let number = self.row(row);
                    is_kept = number.is_some();
                    if let Some(number) = number {
                        let end = if raw.ends_with("/>") { "/>" } else { ">" };
                        let tag = with_attributes(&tag, &[("r", Some(number.to_string()))])?;
                        written.push_str(&format!("<{}{end}", &*tag));
                    }
                }
                Event::Start(tag) if local(&tag) == "c" => {
                    let cell = xml.node(tag)?;
                    if is_kept {
                        self.cell(cell, row, used)?.write(written);
                    }
                }
                Event::Empty(tag) if is_kept && local(&tag) == "c" => {
                    let cell = Node::Element { tag, is_empty: true, children: Vec::new() };
                    self.cell(cell, row, used)?.write(written);
                }
                Event::End(tag) => {
                    let name = tag.local_name().into_inner();
                    if is_kept || name != "row" {
                        written.push_str(raw);
                    }
                    if name == "sheetData" {
                        return Ok(());
                    }
                    is_kept |= name == "row";
                }
                Event::Eof => return Err(damaged()),
                _ if is_kept => written.push_str(raw),
                _ => {}
            }
        }
    }

    fn row(&self, row: u32) -> Option<u32> {
        self.rows.map_or(Some(row), |rows| rows.row(row))
    }

    /// Returns a cell of `row` in its new row. A formula becomes its value.
    fn cell<'x>(&self, cell: Node<'x>, row: u32, used: &mut HashSet<u64>) -> Result<Node<'x>, Reason> {
        let Node::Element { tag, children, .. } = cell else { return Err(damaged()) };
        let mut changes = Vec::new();
        if let Some(place) = attribute(&tag, "r")? {
            if cell_row(&place) != Some(row) {
                return Err(damaged());
            }
            changes.push(("r", Some(cell_in_row(&place, self.row(row).ok_or_else(damaged)?))));
        }
        let kind = attribute(&tag, "t")?;
        let is_formula = children.iter().any(|child| child.name() == "f");
        let mut children: Vec<_> = children.into_iter().filter(|child| child.name() != "f").collect();
        if is_formula {
            // Of a formula whose result fills several cells.
            changes.push(("cm", None));
            children.retain(|child| child.name() != "v" || !child.text().is_empty());
        }
        match (kind.as_deref(), children.iter().find(|child| child.name() == "v").map(Node::text)) {
            (Some("s"), Some(number)) => {
                used.insert(number.trim().parse().map_err(|_| damaged())?);
            }
            // The text of a formula.
            (Some("str"), Some(text)) => {
                changes.push(("t", Some("inlineStr".to_owned())));
                let prefix = prefix(&tag);
                let inline = format!("<{prefix}is><{prefix}t xml:space=\"preserve\">{text}</{prefix}t></{prefix}is>");
                children = vec![Node::Text(inline.into())];
            }
            (Some(_), None) if is_formula => changes.push(("t", None)),
            _ => {}
        }
        let is_empty = children.is_empty();
        Ok(Node::Element { tag: with_attributes(&tag, &changes)?, is_empty, children })
    }

    /// Changes an element that may refer to rows; `None` where it is about removed ones. Relative references in it
    /// move by `shift`.
    fn node<'x>(&self, node: Node<'x>, shift: i64) -> Result<Option<Node<'x>>, Reason> {
        let Node::Element { tag, is_empty, children } = node else { return Ok(Some(node)) };
        let name = local(&tag).to_owned();
        let Some(rows) = self.rows else { return self.formula_or_children(tag, is_empty, children, 0).map(Some) };
        if UNKNOWN.contains(&name.as_str()) {
            return Err(format!("has {name} in a sheet"));
        }
        let mut changes = Vec::new();
        for key in ["sqref", "ref"] {
            let Some(list) = attribute(&tag, key)? else { continue };
            match rows.list(&list) {
                // One cell is not merged.
                Some(list) if name == "mergeCell" && is_one_cell(&list) => return Ok(None),
                Some(list) => changes.push((key, Some(list))),
                None if ABOUT_ROWS.contains(&name.as_str()) || name == "dimension" => return Ok(None),
                None if name == "selection" => changes.push((key, Some("A1".to_owned()))),
                None => return Err(format!("has {name} of removed rows")),
            }
        }
        if name == "selection" && changes.iter().any(|(_, list)| list.as_deref() == Some("A1")) {
            changes.push(("activeCell", Some("A1".to_owned())));
        } else {
            for key in ["activeCell", "topLeftCell"] {
                let Some(cell) = attribute(&tag, key)? else { continue };
                let row = cell_row(&cell).ok_or_else(damaged)?;
                changes.push((key, Some(cell_in_row(&cell, rows.start(row)))));
            }
        }
        if name == "brk"
            && let Some(row) = attribute(&tag, "id")?.and_then(|row| row.parse().ok())
        {
            match rows.row(row) {
                Some(row) => changes.push(("id", Some(row.to_string()))),
                None => return Ok(None),
            }
        }
        // Of what the formulas in it are about.
        let areas = match attribute(&tag, "sqref")? {
            Some(list) => Some(list),
            None => children.iter().find(|child| child.name() == "sqref").map(Node::text),
        };
        let shift = areas.map_or(shift, |areas| rows.shift(&areas));
        if name == "sqref" {
            let list = rows.list(&children.iter().map(Node::text).collect::<String>());
            return Ok(list.map(|list| {
                let children = vec![Node::Text(list.into())];
                Node::Element { tag, is_empty: false, children }
            }));
        }
        if name == "cfvo"
            && attribute(&tag, "type")?.as_deref() == Some("formula")
            && let Some(formula) = attribute(&tag, "val")?
        {
            changes.push(("val", Some(self.formula(&formula, shift)?)));
        }
        let had_areas = children.iter().any(|child| child.name() == "sqref");
        let is_list = LISTS.contains(&name.as_str());
        let tag = with_attributes(&tag, &changes)?;
        let Node::Element { tag, is_empty, children } = self.formula_or_children(tag, is_empty, children, shift)?
        else {
            return Err(damaged());
        };
        // An extension names its cells in an element: without them it is gone.
        if had_areas && !children.iter().any(|child| child.name() == "sqref") {
            return Ok(None);
        }
        let elements = children.iter().filter(|child| !child.name().is_empty()).count();
        if is_list && !is_empty && elements == 0 {
            return Ok(None);
        }
        let counted = match attribute(&tag, "count")? {
            Some(_) if is_list => with_attributes(&tag, &[("count", Some(elements.to_string()))])?,
            _ => tag,
        };
        Ok(Some(Node::Element { tag: counted, is_empty, children }))
    }

    /// Changes the formula that an element is, or the elements in it.
    fn formula_or_children<'x>(
        &self,
        tag: BytesStart<'x>,
        is_empty: bool,
        children: Vec<Node<'x>>,
        shift: i64,
    ) -> Result<Node<'x>, Reason> {
        let name = local(&tag);
        if ["formula", "formula1", "formula2", "f", "definedName"].contains(&name)
            && children.iter().all(|child| matches!(child, Node::Text(_)))
        {
            let text: String = children.iter().map(Node::text).collect();
            let formula = unescape(&text).map_err(|_| damaged())?;
            let changed = self.formula(&formula, shift)?;
            let text = if changed == formula { text } else { escape(&changed).into_owned() };
            return Ok(Node::Element { tag, is_empty, children: vec![Node::Text(text.into())] });
        }
        let mut changed = Vec::with_capacity(children.len());
        for child in children {
            changed.extend(self.node(child, shift)?);
        }
        Ok(Node::Element { tag, is_empty, children: changed })
    }

    fn formula(&self, formula: &str, shift: i64) -> Result<String, Reason> {
        let unknown = || "has a rule or a name whose formula refers to rows in an unusual way".to_owned();
        self.formulas.map(formula, shift).ok_or_else(unknown)
    }
}

fn is_one_cell(area: &str) -> bool {
    area.split_once(':').is_none_or(|(first, last)| first == last)
}
