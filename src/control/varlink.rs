//! The varlink form: JSON objects, each ended by a NUL byte. Framing, decoding, encoding; no I/O.
//!
//! May not know what the methods mean beyond their names and types in `wire`.

use super::wire::{Call, METHODS};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The envelope of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct CallEnvelope {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    oneway: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    upgrade: bool,
}

/// The envelope of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct AnswerEnvelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
}

/// A call that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// What is asked.
    pub call: Call,
    /// The client takes several answers.
    pub more: bool,
    /// The client wants no answer.
    pub oneway: bool,
}

/// A call that was not understood, as a varlink error.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Full name of the error.
    pub error: &'static str,
    /// Its parameters.
    pub parameters: Value,
    /// Nothing after it can be trusted: close the connection.
    pub fatal: bool,
    /// The client wants no answer.
    pub oneway: bool,
}

/// An answer, at the client.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It worked.
    Reply {
        /// Its parameters.
        parameters: Value,
        /// More answers follow.
        continues: bool,
    },
    /// It did not.
    Error {
        /// Full name of the error.
        error: String,
        /// Its parameters.
        parameters: Value,
    },
}

/// Error names of `org.varlink.service` and of ours.
pub mod errors {
    /// No such interface.
    pub const INTERFACE_NOT_FOUND: &str = "org.varlink.service.InterfaceNotFound";
    /// No such method.
    pub const METHOD_NOT_FOUND: &str = "org.varlink.service.MethodNotFound";
    /// A parameter is missing or of the wrong type.
    pub const INVALID_PARAMETER: &str = "org.varlink.service.InvalidParameter";
    /// The caller may not.
    pub const PERMISSION_DENIED: &str = "org.varlink.service.PermissionDenied";
    /// The bytes are no varlink message, too many, or too slow.
    pub const BAD_MESSAGE: &str = "org.porterd.BadMessage";
    /// Too many clients.
    pub const BUSY: &str = "org.porterd.Busy";
    /// The daemon could not do it; `detail` says why.
    pub const FAILED: &str = "org.porterd.Failed";
}

fn detail(name: &str, text: impl Into<String>) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), Value::String(text.into()))]))
}

impl Refusal {
    fn new(error: &'static str, name: &str, text: impl Into<String>) -> Refusal {
        Refusal { error, parameters: detail(name, text), fatal: false, oneway: false }
    }

    /// The bytes make no sense; the connection is to be closed after this.
    pub fn bad_message(why: impl Into<String>) -> Refusal {
        Refusal { fatal: true, ..Refusal::new(errors::BAD_MESSAGE, "detail", why) }
    }

    /// The caller may not do this.
    pub fn permission_denied(why: impl Into<String>) -> Refusal {
        Refusal::new(errors::PERMISSION_DENIED, "detail", why)
    }

    /// Too many clients.
    pub fn busy(why: impl Into<String>) -> Refusal {
        Refusal { fatal: true, ..Refusal::new(errors::BUSY, "detail", why) }
    }

    /// No such interface.
    pub fn no_interface(name: &str) -> Refusal {
        Refusal::new(errors::INTERFACE_NOT_FOUND, "interface", name)
    }

    /// The encoded answer, with its NUL.
    pub fn encode(&self) -> Vec<u8> {
        encode_error(self.error, &self.parameters)
    }
}

/// Decodes one call (without its NUL).
pub fn decode_call(bytes: &[u8]) -> Result<Incoming, Refusal> {
    // serde would take an array for a struct as well.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::bad_message("the message is not a JSON object"));
    }
    let envelope: CallEnvelope = serde_json::from_slice(bytes)
        .map_err(|e| Refusal::bad_message(format!("the message is not a varlink call: {e}")))?;
    let CallEnvelope { method, parameters, more, oneway, upgrade: _ } = envelope;
    if !METHODS.contains(&method.as_str()) {
        return Err(Refusal { oneway, ..unknown_method(&method) });
    }
    let parameters = parameters.filter(|p| !p.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
    let tagged = Map::from_iter([("method".to_owned(), Value::String(method)), ("parameters".to_owned(), parameters)]);
    match serde_json::from_value::<Call>(Value::Object(tagged)) {
        Ok(call) => Ok(Incoming { call, more, oneway }),
        Err(e) => Err(Refusal { oneway, ..Refusal::new(errors::INVALID_PARAMETER, "parameter", e.to_string()) }),
    }
}

