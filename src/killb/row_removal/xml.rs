//! Reads and writes XML in which everything that is not changed stays as it is written.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

use super::{Reason, damaged};

/// Reader of a document that keeps its text.
pub(super) struct Xml<'x> {
    text: &'x str,
    reader: Reader<&'x [u8]>,
}

impl<'x> Xml<'x> {
    pub(super) fn new(text: &'x str) -> Self {
        Self { text, reader: Reader::from_str(text) }
    }

    /// Returns the next event and its text.
    pub(super) fn next(&mut self) -> Result<(Event<'x>, &'x str), Reason> {
        let start = self.position();
        let event = self.reader.read_event().map_err(|_| damaged())?;
        Ok((event, self.text.get(start..self.position()).unwrap_or_default()))
    }

    pub(super) fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Reads the element that begins with `tag`.
    pub(super) fn node(&mut self, tag: BytesStart<'x>) -> Result<Node<'x>, Reason> {
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
pub(super) enum Node<'x> {
    Element {
        tag: BytesStart<'x>,
        is_empty: bool,
        children: Vec<Node<'x>>,
    },
    /// As it is written.
    Text(std::borrow::Cow<'x, str>),
}

impl Node<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Element { tag, .. } => local(tag),
            Self::Text(_) => "",
        }
    }

    /// Returns the text in it, as it is written.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Element { children, .. } => children.iter().map(Self::text).collect(),
            Self::Text(text) => text.clone().into_owned(),
        }
    }

    pub(super) fn write(&self, to: &mut String) {
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

pub(super) fn local<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    tag.local_name().into_inner()
}

/// Returns the prefix of a name, with its colon.
pub(super) fn prefix<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    let name = tag.name().into_inner();
    &name[..name.len() - local(tag).len()]
}

pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Reason> {
    let Some(found) = tag.try_get_attribute(name).map_err(|_| damaged())? else { return Ok(None) };
    unescape(&found.value).map(|value| Some(value.into_owned())).map_err(|_| damaged())
}

/// Returns the tag with other values of attributes; those without a value are left out.
pub(super) fn with_attributes<'x>(
    tag: &BytesStart<'_>,
    changes: &[(&str, Option<String>)],
) -> Result<BytesStart<'x>, Reason> {
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
