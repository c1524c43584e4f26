//! The blocking client against the real server, and against daemons that misbehave.

use super::daemon::Daemon;
use porterd::control::client::{Client, ClientError};
use porterd::control::wire::*;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

fn place(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("porterd-client-{name}-{}", std::process::id()));
    drop(std::fs::remove_file(&path));
    path
}

#[test]
fn many_calls_over_one_connection() {
    let daemon = Daemon::start("many");
    let mut client = Client::connect(&daemon.socket()).unwrap();
    for _ in 0..100 {
        let version: VersionReply = client.call(&Call::Version(Nothing {})).unwrap();
        assert_eq!((version.version.as_str(), version.pid), (env!("CARGO_PKG_VERSION"), std::process::id()));
        let reply: ShowReply =
            client.call(&Call::Show(Show { units: vec!["a.socket".into()], properties: vec![] })).unwrap();
        assert_eq!(reply.units[0].unit, "a.socket");
    }
    let info: Info = client.call(&Call::GetInfo(Nothing {})).unwrap();
    assert_eq!(info.interfaces, ["org.varlink.service", "org.porterd"]);
    let ask = |interface: &str| Call::GetInterfaceDescription(GetInterfaceDescription { interface: interface.into() });
    let text: Description = client.call(&ask("org.porterd")).unwrap();
    assert_eq!(text.description, porterd::control::INTERFACE);
    let error = client.call::<Description>(&ask("org.example")).unwrap_err();
    assert!(matches!(&error, ClientError::Refused { error, .. } if error == "org.varlink.service.InterfaceNotFound"));
}

#[test]
fn nobody_there() {
    let path = place("nobody");
    let error = Client::connect(&path).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("no daemon answers on {}: No such file", path.display())),
        "{error}"
    );
    drop(UnixListener::bind(&path).unwrap());
    let error = Client::connect(&path).unwrap_err().to_string();
    assert!(error.contains("Connection refused") && error.contains("start porterd again"), "{error}");
    std::fs::remove_file(&path).unwrap();
}

/// What a client makes of a daemon that reads something, says this and hangs up.
fn against(name: &str, says: &'static [u8]) -> String {
    let path = place(name);
    let listener = UnixListener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 1000]).unwrap() > 0);
        drop(stream.write_all(says));
    });
    let error = Client::connect(&path).unwrap().call::<VersionReply>(&Call::Version(Nothing {})).unwrap_err();
    thread.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    error.to_string()
}

#[test]
fn daemons_that_talk_nonsense() {
    assert!(against("eof", b"").contains("it closed the connection"));
    assert!(against("half", b"{\"parameters\"").contains("it closed the connection"));
    assert!(against("http", b"HTTP/1.1 200 OK\r\n\r\n\0").contains("not understood"));
    assert!(against("type", b"{\"parameters\":{\"pid\":\"x\"}}\0").contains("not understood"));
    assert_eq!(against("error", b"{\"error\":\"org.porterd.Busy\",\"parameters\":{\"detail\":\"later\"}}\0"), "later");
    assert_eq!(against("bare", b"{\"error\":\"org.example.X\"}\0"), "org.example.X");
}
