//! FIFOs, special files, message queues, USB functions; links, owners, removal.

use super::*;
use nix::errno::Errno;
use porterd::linux::address::{InheritedKind, describe};
use porterd::linux::files::Owner;
use porterd::linux::poll::{Class, Interest, Poll};
use porterd::linux::raw;
use porterd::linux::socket::{carry_out_for, chown, chown_queues, remove, symlinks};
use porterd::linux::users::Users;
use porterd::plan::bind::removals;
use porterd::plan::bind::{Port, SocketCall};
use std::io::Write;
use std::os::unix::fs::MetadataExt;

const DAEMON: u32 = 1;

// socket-unit #141
#[test]
fn a_fifo_has_its_mode_its_size_and_never_ends() {
    let world = World::new("fifo");
    let path = world.path("a/fifo");
    let fd = open(&with_options(vec![Listen::Fifo(text(&path))], |o| o.pipe_size = 128 << 10));
    assert!(is_cloexec_and_nonblocking(&fd));
    assert_eq!(mode_of(&path), 0o666);
    let size = nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_GETPIPE_SZ).unwrap();
    assert_eq!(size, 128 << 10);
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().write_all(b"x").unwrap();
    let mut buffer = [0u8; 8];
    assert_eq!(nix::unistd::read(&fd, &mut buffer), Ok(1));
    assert_eq!(nix::unistd::read(&fd, &mut buffer), Err(Errno::EAGAIN), "no end although the writer is gone");
    assert_eq!(describe(&fd).unwrap().kind, InheritedKind::Fifo(path.clone()));
    // The same FIFO again is fine, and too large a pipe is only told.
    let opened = open_all(&with_options(vec![Listen::Fifo(text(&path))], |o| o.pipe_size = 1 << 40), false).unwrap();
    assert_eq!((opened[0].warnings.len(), opened[0].warnings[0].errno), (1, Errno::ERANGE));
}

// socket-unit #94
#[test]
fn a_fifo_that_is_not_ours_is_refused() {
    let world = World::new("foreign-fifo");
    let path = world.path("fifo");
    let listen = unit(vec![Listen::Fifo(text(&path))]);
    let strange_mode = SocketUnit { socket_mode: 0o1666, ..listen.clone() };
    assert_eq!(fails(&strange_mode, false).errno, Errno::EEXIST);
    std::fs::remove_file(&path).unwrap();

    drop(open(&listen));
    let other_mode = SocketUnit { socket_mode: 0o600, ..listen.clone() };
    assert_eq!(fails(&other_mode, false).errno, Errno::EEXIST);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    assert_eq!(fails(&listen, false).errno, Errno::EEXIST);
    std::fs::remove_file(&path).unwrap();

    if !is_root("a FIFO of another owner") {
        return;
    }
    drop(open(&listen));
    chown(&[&path], Some(DAEMON), Some(DAEMON)).unwrap();
    assert_eq!(fails(&listen, false).errno, Errno::EEXIST);
    let port = recipe(&listen, None, &BindFacts::default()).ports.remove(0);
    let owner = Owner { uid: Some(DAEMON), gid: Some(DAEMON) };
    carry_out_for(&port, owner, None).unwrap();
    let wrong = Owner { uid: Some(DAEMON), gid: None };
    assert_eq!(carry_out_for(&port, wrong, None).unwrap_err().errno, Errno::EEXIST);
}

// socket-unit #100 #101
#[test]
fn special_files() {
    let world = World::new("special");
    let special = |path: &str| unit(vec![Listen::Special(text(path))]);
    let file = world.path("file");
    std::fs::write(&file, "x").unwrap();
    std::os::unix::fs::symlink(&file, world.path("link")).unwrap();
    let poll = Poll::new().unwrap();
    for (path, watched) in
        [(&*file, Err(Errno::EPERM)), ("/dev/null", Err(Errno::EPERM)), ("/proc/self/mounts", Ok(()))]
    {
        let fd = open(&special(path));
        assert_eq!(poll.add(&fd, Class::Listener, 1, Interest::Read), watched, "{path}");
        assert!(is_cloexec_and_nonblocking(&fd));
    }
    assert_eq!(fails(&special(&world.path("")), false).errno, Errno::EEXIST);
    assert_eq!(fails(&special(&world.path("link")), false).errno, Errno::ELOOP);
    let error = fails(&special(&world.path("missing")), false);
    assert_eq!(error.to_string(), format!("open(2) of {} failed: No such file or directory", world.path("missing")));

    let fd = open(&special(&file));
    assert_eq!(nix::unistd::write(&fd, b"y"), Err(Errno::EBADF));
    let fd = open(&with_options(vec![Listen::Special(text(&file))], |o| o.writable = true));
    assert_eq!(nix::unistd::write(&fd, b"y"), Ok(1));
    assert_eq!(describe(&fd).unwrap().kind, InheritedKind::Special(file));
}