fn unknown_method(method: &str) -> Refusal {
    let interface = method.rsplit_once('.').map_or("", |(i, _)| i);
    if METHODS.iter().any(|m| m.rsplit_once('.').is_some_and(|(i, _)| i == interface)) {
        Refusal::new(errors::METHOD_NOT_FOUND, "method", method)
    } else {
        Refusal::no_interface(interface)
    }
}

/// Encodes a call, with its NUL.
pub fn encode_call(call: &Call) -> Vec<u8> {
    encode(call)
}

/// Encodes an answer, with its NUL.
pub fn encode_reply(parameters: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Borrowed<'a, T> {
        parameters: &'a T,
    }
    encode(&Borrowed { parameters })
}

/// Encodes an error, with its NUL.
pub fn encode_error(error: &str, parameters: &Value) -> Vec<u8> {
    encode(&AnswerEnvelope { error: Some(error.to_owned()), parameters: Some(parameters.clone()), continues: false })
}

/// JSON plus NUL. serde_json escapes NUL inside strings, so the terminator is unambiguous.
fn encode(message: &impl Serialize) -> Vec<u8> {
    // Fails for maps with keys that are no strings and for failing writers; neither occurs here.
    let mut bytes = serde_json::to_vec(message).unwrap_or_else(|_| b"{\"error\":\"org.porterd.Failed\"}".to_vec());
    bytes.push(0);
    bytes
}

/// Decodes one answer (without its NUL).
pub fn decode_answer(bytes: &[u8]) -> Result<Answer, serde_json::Error> {
    let AnswerEnvelope { error, parameters, continues } = serde_json::from_slice(bytes)?;
    let parameters = parameters.filter(|p| !p.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
    Ok(match error {
        Some(error) => Answer::Error { error, parameters },
        None => Answer::Reply { parameters, continues },
    })
}

/// Cuts a stream of bytes into messages. Holds at most one message of the permitted length and
/// what came in one piece with it.
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Bytes at the start that were taken already; removed when they outweigh the rest, so that
    /// many small messages cost no more than one big one.
    taken: usize,
    /// Bytes at the start that are taken or hold no NUL.
    scanned: usize,
    limit: usize,
}

/// A message is longer than permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// What is permitted, in bytes.
    pub limit: usize,
}

