//! socket-unit.md 7.2 (drop-ins, names, masks) and service-unit.md 26-34. Numbers are those of the
//! lists; `s` stands for the latter.

use crate::support::{library, load_from, name, socket_of};
use porterd::unit::LoadState::{BadSetting, Loaded as Ok_, Masked, NotFound};
use porterd::unit::load::{Entry, FileError, Files, MemoryFiles};
use porterd::unit::{Body, Dependency, LoadState};

const PLAIN: &str = "[Socket]\nListenStream=@a\n";

fn files(list: &[(&str, &str)]) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    for (path, content) in list {
        match content.strip_prefix("-> ") {
            Some(target) => files.symlink(path, target),
            None => files.write(path, content),
        };
    }
    files
}

// socket-unit #29
#[test]
fn n29_drop_in_replaces_the_ports() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/etc/units/e1.socket.d/a.conf", "[Socket]\nListenStream=\nListenStream=@b\n"),
    ]);
    assert_eq!(load_from(&f, "e1.socket").silent().ports(), ["@b"]);
}

// socket-unit #30
#[test]
fn n30_empty_of_any_kind_clears_all() {
    assert_eq!(socket_of("ListenStream=80\nListenFIFO=\nListenDatagram=81").silent().ports(), ["[::]:81"]);
}

// socket-unit #31
#[test]
fn n31_fatal_value_in_the_fragment() {
    socket_of("ListenStream=80\nSocketUser=no:such\nBacklog=x").is(BadSetting).found(&["bad-user"]);
}

// socket-unit #32
#[test]
fn n32_fatal_value_in_a_drop_in() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/etc/units/e1.socket.d/a.conf", "[Socket]\nBacklog=5\nSocketUser=no:such\nBacklog=6\n"),
        ("/etc/units/e1.socket.d/b.conf", "[Socket]\nMark=7\n"),
    ]);
    let x = load_from(&f, "e1.socket");
    x.found(&["bad-user", "drop-in-abandoned"]);
    assert_eq!((x.socket().backlog, x.socket().options.mark), (5, Some(7)));
}

// socket-unit #33
#[test]
fn n33_broken_header_in_a_drop_in() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/etc/units/e1.socket.d/a.conf", "[Socket]\nBacklog=5\n[Foo\nBacklog=6\n"),
    ]);
    let x = load_from(&f, "e1.socket");
    assert_eq!(x.found(&["bad-section-header"]).socket().backlog, 5);
}

// socket-unit #34
#[test]
fn n34_the_name_hides_the_type() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/etc/units/socket.d/05.conf", "[Socket]\nBacklog=1\nMark=1\n"),
        ("/etc/units/e1.socket.d/05.conf", "[Socket]\nBacklog=2\n"),
    ]);
    let x = load_from(&f, "e1.socket");
    assert_eq!((x.socket().backlog, x.socket().options.mark), (2, None));
    assert_eq!(x.unit.drop_ins.len(), 1);
}

// socket-unit #35
#[test]
fn n35_prefix_directories() {
    let mut f = files(&[
        ("/etc/units/a-b-c.socket", PLAIN),
        ("/etc/units/socket.d/50.conf", "[Socket]\nBacklog=1\n"),
        ("/etc/units/a-.socket.d/50.conf", "[Socket]\nBacklog=2\n"),
        ("/etc/units/a-b-.socket.d/50.conf", "[Socket]\nBacklog=3\n"),
        ("/etc/units/a-b-c.socket.d/50.conf", "[Socket]\nBacklog=4\n"),
    ]);
    assert_eq!(load_from(&f, "a-b-c.socket").socket().backlog, 4);
    f.write("/etc/units/a-.socket.d/60.conf", "[Socket]\nBacklog=6\n");
    let x = load_from(&f, "a-b-c.socket");
    assert_eq!(x.socket().backlog, 6);
    let read: Vec<&str> = x.unit.drop_ins.iter().map(|p| &**p).collect();
    assert_eq!(read, ["/etc/units/a-b-c.socket.d/50.conf", "/etc/units/a-.socket.d/60.conf"]);
}

