//! Bytes of a stranger on the control socket: framing, decoding, and the server between two ends
//! of a socket pair. Nothing may panic, hang, grow or answer the wrong number of times.
//!
//! Without `--cfg fuzzing` this replays the corpus with a fixed series of mutations; with it, and
//! the sanitizer coverage flags, it is a libFuzzer program.

#![cfg_attr(fuzzing, no_main)]
#![allow(clippy::disallowed_methods)] // a test reads its corpus

use porterd::bounds::REQUEST_BYTES_MAX;
use porterd::control::server::Server;
use porterd::control::varlink::{Frames, decode_answer, decode_call, encode_call};
use porterd::control::wire::{Nothing, Reply};
use porterd::ids::ClientId;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

/// One input: how it is cut into pieces (first byte), then what is sent.
fn try_one(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let piece = usize::from(*cut).max(1);
    let messages = frames(bytes, piece);
    assert_eq!(messages, frames(bytes, usize::MAX), "pieces must make no difference");
    for message in &messages {
        if let Ok(incoming) = decode_call(message) {
            let mut encoded = encode_call(&incoming.call);
            assert_eq!(encoded.pop(), Some(0));
            let again = decode_call(&encoded).unwrap_or_else(|e| panic!("{e:?}"));
            assert_eq!(again.call, incoming.call, "a call must survive its encoding");
        }
        drop(decode_answer(message));
    }
    serve(bytes, piece);
}

fn frames(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::new(256);
    let mut messages = Vec::new();
    for part in bytes.chunks(piece.min(bytes.len().max(1))) {
        frames.push(part);
        loop {
            match frames.take() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return messages,
            }
        }
        assert!(frames.len() <= 256);
    }
    messages
}

/// Sends all to a server that answers whatever arrives; counts what comes back.
fn serve(bytes: &[u8], piece: usize) {
    let Some(mut server) = server() else { return };
    let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
    theirs.set_nonblocking(true).expect("non-blocking");
    let Some(id) = server.add(ours) else { return };
    let mut answers = Vec::new();
    let mut now_usec = 0;
    for part in bytes.chunks(piece.max(bytes.len() / 64).max(1)) {
        if theirs.write_all(part).is_err() {
            break;
        }
        now_usec += 1;
        turn(&mut server, id, now_usec, &mut theirs, &mut answers);
    }
    drop(theirs.shutdown(std::net::Shutdown::Write));
    // Every turn takes a call or more, or ends it.
    for _ in 0..bytes.len() + 4 {
        now_usec += 1;
        turn(&mut server, id, now_usec, &mut theirs, &mut answers);
        if server.is_empty() {
            break;
        }
    }
    assert!(server.is_empty(), "the client has hung up and must be forgotten");
    assert_eq!(server.take_closed(), [id]);
    check(bytes, &answers);
}

fn turn(server: &mut Server, id: ClientId, now_usec: u64, theirs: &mut UnixStream, answers: &mut Vec<u8>) {
    let mut calls = server.readable(id, now_usec);
    while !calls.is_empty() {
        for call in &calls {
            server.reply(call.client, &Reply::Nothing(Nothing {}));
        }
        calls = server.pending();
    }
    server.writable(id, now_usec);
    let mut buffer = [0; 4096];
    loop {
        match theirs.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => answers.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
}

/// One answer per message that wants one, up to the first that ends the conversation.
fn check(sent: &[u8], answers: &[u8]) {
    if sent.len() > REQUEST_BYTES_MAX / 2 {
        return;
    }
    let mut expected = 0;
    let whole = sent.iter().rposition(|b| *b == 0).map_or(0, |i| i + 1);
    for message in sent[..whole].split_inclusive(|b| *b == 0) {
        match decode_call(&message[..message.len() - 1]) {
            Ok(incoming) => expected += usize::from(!incoming.oneway),
            Err(refusal) => {
                expected += usize::from(!refusal.oneway);
                if refusal.fatal {
                    break;
                }
            }
        }
    }
    assert_eq!(answers.iter().filter(|b| **b == 0).count(), expected, "{:?}", String::from_utf8_lossy(sent));
    for answer in answers.split_inclusive(|b| *b == 0) {
        assert_eq!(answer.last(), Some(&0));
        decode_answer(&answer[..answer.len() - 1]).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// A server whose listener nobody uses.
fn server() -> Option<Server> {
    use std::os::linux::net::SocketAddrExt;
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("porterd-fuzz-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).ok()?;
    Server::adopt(UnixListener::bind_addr(&address).ok()?).ok()
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| try_one(data));

#[cfg(not(fuzzing))]
fn main() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/control");
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let mut paths: Vec<_> =
        std::fs::read_dir(&directory).expect("the corpus").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        seeds.push(std::fs::read(&path).expect("a seed"));
    }
    assert!(seeds.len() >= 5, "the corpus in {} is not complete", directory.display());
    for seed in &seeds {
        try_one(seed);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..3000 {
        let mutant = mutate(&seeds, &mut dice);
        let result = std::panic::catch_unwind(|| try_one(&mutant));
        assert!(result.is_ok(), "round {round}: {mutant:?}");
    }
}

/// A fixed series of numbers (xorshift64).
#[cfg(not(fuzzing))]
struct Dice(u64);

#[cfg(not(fuzzing))]
impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

#[cfg(not(fuzzing))]
fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut data = seeds[dice.below(seeds.len())].clone();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(data.len());
        match dice.below(6) {
            0 if !data.is_empty() => data[at] ^= 1 << dice.below(8),
            1 if !data.is_empty() => data.truncate(at.max(1)),
            2 => data.insert(at, b"\0{}[]\",:\xff9"[dice.below(10)]),
            3 if !data.is_empty() => drop(data.remove(at)),
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len());
                data.extend_from_slice(&other[from..]);
            }
            _ => {
                let copy = data[at..].to_vec();
                data.extend(copy);
            }
        }
        data.truncate(64 << 10);
    }
    data
}