// socket-unit #102
#[test]
fn pending_kernel_messages_are_readable_at_once() {
    let _world = World::new("kmsg");
    let Ok(opened) = open_all(&unit(vec![Listen::Special(text("/dev/kmsg"))]), false) else {
        return skip("/dev/kmsg cannot be opened here");
    };
    let mut poll = Poll::new().unwrap();
    poll.add(&opened[0].fds[0], Class::Listener, 1, Interest::ReadOrPriority).unwrap();
    let mut ready = Vec::new();
    poll.look(None, &mut ready).unwrap();
    assert!(ready.first().is_some_and(|ready| ready.readable));
}

// socket-unit #99
#[test]
fn message_queues() {
    let _world = World::new("queue");
    let name = format!("/porterd-test-{}", std::process::id());
    let queue = with_options(vec![Listen::MessageQueue(text(&name))], |o| {
        o.message_queue_max_messages = 4;
        o.message_queue_message_size = 128;
    });
    let fd = match open_all(&queue, false) {
        Ok(mut opened) => opened.remove(0).fds.remove(0),
        Err(error) if error.errno == Errno::ENOSYS => {
            return skip("this kernel has no message queues");
        }
        Err(error) => panic!("{error}"),
    };
    assert!(is_cloexec_and_nonblocking(&fd));
    assert_eq!(raw::mq_message_bytes(fd.as_fd()), Ok(128));
    assert_eq!(nix::sys::stat::fstat(&fd).unwrap().st_mode & 0o777, 0o666);
    assert_eq!(describe(&fd).unwrap().kind, InheritedKind::MessageQueue(name.clone()));
    let other_mode = SocketUnit { socket_mode: 0o600, ..queue.clone() };
    assert_eq!(fails(&other_mode, false).errno, Errno::EEXIST);

    let removing = SocketUnit { remove_on_stop: true, ..queue };
    assert_eq!(remove(&removals(&removing, &[0])), []);
    assert_eq!(remove(&removals(&removing, &[0])), [], "gone already is fine");
    let default = with_options(vec![Listen::MessageQueue(text(&name))], |o| o.message_queue_max_messages = 4);
    assert!(raw::mq_message_bytes(open(&default).as_fd()).unwrap() > 128, "one of two attributes is none");
    remove(&removals(&removing, &[0]));

    assert_eq!(fails(&unit(vec![Listen::MessageQueue(text("/"))]), false).errno, Errno::ENOENT);
    assert_eq!(fails(&unit(vec![Listen::MessageQueue(text("/a/b"))]), false).errno, Errno::EACCES);
}

#[test]
fn a_usb_function_is_control_endpoint_then_endpoints_by_name() {
    let world = World::new("usb");
    for name in ["ep0", "ep2", "ep1", ".hidden", "descriptors", "strings"] {
        std::fs::write(world.path(name), name).unwrap();
    }
    std::fs::create_dir(world.path("usb")).unwrap();
    for name in ["ep0", "ep2", "ep1", ".hidden"] {
        std::fs::rename(world.path(name), world.path(&format!("usb/{name}"))).unwrap();
    }
    let call = |strings: &str| Port {
        display: text("usb"),
        type_word: "USBFunction",
        calls: vec![SocketCall::UsbFunction {
            path: text(&world.path("usb")),
            descriptors: text(&world.path("descriptors")),
            strings: text(strings),
        }],
    };
    let opened = carry_out(&call(&world.path("strings"))).unwrap();
    let expected =
        ["ep0", "ep1", "ep2"].map(|name| std::fs::metadata(world.path(&format!("usb/{name}"))).unwrap().ino());
    let inodes: Vec<u64> = opened.fds.iter().map(|fd| nix::sys::stat::fstat(fd).unwrap().st_ino).collect();
    assert_eq!(inodes, expected);
    assert!(opened.fds.iter().all(is_cloexec_and_nonblocking));
    assert_eq!(std::fs::read_to_string(world.path("usb/ep0")).unwrap(), "descriptorsstrings");
    assert_eq!(carry_out(&call("")).unwrap_err().errno, Errno::EINVAL);
    std::fs::create_dir(world.path("usb/dir")).unwrap();
    assert_eq!(carry_out(&call(&world.path("strings"))).unwrap_err().errno, Errno::EISDIR);
}