// socket-unit #36
#[test]
fn n36_only_conf_files() {
    let f = files(&[("/etc/units/e1.socket", PLAIN), ("/etc/units/e1.socket.d/a.cnf", "[Socket]\nBacklog=1\n")]);
    assert_eq!(load_from(&f, "e1.socket").silent().unit.drop_ins.len(), 0);
}

// socket-unit #37
#[test]
fn n37_masked_drop_ins() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/etc/units/socket.d/30.conf", "[Socket]\nBacklog=1\n"),
        ("/etc/units/e1.socket.d/30.conf", "-> /dev/null"),
    ]);
    let x = load_from(&f, "e1.socket");
    assert_eq!(x.socket().backlog, i32::MAX as u32);
    assert_eq!(&*x.unit.drop_ins[0], "/etc/units/e1.socket.d/30.conf");
}

// socket-unit #38
#[test]
fn n38_directories_of_the_search_path() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/usr/lib/units/e1.socket", "[Socket]\nListenStream=@lower\n"),
        ("/usr/lib/units/e1.socket.d/10.conf", "[Socket]\nMark=1\n"),
        ("/etc/units/e1.socket.d/20.conf", "[Socket]\nBacklog=2\n"),
    ]);
    let x = load_from(&f, "e1.socket");
    assert_eq!((x.ports(), x.socket().options.mark, x.socket().backlog), (vec!["@a".to_owned()], Some(1), 2));
    assert_eq!(x.unit.fragment.as_deref(), Some("/etc/units/e1.socket"));
}

// socket-unit #39
#[test]
fn n39_search_path_before_specificity() {
    let f = files(&[
        ("/etc/units/a-b.socket", PLAIN),
        ("/etc/units/a-.socket.d/10.conf", "[Socket]\nBacklog=1\n"),
        ("/usr/lib/units/a-b.socket.d/10.conf", "[Socket]\nBacklog=2\n"),
    ]);
    assert_eq!(load_from(&f, "a-b.socket").socket().backlog, 1);
    let f = files(&[
        ("/etc/units/a-b.socket", PLAIN),
        ("/etc/units/socket.d/10.conf", "[Socket]\nBacklog=1\n"),
        ("/usr/lib/units/a-.socket.d/10.conf", "[Socket]\nBacklog=2\n"),
    ]);
    assert_eq!(load_from(&f, "a-b.socket").socket().backlog, 2);
}

// socket-unit #40
#[test]
fn n40_masks() {
    let f = files(&[("/etc/units/m.socket", "-> /dev/null"), ("/usr/lib/units/m.socket", PLAIN)]);
    load_from(&f, "m.socket").is(Masked);
    let f = files(&[("/etc/units/m.socket", "-> other.socket"), ("/etc/units/other.socket", "-> /dev/null")]);
    load_from(&f, "m.socket").is(Masked);
}

// socket-unit #41
#[test]
fn n41_aliases() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/run/units/al.socket", "-> /etc/units/e1.socket"),
        ("/run/units/twice.socket", "-> al.socket"),
        ("/etc/units/al.socket.d/a.conf", "[Socket]\nBacklog=3\n"),
    ]);
    let mut library = library();
    let unit = library.load(&f, &name("al.socket"));
    assert_eq!(unit.name.as_str(), "e1.socket");
    assert_eq!(unit.aliases, [name("al.socket"), name("twice.socket")]);
    assert!(matches!(&unit.body, Body::Socket(s) if s.backlog == 3));
    for other in ["e1.socket", "twice.socket"] {
        assert!(std::sync::Arc::ptr_eq(&unit, &library.load(&f, &name(other))));
    }
}

