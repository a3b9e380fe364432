//! Request parsing and response building shared by all providers.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::multipart::MultipartRejection;
use axum::extract::{FromRequestParts, Multipart, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::{Map, Value};

/// Name of the multipart part with the uploaded file; the same for every provider with uploads.
const FILE_PART: &str = "file";

/// Multiple of the body limit up to which an oversized body is read and discarded.
///
/// A client that is still sending could otherwise get a connection reset instead of the response.
const MAX_DISCARD_FACTOR: usize = 4;

/// Returns a response with a JSON body.
pub(crate) fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Reads a whole body; returns `None` if it is larger than `limit` or the connection breaks.
pub(crate) async fn read_body(mut body: Body, limit: usize) -> Option<Bytes> {
    let mut buffer = Vec::new();
    let mut received = 0_usize;
    while let Some(frame) = body.frame().await {
        let data = frame.ok()?.into_data().unwrap_or_default();
        received = received.saturating_add(data.len());
        if received > limit.saturating_mul(MAX_DISCARD_FACTOR) {
            return None;
        }
        if received <= limit {
            buffer.extend_from_slice(&data);
        } else {
            buffer = Vec::new();
        }
    }
    (received <= limit).then(|| Bytes::from(buffer))
}

/// Parses a body as a JSON object; the error is a message for the client.
pub(crate) fn parse_object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err("The content type must be application/json".to_owned());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("The request body must be a JSON object".to_owned()),
        Err(_) => Err("The request body is not valid JSON".to_owned()),
    }
}

/// Id in the path of a request; `None` if the path is not UTF-8 after decoding, so that nothing has
/// the id.
pub(crate) struct PathId(Option<String>);

impl PathId {
    /// Returns the id, or an empty text that no object has as its id.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.ok().map(|Path(id)| id)))
    }
}

/// Returns a string member of an object, or `None` if it is missing, empty or not a string.
pub(crate) fn non_empty_str<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let value = object.get(key)?.as_str()?;
    (!value.is_empty()).then_some(value)
}

/// Reads the multipart part `file`; the error is a message for the client.
pub(crate) async fn read_file_part(multipart: Result<Multipart, MultipartRejection>) -> Result<Bytes, String> {
    let mut multipart = multipart.map_err(|_| "The request must be multipart/form-data".to_owned())?;
    let malformed = |_| "The multipart body is malformed".to_owned();
    let mut file = None;
    while let Some(part) = multipart.next_field().await.map_err(malformed)? {
        let is_file = part.name() == Some(FILE_PART);
        // Other parts are read, too: the body may be malformed behind the file.
        let bytes = part.bytes().await.map_err(malformed)?;
        if is_file && file.replace(bytes).is_some() {
            return Err("There must be only one part 'file'".to_owned());
        }
    }
    file.ok_or_else(|| "The part 'file' is missing".to_owned())
}

/// Parses a CSV file; returns the indexes of the `required` columns, and the records.
pub(crate) fn parse_csv<'a>(
    bytes: &'a [u8],
    required: &[&'static str],
) -> Result<(Vec<usize>, csv::StringRecordsIntoIter<&'a [u8]>), CsvError> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(CsvError::new("The file is not valid UTF-8", "file"));
    }
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header = reader.headers().map_err(|_| CsvError::new("The file has no header row", "file"))?;
    let indexes = required
        .iter()
        .map(|name| {
            let index = header.iter().position(|column| column == *name);
            index.ok_or_else(|| CsvError::new(format!("Missing required column: {name}"), name))
        })
        .collect::<Result<_, _>>()?;
    Ok((indexes, reader.into_records()))
}

/// Error of an uploaded CSV file.
pub(crate) struct CsvError {
    /// Message for the client.
    pub(crate) message: String,
    /// Name of the column or multipart part at fault.
    pub(crate) parameter: &'static str,
}

impl CsvError {
    pub(crate) fn new(message: impl Into<String>, parameter: &'static str) -> Self {
        Self { message: message.into(), parameter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn read_body_returns_none_for_body_over_limit() {
        assert!(read_body(Body::from("1234"), 4).await.is_some());
        assert!(read_body(Body::from("12345"), 4).await.is_none());
        assert!(read_body(Body::from(vec![0; 100]), 4).await.is_none());
    }

    #[test]
    fn parse_csv_names_missing_column() {
        let error = parse_csv(b"a,c\n1,2\n", &["a", "b"]).err().unwrap();
        assert_eq!((error.message.as_str(), error.parameter), ("Missing required column: b", "b"));
        let (indexes, records) = parse_csv(b"b,x,a\n1,2,3\n", &["a", "b"]).ok().unwrap();
        assert_eq!((indexes, records.count()), (vec![2, 0], 1));
        assert!(parse_csv(b"a,b\n\xff,1\n", &["a", "b"]).is_err());
    }
}
