/// Rules that a spec is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Rules {
    /// OpenAPI 3.0, as far as it becomes Rust: each mistake is reported that would fail the build
    /// or change a value.
    ///
    /// Objects and enums may be written inline. Only component schemas are opened for what a
    /// provider adds: a closed enum that is inline in a response does not decode a new value.
    #[default]
    OpenApi,
    /// The rules of bulkrail's own specs (`specs/README.md` of its repository), which include those
    /// of [`OpenApi`](Self::OpenApi): evidence for every statement, names, descriptions, no inline
    /// objects and enums.
    Bulkrail,
}