// socket-unit #42
#[test]
fn n42_alias_of_another_kind() {
    let f = files(&[("/etc/units/e1.socket", PLAIN), ("/etc/units/al.service", "-> e1.socket")]);
    load_from(&f, "al.service").is(NotFound).found(&["bad-alias"]);
}

// socket-unit #43
#[test]
fn n43_dangling_links() {
    let f = files(&[("/etc/units/a.socket", "-> b.socket"), ("/etc/units/c.socket", "-> /srv/c.socket")]);
    load_from(&f, "a.socket").is(NotFound);
    load_from(&f, "c.socket").is(NotFound);
}

#[test]
fn linked_units_keep_their_name() {
    let f = files(&[("/etc/units/a.socket", "-> /srv/b.socket"), ("/srv/b.socket", PLAIN)]);
    let x = load_from(&f, "a.socket");
    assert_eq!(x.is(Ok_).unit.name.as_str(), "a.socket");
    assert_eq!(x.unit.fragment.as_deref(), Some("/etc/units/a.socket"));
}

#[test]
fn alias_chains_end() {
    let mut f = MemoryFiles::new();
    f.symlink("/etc/units/a.socket", "b.socket").symlink("/etc/units/b.socket", "a.socket");
    load_from(&f, "a.socket").is(NotFound);
}

#[test]
fn search_directories_behind_links() {
    let mut f = files(&[("/usr/lib/units/e1.socket", PLAIN), ("/etc/units/al.socket", "-> /lib/units/e1.socket")]);
    f.symlink("/lib", "usr/lib");
    assert_eq!(load_from(&f, "al.socket").is(Ok_).unit.name.as_str(), "e1.socket");
}

// socket-unit #44
#[test]
fn n44_bare_templates() {
    let f = files(&[("/etc/units/te@.socket", PLAIN)]);
    let x = load_from(&f, "te@.socket");
    assert_ne!(x.state(), LoadState::Loaded);
    assert!(x.unit.load_error.as_deref().unwrap().contains("template"));
}

// socket-unit #45
#[test]
fn n45_instances() {
    let f = files(&[("/etc/units/te@.socket", "[Unit]\nDescription=%i %I %j %p %N\n[Socket]\nListenStream=@%i\n")]);
    let x = load_from(&f, "te@a-b.socket");
    assert_eq!(x.silent().description(), "a-b a/b te te te@a-b");
    assert_eq!(x.ports(), ["@a-b"]);
    assert_eq!(x.socket().service.as_ref().unwrap().as_str(), "te@a-b.service");
    assert_eq!(x.socket().exec.slice.as_deref(), Some("system-te.slice"));
}

#[test]
fn instances_of_their_own_come_first() {
    let f = files(&[
        ("/etc/units/te@.socket", "[Socket]\nListenStream=@%i\n"),
        ("/usr/lib/units/te@x.socket", "[Socket]\nListenStream=@own\n"),
        ("/etc/units/te@.socket.d/a.conf", "[Socket]\nBacklog=4\n"),
    ]);
    let x = load_from(&f, "te@x.socket");
    assert_eq!((x.ports(), x.socket().backlog), (vec!["@own".to_owned()], 4));
}

#[test]
fn aliases_of_templates() {
    let f = files(&[
        ("/etc/units/te@.socket", "[Socket]\nListenStream=@%i\n"),
        ("/etc/units/al@.socket", "-> te@.socket"),
        ("/etc/units/one@i.socket", "-> te@.socket"),
    ]);
    let x = load_from(&f, "al@i.socket");
    assert_eq!(x.unit.name.as_str(), "te@i.socket");
    assert_eq!(x.unit.aliases, [name("al@i.socket"), name("one@i.socket")]);
    assert_eq!(load_from(&f, "one@i.socket").unit.name.as_str(), "te@i.socket");
}