impl Frames {
    /// For messages of at most `limit` bytes without the NUL.
    pub fn new(limit: usize) -> Frames {
        Frames { buffer: Vec::new(), taken: 0, scanned: 0, limit }
    }

    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next whole message, without its NUL. After `TooLong` nothing more comes.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let nul = self.buffer[self.scanned..].iter().position(|b| *b == 0).map(|i| i + self.scanned);
        let end = nul.unwrap_or(self.buffer.len());
        if end - self.taken > self.limit {
            *self = Frames::new(self.limit);
            return Err(TooLong { limit: self.limit });
        }
        self.scanned = end;
        let message = nul.map(|end| {
            let message = self.buffer[self.taken..end].to_vec();
            self.taken = end + 1;
            self.scanned = end + 1;
            message
        });
        if self.taken == self.buffer.len() {
            *self = Frames::new(self.limit);
        } else if self.taken > self.buffer.len() / 2 {
            self.buffer.drain(..self.taken);
            self.scanned -= self.taken;
            self.taken = 0;
        }
        Ok(message)
    }

    /// Whether a whole message waits.
    pub fn has_message(&self) -> bool {
        self.buffer[self.scanned..].contains(&0)
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{self, Nothing, Outcome};
    use super::*;

    fn error_of(text: &str) -> (&'static str, bool) {
        let refusal = decode_call(text.as_bytes()).unwrap_err();
        (refusal.error, refusal.fatal)
    }

    #[test]
    fn calls_round_trip() {
        let calls = [
            Call::Ping(Nothing {}),
            Call::Job(wire::Job {
                verb: wire::Verb::TryRestart,
                units: vec!["a.socket".into()],
                wait: wire::Wait::Ended,
            }),
            Call::Kill(wire::Kill { units: vec![], whom: wire::Whom::Main, signal: 15 }),
            Call::LogLevel(wire::LogLevel { level: Some("debug".into()) }),
        ];
        for call in calls {
            let mut bytes = encode_call(&call);
            assert_eq!(bytes.pop(), Some(0));
            assert_eq!(decode_call(&bytes).unwrap().call, call);
        }
    }

    #[test]
    fn unknown_fields_are_ignored_and_missing_ones_have_defaults() {
        let text = br#"{"method":"org.porterd.Show","parameters":{"units":["a"],"new":1},"later":{}}"#;
        let expected = Call::Show(wire::Show { units: vec!["a".into()], properties: vec![] });
        assert_eq!(decode_call(text).unwrap().call, expected);
        assert_eq!(decode_call(br#"{"method":"org.porterd.Ping"}"#).unwrap().call, Call::Ping(Nothing {}));
        assert!(decode_call(br#"{"method":"org.porterd.List","parameters":null,"oneway":true}"#).unwrap().oneway);
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        assert_eq!(error_of("{"), (errors::BAD_MESSAGE, true));
        assert_eq!(error_of("[]"), (errors::BAD_MESSAGE, true));
        assert_eq!(error_of("{}"), (errors::INTERFACE_NOT_FOUND, false));
        assert_eq!(error_of(r#"{"method":"org.porterd.Fly"}"#), (errors::METHOD_NOT_FOUND, false));
        assert_eq!(error_of(r#"{"method":"org.example.Fly"}"#), (errors::INTERFACE_NOT_FOUND, false));
        assert_eq!(error_of(r#"{"method":"org.porterd.Job"}"#), (errors::INVALID_PARAMETER, false));
        assert_eq!(
            error_of(r#"{"method":"org.porterd.Job","parameters":{"verb":"fly","units":[]}}"#),
            (errors::INVALID_PARAMETER, false)
        );
        let deep = format!(r#"{{"method":"org.porterd.Ping","parameters":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(error_of(&deep), (errors::BAD_MESSAGE, true));
    }

    #[test]
    fn answers_round_trip() {
        let mut bytes = encode_reply(&Outcome { failures: vec![], hints: vec!["a\0b".into()] });
        assert_eq!(bytes.iter().filter(|b| **b == 0).count(), 1);
        bytes.pop();
        let Answer::Reply { parameters, continues: false } = decode_answer(&bytes).unwrap() else { panic!() };
        assert_eq!(serde_json::from_value::<Outcome>(parameters).unwrap().hints, ["a\0b"]);
        let mut bytes = Refusal::permission_denied("no").encode();
        bytes.pop();
        let Answer::Error { error, parameters } = decode_answer(&bytes).unwrap() else { panic!() };
        assert_eq!((error.as_str(), parameters["detail"].as_str()), (errors::PERMISSION_DENIED, Some("no")));
    }

    #[test]
    fn frames_are_cut_at_nul_whatever_the_pieces() {
        let stream = b"one\0\0three\0half";
        for piece in 1..stream.len() {
            let mut frames = Frames::new(8);
            let mut got = Vec::new();
            for bytes in stream.chunks(piece) {
                frames.push(bytes);
                while let Some(message) = frames.take().unwrap() {
                    got.push(String::from_utf8(message).unwrap());
                }
            }
            assert_eq!(got, ["one", "", "three"], "pieces of {piece}");
            assert_eq!(frames.len(), 4);
        }
    }

    #[test]
    fn too_long_with_or_without_nul() {
        for bytes in [&b"12345"[..], b"12345\0"] {
            let mut frames = Frames::new(4);
            frames.push(bytes);
            assert_eq!(frames.take(), Err(TooLong { limit: 4 }));
        }
        let mut frames = Frames::new(4);
        frames.push(b"1234\0");
        assert_eq!(frames.take(), Ok(Some(b"1234".to_vec())));
    }
}
