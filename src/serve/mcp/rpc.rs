//! JSON-RPC 2.0 as the Model Context Protocol has it over standard input and output: one message a line.
//!
//! Own code, because it is little: what is spoken here is five methods, a line each, over `serde_json`. The official
//! crate (`rmcp`) would bring derive macros, a schema generator and an asynchronous service layer into every build for
//! that.

use std::io::{self, BufRead, Read};

use serde_json::{Map, Value, json};

/// A line that is longer is no message.
pub(super) const LINE_MAX_BYTES: u64 = 1 << 20;

/// Codes of errors, by JSON-RPC.
pub(super) const PARSE_ERROR: i64 = -32_700;
pub(super) const INVALID_REQUEST: i64 = -32_600;
pub(super) const METHOD_NOT_FOUND: i64 = -32_601;
pub(super) const INVALID_PARAMS: i64 = -32_602;
/// Of the server itself: it has too much to do.
pub(super) const BUSY: i64 = -32_000;

/// What a message is.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// It wants an answer.
    Request(Request),
    /// It wants none.
    Notification {
        /// What it is about.
        method: String,
        /// What it says.
        params: Map<String, Value>,
    },
    /// An answer to what was never asked.
    Response,
    /// Nothing of these; the answer to it.
    Wrong(Value),
}

/// A message that wants an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// Text or number, to be repeated in the answer.
    pub id: Value,
    /// What is to be done.
    pub method: String,
    /// With what.
    pub params: Map<String, Value>,
}

/// What went wrong with a request.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub code: i64,
    pub message: String,
}

impl Fault {
    pub fn new(code: i64, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into() }
    }
}

/// The answer to a request.
pub(super) fn answer(id: &Value, outcome: Result<Value, Fault>) -> Value {
    match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(fault) => refusal(id, fault.code, &fault.message),
    }
}

fn refusal(id: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// What a line says; several messages are a batch.
pub(super) enum Line {
    One(Message),
    Batch(Vec<Message>),
}

/// Reads a line.
pub(super) fn line(bytes: &[u8]) -> Line {
    match serde_json::from_slice(bytes) {
        Ok(Value::Array(messages)) if messages.is_empty() => {
            Line::One(Message::Wrong(refusal(&Value::Null, INVALID_REQUEST, "an empty batch")))
        }
        Ok(Value::Array(messages)) => Line::Batch(messages.into_iter().map(message).collect()),
        Ok(value) => Line::One(message(value)),
        Err(error) => Line::One(Message::Wrong(refusal(&Value::Null, PARSE_ERROR, &format!("no JSON: {error}")))),
    }
}

fn message(value: Value) -> Message {
    let wrong = |id: Option<&Value>, why: &str| {
        let id = id.filter(|id| is_id(id)).unwrap_or(&Value::Null);
        Message::Wrong(refusal(id, INVALID_REQUEST, why))
    };
    let Value::Object(mut fields) = value else { return wrong(None, "a message is an object") };
    let id = fields.remove("id");
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return wrong(id.as_ref(), "a message has \"jsonrpc\": \"2.0\"");
    }
    let Some(method) = fields.get("method") else {
        let is_response = fields.contains_key("result") || fields.contains_key("error");
        return if is_response { Message::Response } else { wrong(id.as_ref(), "a message has a method") };
    };
    let Some(method) = method.as_str().map(str::to_owned) else { return wrong(id.as_ref(), "a method is a text") };
    let params = match fields.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return wrong(id.as_ref(), "params are an object"),
    };
    match id {
        None => Message::Notification { method, params },
        Some(id) if is_id(&id) => Message::Request(Request { id, method, params }),
        Some(_) => wrong(None, "an id is a text or a whole number"),
    }
}

fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}

/// The next line without its end; `None` at the end of the input. Of one that is too long nothing is kept.
pub(super) fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut is_too_long = false;
    loop {
        let read = Read::take(&mut *input, LINE_MAX_BYTES + 1).read_until(b'\n', &mut bytes)?;
        let is_whole = bytes.last() == Some(&b'\n');
        if read == 0 && bytes.is_empty() && !is_too_long {
            return Ok(None);
        }
        if is_whole || read == 0 {
            break;
        }
        if bytes.len() as u64 > LINE_MAX_BYTES {
            is_too_long = true;
            bytes.clear();
        }
    }
    // What is too long is no JSON.
    Ok(Some(if is_too_long { b"too long".to_vec() } else { bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Message {
        match line(text.as_bytes()) {
            Line::One(message) => message,
            Line::Batch(_) => panic!("a batch: {text}"),
        }
    }

    #[test]
    fn messages_are_told_apart() {
        assert!(matches!(one(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), Message::Request(_)));
        assert!(matches!(one(r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}"#), Message::Request(_)));
        assert!(matches!(one(r#"{"jsonrpc":"2.0","method":"x"}"#), Message::Notification { .. }));
        assert_eq!(one(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#), Message::Response);
        for (text, code, id) in [
            ("{", PARSE_ERROR, Value::Null),
            ("[]", INVALID_REQUEST, Value::Null),
            ("1", INVALID_REQUEST, Value::Null),
            (r#"{"id":1,"method":"ping"}"#, INVALID_REQUEST, json!(1)),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST, Value::Null),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST, Value::Null),
            (r#"{"jsonrpc":"2.0","id":2,"method":3}"#, INVALID_REQUEST, json!(2)),
            (r#"{"jsonrpc":"2.0","id":2,"method":"ping","params":[1]}"#, INVALID_REQUEST, json!(2)),
        ] {
            let Message::Wrong(answer) = one(text) else { panic!("{text}") };
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{text}");
        }
    }

    #[test]
    fn lines_are_bounded() {
        let long = "x".repeat(3 * LINE_MAX_BYTES as usize);
        let text = format!("a\n\n{long}\nb");
        let mut input = text.as_bytes();
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).unwrap() {
            lines.push(String::from_utf8(line).unwrap().trim_end().to_owned());
        }
        assert_eq!(lines, ["a", "", "too long", "b"]);
    }
}
