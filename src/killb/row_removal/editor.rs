//! Removes rows from a part of a workbook: leaves them out, and gives those below new numbers in all that refers to them.

use std::collections::HashSet;

use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

use super::super::cell_refs::{Formulas, RowMap, cell_in_row, cell_row};
use super::xml::{Node, Xml, attribute, local, prefix, with_attributes};
use super::{Reason, damaged};

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

/// Changes the parts of a workbook.
pub(super) struct Editor<'m> {
    pub(super) formulas: &'m Formulas<'m>,
    /// Rows that are removed from the sheet.
    pub(super) rows: Option<&'m RowMap>,
}

impl Editor<'_> {
    /// Changes a document without cells.
    pub(super) fn document(&self, text: &str) -> Result<String, Reason> {
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
    pub(super) fn table(&self, text: &str) -> Result<String, Reason> {
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
    pub(super) fn sheet(&self, text: &str, used: &mut HashSet<u64>) -> Result<String, Reason> {
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
