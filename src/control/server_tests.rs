use super::*;
use crate::bounds::{REPLY_BACKLOG_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::control::peer::READ_BYTES;
use crate::control::varlink::{Answer, decode_answer, encode_call, errors};
use crate::control::wire::Nothing;
use crate::control::wire::{Job, Outcome, Show, ShowReply, UnitProperties, Verb, Wait};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};

fn server() -> Server {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("porterd-server-{}-{number}", std::process::id()));
    drop(std::fs::remove_file(&dir));
    Server::bind(&dir).unwrap()
}

fn pair(server: &mut Server) -> (ClientId, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    (server.add(ours).unwrap(), theirs)
}

fn answer(stream: &mut UnixStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).ok()? == 1 {
        if byte[0] == 0 {
            return Some(decode_answer(&bytes).unwrap());
        }
        bytes.push(byte[0]);
    }
    None
}

fn error_name(stream: &mut UnixStream) -> String {
    match answer(stream) {
        Some(Answer::Error { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

fn job() -> Call {
    Call::Job(Job { verb: Verb::Start, units: vec!["a.socket".into()], wait: Wait::Done })
}

fn done() -> Reply {
    Reply::Outcome(Outcome::default())
}

#[test]
fn a_call_arrives_and_is_answered() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(&encode_call(&job())).unwrap();
    let calls = s.readable(id, 1);
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].client, &calls[0].call, calls[0].pid), (id, &job(), std::process::id() as i32));
    s.reply(id, &done());
    assert!(matches!(answer(&mut peer), Some(Answer::Reply { continues: false, .. })));
    assert_eq!(s.interest(id), Some(Interest { read: true, write: false }));
    // An answer nobody asked for is not sent.
    s.reply(id, &done());
    drop(peer);
    assert!(s.readable(id, 2).is_empty());
    assert_eq!((s.take_closed(), s.len()), (vec![id], 0));
}

#[test]
fn pieces_and_pipelines_keep_their_order() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    let mut bytes = encode_call(&job());
    bytes.extend(encode_call(&Call::Ping(Nothing {})));
    bytes.extend(encode_call(&Call::Show(Show::default())));
    let (last, first) = bytes.split_last().unwrap();
    peer.write_all(&first[..20]).unwrap();
    assert!(s.readable(id, 1).is_empty());
    peer.write_all(&first[20..]).unwrap();
    assert_eq!(s.readable(id, 2).len(), 1);
    assert!(s.pending().is_empty(), "the job is not answered yet");
    s.reply(id, &done());
    assert!(s.pending().is_empty(), "the third call is not complete; the ping is answered");
    peer.write_all(&[*last]).unwrap();
    assert_eq!(s.readable(id, 3)[0].call, Call::Show(Show::default()));
    s.reply(id, &Reply::Show(ShowReply::default()));
    for key in ["failures", "", "units"] {
        let Some(Answer::Reply { parameters, .. }) = answer(&mut peer) else { panic!() };
        assert_eq!(parameters.as_object().unwrap().keys().next().map_or("", |k| k), key);
    }
}

#[test]
fn half_closed_clients_get_their_answers() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(&encode_call(&job())).unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(s.readable(id, 1).len(), 1);
    assert!(s.readable(id, 1).is_empty());
    assert_eq!(s.interest(id), Some(Interest { read: false, write: false }));
    s.reply(id, &done());
    assert!(matches!(answer(&mut peer), Some(Answer::Reply { .. })));
    assert_eq!(s.take_closed(), [id]);
}

#[test]
fn a_client_that_leaves_while_it_waits_is_noticed() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(&encode_call(&job())).unwrap();
    assert_eq!(s.readable(id, 1).len(), 1);
    drop(peer);
    s.readable(id, 2);
    assert_eq!(s.take_closed(), [id]);
    s.reply(id, &done());
}

#[test]
fn oneway_calls_get_no_answer_but_the_next_one_does() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(
        b"{\"method\":\"org.porterd.Reload\",\"oneway\":true}\0{\"method\":\"org.porterd.Nope\",\"oneway\":true}\0",
    )
    .unwrap();
    peer.write_all(&encode_call(&Call::Ping(Nothing {}))).unwrap();
    assert_eq!(s.readable(id, 1).len(), 1);
    s.reply(id, &done());
    assert!(s.pending().is_empty());
    assert_eq!(answer(&mut peer), Some(Answer::Reply { parameters: serde_json::json!({}), continues: false }));
}

#[test]
fn others_may_read_only() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    s.clients.get_mut(&id).unwrap().trusted = false;
    peer.write_all(&encode_call(&job())).unwrap();
    assert!(s.readable(id, 1).is_empty());
    assert_eq!(error_name(&mut peer), errors::PERMISSION_DENIED);
    peer.write_all(&encode_call(&Call::Show(Show::default()))).unwrap();
    assert_eq!(s.readable(id, 1).len(), 1);
}

