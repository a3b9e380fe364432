//! Quotation marks of a file.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Follows the quotation marks of a file while it is read, and notes the first one that RFC 4180 does not allow.
pub(super) struct QuoteCheck<'f> {
    pub(super) file: &'f mut dyn Read,
    pub(super) position: Position,
    /// Row and column of it.
    pub(super) misplaced: Rc<Cell<Option<(u64, u64)>>>,
}

/// Position in a CSV file.
pub(super) struct Position {
    pub(super) state: QuoteState,
    row: u64,
    column: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self { state: QuoteState::CellStart, row: 1, column: 1 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteState {
    CellStart,
    Unquoted,
    Quoted,
    /// Behind a quotation mark in a quoted cell: the end of the cell, or the first half of a doubled mark.
    QuotedEnd,
}

impl Read for QuoteCheck<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use QuoteState::{CellStart, Quoted, QuotedEnd, Unquoted};
        let read = self.file.read(buffer)?;
        let Position { state, row, column } = &mut self.position;
        for byte in &buffer[..read] {
            *state = match (*state, byte) {
                (CellStart | QuotedEnd, b'"') => Quoted,
                (Quoted, b'"') => QuotedEnd,
                (Quoted, _) => Quoted,
                (_, b',') => {
                    *column += 1;
                    CellStart
                }
                (_, b'\n' | b'\r') => {
                    // An empty line is not a row.
                    let is_empty = *state == CellStart && *column == 1;
                    (*row, *column) = (*row + u64::from(!is_empty), 1);
                    CellStart
                }
                (QuotedEnd, _) | (Unquoted, b'"') => {
                    if self.misplaced.get().is_none() {
                        self.misplaced.set(Some((*row, *column)));
                    }
                    Unquoted
                }
                (CellStart | Unquoted, _) => Unquoted,
            };
        }
        Ok(read)
    }
}