// socket-unit #46
#[test]
fn n46_specifiers() {
    socket_of("ListenStream=%Z").is(BadSetting).found(&["bad-specifier", "no-listen"]);
    let f = files(&[("/etc/units/x.socket", "[Unit]\nDescription=100%% %\n[Socket]\nListenStream=80\n")]);
    assert_eq!(load_from(&f, "x.socket").silent().description(), "100% %");
}

// socket-unit #47 #48
#[test]
fn n47_n48_scopes() {
    socket_of("ListenStream=[fe80::1]:80%lo").is(BadSetting);
    assert_eq!(socket_of("ListenStream=[fe80::1]:80%%lo").silent().ports().len(), 1);
    assert_eq!(socket_of("ListenStream=[fe80::1]:80%%1").silent().ports().len(), 1);
    socket_of("ListenStream=[fe80::1]:80%%nosuch0").is(BadSetting).found(&["no-such-interface", "no-listen"]);
}

#[test]
fn links_add_dependencies() {
    let f = files(&[
        ("/etc/units/e1.socket", PLAIN),
        ("/etc/units/e1.socket.wants/w.service", "-> ../w.service"),
        ("/etc/units/e1.socket.requires/r.service", "-> ../r.service"),
        ("/etc/units/e1.socket.upholds/u@1.service", "-> ../u@.service"),
        ("/etc/units/e1.socket.wants/masked.service", "-> /dev/null"),
        ("/usr/lib/units/e1.socket.wants/masked.service", "-> ../masked.service"),
        ("/etc/units/e1.socket.wants/plain.service", "[Service]\n"),
    ]);
    let x = load_from(&f, "e1.socket");
    let of = |kind| -> Vec<&str> { x.unit.related(kind).map(|n| n.as_str()).collect() };
    assert_eq!(of(Dependency::Wants), ["w.service"]);
    assert!(of(Dependency::Requires).contains(&"r.service"));
    assert_eq!(of(Dependency::Upholds), ["u@1.service"]);
    x.found(&["bad-dependency-link"]);
}

#[test]
fn closure_follows_triggers_and_dependencies_but_not_order() {
    let f = files(&[
        ("/etc/units/sockets.target.wants/a.socket", "-> ../a.socket"),
        ("/etc/units/a.socket", "[Unit]\nRequires=r.service\nAfter=late.service\n[Socket]\nListenStream=80\n"),
        ("/etc/units/a.service", "[Unit]\nOnFailure=f.service\n[Service]\nExecStart=/bin/true\n"),
        ("/etc/units/f.service", "[Service]\nExecStart=/bin/true\n"),
        ("/etc/units/late.service", "[Service]\nExecStart=/bin/true\n"),
        ("/etc/units/acc.socket", "[Socket]\nListenStream=81\nAccept=yes\n"),
        ("/etc/units/acc@.service", "[Service]\nExecStart=/bin/true\n"),
    ]);
    let mut library = library();
    let units = library.closure(&f, &[name("sockets.target"), name("acc.socket")]);
    let get = |n: &str| units.iter().find(|u| u.name.as_str() == n);
    for (unit, state) in [
        ("sockets.target", LoadState::Loaded),
        ("a.socket", LoadState::Loaded),
        ("a.service", LoadState::Loaded),
        ("f.service", LoadState::Loaded),
        ("r.service", LoadState::NotFound),
        ("acc.socket", LoadState::Loaded),
        ("sysinit.target", LoadState::Loaded),
        ("system.slice", LoadState::Loaded),
    ] {
        assert_eq!(get(unit).map(|u| u.load), Some(state), "{unit}");
    }
    assert!(get("late.service").is_none() && get("acc.service").is_none());
    assert_eq!(units.len(), units.iter().map(|u| &u.name).collect::<std::collections::BTreeSet<_>>().len());
    let templates = library.templates();
    assert_eq!(templates.len(), 1);
    assert_eq!((templates[0].name.as_str(), templates[0].load()), ("acc@.service", LoadState::Loaded));
}