// socket-unit #89
#[test]
fn links_are_made_once_and_replace_only_if_removed_on_stop() {
    let world = World::new("links");
    let (node, link) = (world.path("x.sock"), world.path("deep/link"));
    let mut unit = with_options(vec![stream(at_path(&node))], |o| o.symlinks = vec![text(&link)]);
    let plan = recipe(&unit, None, &BindFacts::default());
    assert_eq!(symlinks(&plan.symlinks), []);
    assert_eq!(symlinks(&plan.symlinks), [], "the same link again is fine");
    assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some(&*node));

    std::fs::remove_file(&link).unwrap();
    std::fs::write(&link, "").unwrap();
    let told = symlinks(&plan.symlinks);
    assert_eq!((told.len(), told[0].errno), (1, Errno::EEXIST));
    unit.remove_on_stop = true;
    let _fd = open(&unit);
    assert_eq!(symlinks(&recipe(&unit, None, &BindFacts::default()).symlinks), []);
    assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some(&*node));

    assert_eq!(remove(&removals(&unit, &[0])), []);
    assert!(std::fs::symlink_metadata(&link).is_err() && std::fs::symlink_metadata(&node).is_err());
    std::fs::create_dir(&node).unwrap();
    let told = remove(&removals(&unit, &[0]));
    assert_eq!(told.len(), 1);
    assert!(told[0].to_string().starts_with(&format!("unlink(2) {node} failed")), "{}", told[0]);
}

#[test]
fn owners() {
    let world = World::new("owners");
    let path = world.path("x.sock");
    let _fd = open(&unit(vec![stream(at_path(&path))]));
    let error = chown(&[world.path("missing")], Some(0), None).unwrap_err();
    assert_eq!(error.errno, Errno::ENOENT);
    let mut users = Users::new();
    let nobody_is_there = "no-such-user-anywhere";
    assert!(users.user(nobody_is_there).is_err());
    if !is_root("changing owners") {
        return;
    }
    let daemon = users.user("daemon").unwrap();
    let owner = || {
        let meta = std::fs::metadata(&path).unwrap();
        (meta.uid(), meta.gid())
    };
    chown(&[&path], None, Some(daemon.gid)).unwrap();
    assert_eq!(owner(), (0, daemon.gid));
    chown(&[&path], Some(daemon.uid), Some(daemon.gid)).unwrap();
    assert_eq!(owner(), (daemon.uid, daemon.gid));
}

// socket-unit #98
#[test]
fn queues_are_given_away_except_under_strict() {
    let _world = World::new("queue-owner");
    let name = format!("/porterd-owner-{}", std::process::id());
    let queue = SocketUnit {
        socket_user: Some(text("daemon")),
        ..with_options(vec![Listen::MessageQueue(text(&name))], |o| o.message_queue_max_messages = 4)
    };
    let queues = |strict| recipe(&queue, None, &BindFacts { strict, ..BindFacts::default() }).chown.unwrap().queues;
    assert_eq!(queues(true), [] as [Text; 0], "systemd 252 leaves them alone");
    assert_eq!(queues(false), [text(&name)]);
    if !is_root("changing the owner of a queue") {
        return;
    }
    let Ok(opened) = open_all(&queue, false) else {
        return skip("this kernel has no message queues");
    };
    chown_queues(&queues(false), Some(1), None).unwrap();
    assert_eq!(nix::sys::stat::fstat(&opened[0].fds[0]).unwrap().st_uid, 1);
    let removing = SocketUnit { remove_on_stop: true, ..queue };
    assert_eq!(remove(&removals(&removing, &[0])), []);
}
