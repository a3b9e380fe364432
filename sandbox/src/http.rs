//! Reading requests and writing answers, the same for every provider.

use axum::body::{Body, Bytes};
use axum::extract::Multipart;
use axum::extract::multipart::MultipartRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::{Map, Value};

/// The part that holds the uploaded file, with all four providers.
const FILE_PART: &str = "file";

/// A body beyond its limit is still read, up to this many times the limit, so that the client gets to see the answer.
const DISCARD: usize = 4;

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The whole body, or nothing if it is larger than `limit` or breaks off.
pub(crate) async fn read_body(mut body: Body, limit: usize) -> Option<Bytes> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let data = frame.ok()?.into_data().unwrap_or_default();
        seen = seen.saturating_add(data.len());
        if seen > limit.saturating_mul(DISCARD) {
            return None;
        }
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
    }
    (seen <= limit).then(|| Bytes::from(kept))
}

/// A JSON object, or what is wrong with the body.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("The request body must be a JSON object".to_owned()),
        Err(_) => Err("The request body is not valid JSON".to_owned()),
    }
}

/// A string that is not empty.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let value = object.get(key)?.as_str()?;
    (!value.is_empty()).then_some(value)
}

/// The bytes of the part `file`, or what is wrong with the upload.
pub(crate) async fn file(multipart: Result<Multipart, MultipartRejection>) -> Result<Bytes, String> {
    let mut multipart = multipart.map_err(|_| "The request must be multipart/form-data".to_owned())?;
    loop {
        match multipart.next_field().await {
            Ok(Some(field)) if field.name() == Some(FILE_PART) => {
                let bytes = field.bytes().await;
                return bytes.map_err(|_| "The multipart body is malformed".to_owned());
            }
            Ok(Some(_)) => {}
            Ok(None) => return Err("The part 'file' is missing".to_owned()),
            Err(_) => return Err("The multipart body is malformed".to_owned()),
        }
    }
}

/// The places of the `required` columns in a CSV file, and its records; or what is wrong with the file.
pub(crate) fn csv_file<'a>(
    bytes: &'a [u8],
    required: &[&'static str],
) -> Result<(Vec<usize>, csv::StringRecordsIntoIter<&'a [u8]>), CsvFault> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(CsvFault::new("The file is not valid UTF-8", "file"));
    }
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header = reader.headers().map_err(|_| CsvFault::new("The file has no header row", "file"))?;
    let places = required
        .iter()
        .map(|name| {
            let place = header.iter().position(|column| column == *name);
            place.ok_or_else(|| CsvFault::new(format!("Missing required column: {name}"), name))
        })
        .collect::<Result<_, _>>()?;
    Ok((places, reader.into_records()))
}

/// What is wrong with a CSV file, and which column or part it concerns.
pub(crate) struct CsvFault {
    pub(crate) message: String,
    pub(crate) subject: &'static str,
}

impl CsvFault {
    pub(crate) fn new(message: impl Into<String>, subject: &'static str) -> Self {
        Self { message: message.into(), subject }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_not_kept() {
        assert!(read_body(Body::from("1234"), 4).await.is_some());
        assert!(read_body(Body::from("12345"), 4).await.is_none());
        assert!(read_body(Body::from(vec![0; 100]), 4).await.is_none());
    }

    #[test]
    fn a_csv_file_names_the_column_it_lacks() {
        let fault = csv_file(b"a,c\n1,2\n", &["a", "b"]).err().unwrap();
        assert_eq!((fault.message.as_str(), fault.subject), ("Missing required column: b", "b"));
        let (places, records) = csv_file(b"b,x,a\n1,2,3\n", &["a", "b"]).ok().unwrap();
        assert_eq!((places, records.count()), (vec![2, 0], 1));
        assert!(csv_file(b"a,b\n\xff,1\n", &["a", "b"]).is_err());
    }
}