#[test]
fn boot_is_behind_us() {
    let f = files(&[
        ("/usr/lib/units/sysinit.target", "[Unit]\nWants=mount-all.service\n"),
        ("/usr/lib/units/sysinit.target.wants/fsck.service", "-> ../fsck.service"),
        ("/etc/units/a.socket", PLAIN),
    ]);
    let mut library = library();
    let units = library.closure(&f, &[name("a.socket")]);
    let names: Vec<&str> = units.iter().map(|u| u.name.as_str()).collect();
    assert!(names.contains(&"sysinit.target"));
    assert!(!names.contains(&"mount-all.service") && !names.contains(&"fsck.service"), "{names:?}");
}

#[test]
fn reload_reads_anew() {
    let mut f = files(&[("/etc/units/a.socket", PLAIN)]);
    let mut library = library();
    let a = name("a.socket");
    let old = library.load(&f, &a);
    f.write("/etc/units/a.socket", "[Socket]\nListenStream=@b\nX=1\n");
    assert!(std::sync::Arc::ptr_eq(&old, &library.load(&f, &a)));
    library.reload(Default::default());
    let new = library.load(&f, &a);
    assert_ne!(old, new);
    assert_eq!(library.diagnostics().len(), 1);
    f.remove("/etc/units/a.socket");
    library.reload(Default::default());
    assert_eq!(library.load(&f, &a).load, NotFound);
}

#[test]
fn all_names_are_startable() {
    let f = files(&[
        ("/etc/units/a.socket", PLAIN),
        ("/etc/units/b.socket", "-> a.socket"),
        ("/etc/units/c.socket", "-> /dev/null"),
        ("/etc/units/d@.socket", PLAIN),
        ("/etc/units/d@x.socket", PLAIN),
        ("/etc/units/README", "text"),
        ("/usr/lib/units/a.service", "[Service]\nExecStart=/bin/true\n"),
        ("/usr/lib/units/c.socket", PLAIN),
    ]);
    assert_eq!(library().all_names(&f, |_| true), [name("a.service"), name("a.socket"), name("d@x.socket")]);
}

#[test]
fn templates_share_what_does_not_vary() {
    let service = "[Unit]\nDescription=worker\n[Service]\nExecStart=/bin/cat\nStandardInput=socket\n";
    let f =
        files(&[("/etc/units/a@.service", service), ("/etc/units/b@.service", "[Service]\nExecStart=/bin/echo %i\n")]);
    let mut library = library();
    let a = library.load_template(&f, &name("a@.service"));
    let (one, two) = (a.instantiate(&name("a@1-x.service")), a.instantiate(&name("a@2-y.service")));
    assert_eq!(one.name.as_str(), "a@1-x.service");
    assert!(std::sync::Arc::ptr_eq(&one.common, &two.common));
    match (&one.body, &two.body) {
        (Body::Service(x), Body::Service(y)) => assert!(std::sync::Arc::ptr_eq(x, y)),
        other => panic!("{other:?}"),
    }
    let b = library.load_template(&f, &name("b@.service"));
    let unit = b.instantiate(&name("b@1-x.service"));
    assert!(matches!(&unit.body, Body::Service(s) if &*s.exec_start[0].argv[1] == "1-x"), "{unit:?}");
    let absent = library.load_template(&f, &name("c@.service"));
    assert_eq!(absent.load(), NotFound);
    assert_eq!(absent.instantiate(&name("c@1.service")).load, NotFound);
}

#[test]
fn s27_s28_drop_ins_of_services() {
    let f = files(&[
        ("/usr/lib/units/foo-bar.service", "[Service]\nExecStart=/bin/a\n"),
        ("/usr/lib/units/foo-bar.service.d/20-a.conf", "[Service]\nNice=1\n"),
        ("/etc/units/foo-bar.service.d/10-b.conf", "[Service]\nNice=2\nUMask=07\n"),
        ("/usr/lib/units/foo-bar.service.d/10-b.conf", "[Service]\nUMask=01\n"),
        ("/usr/lib/units/foo-bar.service.d/30-c.conf", "[Service]\nNice=3\n"),
        ("/etc/units/foo-bar.service.d/30-c.conf", "-> /dev/null"),
    ]);
    let x = load_from(&f, "foo-bar.service");
    assert_eq!((x.service().exec.nice, x.service().exec.umask), (Some(1), Some(0o7)));
}