#[test]
fn garbage_is_refused_and_ends_the_connection() {
    for garbage in [&b"\0"[..], b"GET / HTTP/1.1\r\n\r\n\0", b"\xff\xfe\0", b"[]\0", b"{\"method\":1}\0"] {
        let mut s = server();
        let (id, mut peer) = pair(&mut s);
        peer.write_all(garbage).unwrap();
        assert!(s.readable(id, 1).is_empty());
        assert_eq!(error_name(&mut peer), errors::BAD_MESSAGE);
        assert_eq!(answer(&mut peer), None);
        assert_eq!(s.take_closed(), [id]);
    }
}

#[test]
fn half_messages_expire() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    let (idle, _idle_peer) = pair(&mut s);
    assert_eq!(s.next_deadline_usec(), None);
    peer.write_all(b"{").unwrap();
    s.readable(id, 1000);
    assert_eq!(s.next_deadline_usec(), Some(1000 + REQUEST_TIMEOUT_USEC));
    // More bytes do not buy more time.
    peer.write_all(b"\"").unwrap();
    s.readable(id, 2000);
    s.expire(999 + REQUEST_TIMEOUT_USEC);
    assert!(s.take_closed().is_empty());
    s.expire(1000 + REQUEST_TIMEOUT_USEC);
    assert_eq!(s.take_closed(), [id]);
    assert_eq!(error_name(&mut peer), errors::BAD_MESSAGE);
    assert!(s.fd(idle).is_some());
}

#[test]
fn a_hundred_megabytes_are_not_collected() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.set_nonblocking(true).unwrap();
    let junk = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while sent < 100 << 20 {
        match peer.write(&junk) {
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => assert!(s.readable(id, 1).is_empty()),
            Err(_) => break,
        }
        assert!(s.clients.get(&id).is_none_or(|c| c.input.len() <= REQUEST_BYTES_MAX + READ_BYTES));
    }
    assert!(sent < 3 << 20, "{sent}");
    assert_eq!(s.take_closed(), [id]);
}

#[test]
fn calls_behind_an_unanswered_one_stay_in_the_kernel() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.set_nonblocking(true).unwrap();
    peer.write_all(&encode_call(&job())).unwrap();
    assert_eq!(s.readable(id, 1).len(), 1);
    let more = encode_call(&job()).repeat(1000);
    for _ in 0..1000 {
        drop(peer.write(&more));
        assert!(s.readable(id, 1).is_empty());
    }
    assert!(s.clients[&id].input.len() <= REQUEST_BYTES_MAX + READ_BYTES);
    assert_eq!(s.interest(id), Some(Interest { read: false, write: false }));
}

fn big(bytes: usize) -> Reply {
    Reply::Show(ShowReply { units: vec![UnitProperties { unit: "x".repeat(bytes), properties: vec![] }] })
}

#[test]
fn who_never_reads_is_dropped_after_a_while() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(&encode_call(&Call::Show(Show::default())).repeat(2)).unwrap();
    assert_eq!(s.readable(id, 5).len(), 1);
    s.reply(id, &big(4 << 20));
    assert!(s.wants_write(id));
    assert!(s.pending().is_empty(), "the first answer must be taken first");
    assert_eq!(s.next_deadline_usec(), Some(5 + REQUEST_TIMEOUT_USEC));
    s.expire(5 + REQUEST_TIMEOUT_USEC);
    assert_eq!(s.take_closed(), [id]);
}

#[test]
fn an_answer_beyond_the_backlog_drops_the_client() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(&encode_call(&Call::Show(Show::default()))).unwrap();
    assert_eq!(s.readable(id, 5).len(), 1);
    s.reply(id, &big(REPLY_BACKLOG_BYTES_MAX + (4 << 20)));
    assert_eq!(s.take_closed(), [id]);
}

#[test]
fn a_slow_reader_gets_everything() {
    let mut s = server();
    let (id, mut peer) = pair(&mut s);
    peer.write_all(&encode_call(&Call::Show(Show::default()))).unwrap();
    s.readable(id, 5);
    s.reply(id, &big(1 << 20));
    let mut got = Vec::new();
    let mut buffer = [0; 8192];
    while !got.ends_with(&[0]) {
        let n = peer.read(&mut buffer).unwrap();
        got.extend_from_slice(&buffer[..n]);
        s.writable(id, 6);
    }
    assert!(got.len() > 1 << 20);
    assert_eq!(s.interest(id), Some(Interest { read: true, write: false }));
}

#[test]
fn too_many_clients_are_turned_away() {
    let mut s = server();

    let mut peers = Vec::new();
    for _ in 0..CLIENTS_MAX {
        peers.push(pair(&mut s));
    }
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    assert_eq!(s.add(ours), None);
    assert_eq!(error_name(&mut theirs), errors::BUSY);
    assert_eq!(answer(&mut theirs), None);
}

#[test]
fn stale_sockets_are_replaced_living_daemons_and_files_are_not() {
    let dir = std::env::temp_dir().join(format!("porterd-bind-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("control");
    drop(UnixListener::bind(&path).unwrap());
    let mut s = Server::bind(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o666);
    assert!(matches!(Server::bind(&path), Err(BindError::InUse { .. })));
    assert_eq!(s.accept().len(), 1, "the knock");
    drop(s);
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    assert!(matches!(Server::bind(&path), Err(BindError::InTheWay { .. })));
    std::fs::remove_dir_all(&dir).unwrap();
}
