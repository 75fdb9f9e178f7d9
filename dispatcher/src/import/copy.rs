//! Rows in the text form of COPY.

use serde_json::{Map, Value};

/// Appends one row for `dialer.import_row`; fields come as text, `None` for null.
pub fn append_row(
    buffer: &mut Vec<u8>,
    import_id: i64,
    line: u64,
    fields: &[Option<&str>],
    attributes: Map<String, Value>,
) {
    buffer.extend_from_slice(format!("{import_id}\t{line}").as_bytes());
    for field in fields {
        buffer.push(b'\t');
        match field.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => append_escaped(buffer, text),
            None => buffer.extend_from_slice(b"\\N"),
        }
    }
    buffer.push(b'\t');
    append_escaped(buffer, &Value::Object(attributes).to_string());
    buffer.push(b'\n');
}

fn append_escaped(buffer: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            b'\t' => buffer.extend_from_slice(b"\\t"),
            b'\n' => buffer.extend_from_slice(b"\\n"),
            b'\r' => buffer.extend_from_slice(b"\\r"),
            byte => buffer.push(byte),
        }
    }
}

#[cfg(test)]
mod tests;