#[test]
fn s29_three_directories_reach_one_unit() {
    let f = files(&[
        ("/etc/units/foo-bar.service", "[Service]\nExecStart=/bin/a\n"),
        ("/etc/units/foo-bar.service.d/a.conf", "[Service]\nNice=1\n"),
        ("/etc/units/foo-.service.d/b.conf", "[Service]\nUMask=01\n"),
        ("/etc/units/service.d/c.conf", "[Service]\nOOMScoreAdjust=9\n"),
    ]);
    let x = load_from(&f, "foo-bar.service");
    let exec = &x.service().exec;
    assert_eq!((exec.nice, exec.umask, exec.oom_score_adjust), (Some(1), Some(1), Some(9)));
}

#[test]
fn s31_escapes_in_instances() {
    let f = files(&[("/etc/units/foo@.service", "[Unit]\nDescription=%i %I\n[Service]\nExecStart=/bin/a\n")]);
    assert_eq!(load_from(&f, "foo@a-b.service").description(), "a-b a/b");
    assert_eq!(load_from(&f, "foo@x\\x2dy.service").description(), "x\\x2dy x-y");
}

/// Counts what is asked of the file system.
struct Counting<'a> {
    files: &'a MemoryFiles,
    lists: std::cell::Cell<usize>,
    reads: std::cell::Cell<usize>,
}

impl Files for Counting<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.reads.set(self.reads.get() + 1);
        self.files.read(path)
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>, FileError> {
        self.lists.set(self.lists.get() + 1);
        self.files.list(directory)
    }

    fn link(&self, path: &str) -> Option<String> {
        self.files.link(path)
    }
}

#[test]
fn every_directory_is_listed_once() {
    const UNITS: usize = 200;
    let mut files = MemoryFiles::new();
    files.write("/etc/units/socket.d/a.conf", "[Socket]\nBacklog=3\n");
    files.write("/etc/units/s-.socket.d/b.conf", "[Socket]\nMark=3\n");
    for i in 0..UNITS {
        files.write(&format!("/etc/units/s-{i}.socket"), format!("[Socket]\nListenStream=@{i}\n"));
        files.write(&format!("/etc/units/s-{i}.service"), "[Service]\nExecStart=/bin/a\n");
    }
    let counting = Counting { files: &files, lists: 0.into(), reads: 0.into() };
    let mut library = library();
    let names = library.all_names(&counting, |_| true);
    let units = library.closure(&counting, &names);
    assert!(units.len() >= 2 * UNITS);
    // Three directories of the search path and two of drop-ins; every unit and two drop-ins.
    assert_eq!((counting.lists.get(), counting.reads.get()), (5, 2 * UNITS + 2));
}

/// The links of a whole type count, and a template's name is that of its instance.
#[test]
fn links_to_templates_and_of_whole_types() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/a.socket", "[Socket]\nListenStream=1\n");
    files.write("/etc/units/t@.socket", "[Socket]\nListenStream=2\n");
    files.symlink("/etc/units/socket.wants/all.service", "../all.service");
    files.symlink("/etc/units/a.socket.wants/w@.service", "../w@.service");
    files.symlink("/etc/units/t@.socket.wants/w@.service", "../w@.service");
    let wants = |unit: &str| -> Vec<String> {
        load_from(&files, unit).unit.related(Dependency::Wants).map(ToString::to_string).collect()
    };
    assert_eq!(wants("a.socket"), ["w@a.service", "all.service"]);
    assert_eq!(wants("t@i.socket"), ["w@i.service", "all.service"]);
}

#[test]
fn an_instance_with_a_file_of_its_own_has_no_names_of_its_template() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/t@.socket", "[Socket]\nListenStream=1\n").symlink("/etc/units/u@.socket", "t@.socket");
    files.write("/etc/units/t@own.socket", "[Socket]\nListenStream=2\n");
    assert_eq!(load_from(&files, "t@x.socket").unit.aliases, [name("u@x.socket")]);
    assert!(load_from(&files, "t@own.socket").unit.aliases.is_empty());
}

/// The main file is read under the name that was asked for, its drop-ins under the unit's own.
#[test]
fn specifiers_of_an_alias() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/a.socket", "[Unit]\nDescription=%n\n[Socket]\nListenStream=@%n\n");
    files.symlink("/etc/units/b.socket", "a.socket");
    files.write("/etc/units/a.socket.d/x.conf", "[Unit]\nDocumentation=man:%n\n");
    for (asked, shown) in [("a.socket", "a.socket"), ("b.socket", "b.socket")] {
        let unit = load_from(&files, asked).unit;
        assert_eq!((unit.name.as_str(), unit.description()), ("a.socket", shown));
        assert_eq!(*unit.common.documentation, ["man:a.socket".into()]);
    }
}

#[test]
fn links_in_a_ring_keep_the_name_that_was_asked_for() {
    let mut files = MemoryFiles::new();
    files.symlink("/etc/units/a.socket", "b.socket").symlink("/etc/units/b.socket", "a.socket");
    let unit = load_from(&files, "a.socket").unit;
    assert_eq!((unit.name.as_str(), unit.load, unit.aliases.len()), ("a.socket", LoadState::NotFound, 0));
}

/// Templates are started while porterd runs: what their instances need is read with them.
#[test]
fn what_instances_need_is_read_with_their_template() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/a.socket", "[Socket]\nListenStream=1\nAccept=yes\n");
    files.write("/etc/units/a@.service", "[Unit]\nRequires=all.service each@%i.service\n[Service]\nExecStart=/a\n");
    files.write("/etc/units/all.service", "[Service]\nExecStart=/a\n");
    files.write("/etc/units/each@.service", "[Service]\nExecStart=/a\n");
    let mut library = library();
    let units = library.closure(&files, &[name("a.socket")]);
    assert!(units.iter().any(|unit| unit.name.as_str() == "all.service"));
    assert!(units.iter().all(|unit| unit.name.prefix() != "each"));
    let templates: Vec<String> = library.templates().iter().map(|t| t.name.to_string()).collect();
    assert_eq!(templates, ["a@.service", "each@.service"]);
}

#[test]
fn what_is_hidden_and_what_leads_nowhere_hides_nothing() {
    let mut files = MemoryFiles::new();
    files.write("/etc/units/a.socket", "[Socket]\nListenStream=1\n");
    files.write("/etc/units/a.socket.d/.hidden.conf", "[Socket]\nBacklog=1\n");
    files.write("/etc/units/a.socket.d/dir.conf/file", "");
    files.symlink("/etc/units/a.socket.d/x.conf", "nowhere");
    files.write("/usr/lib/units/a.socket.d/x.conf", "[Socket]\nBacklog=2\n");
    files.symlink("/etc/units/a.socket.wants/.b.service", "../b.service");
    files.write("/etc/units/.c.socket", "[Socket]\nListenStream=1\n");
    let loaded = load_from(&files, "a.socket");
    assert_eq!(loaded.socket().backlog, 2);
    assert_eq!(loaded.unit.related(Dependency::Wants).count(), 0);
    let read: Vec<&str> = loaded.unit.drop_ins.iter().map(|path| &**path).collect();
    assert_eq!(read.last(), Some(&"/usr/lib/units/a.socket.d/x.conf"));
    assert_eq!(load_from(&files, ".c.socket").state(), LoadState::NotFound);
}
