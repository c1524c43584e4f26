//! service-unit.md 29, the items that reading a file decides. Numbers are those of the list.

use crate::support::{load_from, service_of};
use porterd::ids::INFINITY_USEC;
use porterd::unit::LoadState::{BadSetting, Loaded as Ok_};
use porterd::unit::exec::{Beside, Input, KillMode, Output, Privilege, Resource};
use porterd::unit::load::MemoryFiles;
use porterd::unit::service::{NotifyAccess, Restart, ServiceType};
use porterd::unit::{Body, Dependency};

fn argv(line: &str) -> Vec<String> {
    let x = service_of(&format!("ExecStart={line}"));
    x.service().exec_start[0].argv.iter().map(|a| a.to_string()).collect()
}

fn environment(lines: &str) -> Vec<String> {
    let x = service_of(&format!("ExecStart=/bin/a\n{lines}"));
    x.service().exec.environment.iter().map(|(n, v)| format!("{n}={v}")).collect()
}

#[test]
fn n01_n02_n03_words() {
    assert_eq!(argv(r#"/bin/echo "a b" 'c d' e\x20f "g"h"#), ["/bin/echo", "a b", "c d", "e f", "gh"]);
    assert_eq!(argv(r#"/bin/echo "" x"#), ["/bin/echo", "", "x"]);
    let x = service_of(r"ExecStart=/bin/echo \q");
    assert_eq!(&*x.found(&["unknown-escape"]).service().exec_start[0].argv[1], r"\q");
}

#[test]
fn n04_unbalanced_quotes() {
    service_of("ExecStart=/bin/echo \"unbalanced").is(BadSetting).found(&["bad-command"]);
    service_of("ExecStart=-/bin/echo \"unbalanced").is(BadSetting).found(&["bad-command-ignored", "no-exec-start"]);
}

#[test]
fn n05_n06_semicolons() {
    let x = service_of("Type=oneshot\nExecStart=/bin/echo a ; /bin/echo b");
    assert_eq!(x.silent().service().exec_start.len(), 2);
    service_of("ExecStart=/bin/echo a ; /bin/echo b").is(BadSetting).found(&["many-exec-start"]);
    assert_eq!(argv(r"/bin/echo a \; b"), ["/bin/echo", "a", ";", "b"]);
    assert_eq!(argv(r#"/bin/echo a ";" b"#), ["/bin/echo", "a", ";", "b"]);
}

#[test]
fn n07_n08_programs() {
    service_of("ExecStart=relative/path").is(BadSetting);
    assert_eq!(&*service_of("ExecStart=true").silent().service().exec_start[0].path, "true");
    service_of("ExecStart=/bin/").is(BadSetting);
}

#[test]
fn n09_n10_n11_prefixes() {
    let x = service_of("ExecStart=-@:+/bin/sh sh0 -c 'echo $0'");
    let command = &x.silent().service().exec_start[0];
    assert!(command.ignore_failure && command.no_expansion && command.argv0_given);
    assert_eq!((command.privilege, &*command.path, &*command.argv[0]), (Privilege::Full, "/bin/sh", "sh0"));
    service_of("ExecStart=@/bin/sh").is(BadSetting);
    service_of("ExecStart=!+/bin/true").is(BadSetting);
}

#[test]
fn n12_to_n15_continuation() {
    let x = service_of("ExecStart=/bin/echo a \\\n# comment\n   b");
    assert_eq!(x.service().exec_start[0].argv.len(), 3);
    assert_eq!(argv("/bin/echo \"x \\\n  y\""), ["/bin/echo", "x    y"]);
    let x = service_of("ExecStart=/bin/echo a\\\\\nNice=3");
    assert_eq!((&*x.service().exec_start[0].argv[1], x.service().exec.nice), ("a\\", Some(3)));
    let x = service_of("ExecStart=/bin/echo a \\ \nNice=3");
    assert_eq!((&*x.service().exec_start[0].argv[2], x.service().exec.nice), ("\\", Some(3)));
    x.found(&["unknown-escape"]);
}

#[test]
fn n16_n17_blanks_and_comments() {
    let x = service_of("Type = notify\n User=daemon \nExecStart=/bin/a\n ;comment\n\t#comment");
    assert_eq!(
        (x.silent().service().service_type, x.service().exec.user.as_deref()),
        (ServiceType::Notify, Some("daemon"))
    );
    let x = service_of("Type=notify # x\nExecStart=/bin/a");
    assert_eq!(x.found(&["invalid-value"]).service().service_type, ServiceType::Simple);
}

#[test]
fn n22_n23_n24_n25_values() {
    let x = service_of("ExecStart=/bin/a\nRestart=sometimes");
    assert_eq!(x.found(&["invalid-value"]).service().restart, Restart::No);
    assert_eq!(environment("Environment=A=1 A=2"), ["A=2"]);
    assert_eq!(environment("Environment=A=1 A=2\nEnvironment="), [""; 0]);
    assert_eq!(environment(r#"Environment="A=1 2" B='3 4' C=5\x206"#), ["A=1 2", "B=3 4", "C=5 6"]);
    let x = service_of("ExecStart=/bin/a\nEnvironment=1A=x B=1\nEnvironment=A");
    x.found(&["invalid-item", "invalid-item"]);
    assert_eq!(x.service().exec.environment.len(), 1);
}

#[test]
fn n26_replacing_the_command() {
    let mut files = MemoryFiles::new();
    files
        .write("/etc/units/x.service", "[Service]\nExecStart=/bin/a\n")
        .write("/etc/units/x.service.d/10-x.conf", "[Service]\nExecStart=\nExecStart=/bin/b\n");
    assert_eq!(&*load_from(&files, "x.service").silent().service().exec_start[0].path, "/bin/b");
    files.write("/etc/units/x.service.d/10-x.conf", "[Service]\nExecStart=/bin/b\n");
    load_from(&files, "x.service").is(BadSetting).found(&["many-exec-start"]);
}

#[test]
fn n32_specifiers() {
    assert_eq!(argv("/bin/echo 100%% 5% %-"), ["/bin/echo", "100%", "5%", "%-"]);
    service_of("ExecStart=/bin/echo %Z").is(BadSetting);
    service_of("ExecStart=/bin/echo\nEnvironment=A=%Z").is(Ok_).found(&["invalid-item"]);
}

#[test]
fn n33_n34_specifiers_are_the_managers_and_stay_one_word() {
    assert_eq!(argv("/bin/echo %h %u"), ["/bin/echo", "/root", "root"]);
    let mut files = MemoryFiles::new();
    files.write("/etc/units/x@.service", "[Service]\nExecStart=/bin/echo %I\n");
    let x = load_from(&files, "x@a\\x20b.service");
    assert_eq!(&*x.service().exec_start[0].argv[1], "a b");
}

#[test]
fn types_and_their_defaults() {
    assert_eq!(service_of("BusName=a.b\nExecStart=/bin/a").service().service_type, ServiceType::Dbus);
    assert_eq!(service_of("ExecStart=/bin/a").service().service_type, ServiceType::Simple);
    let x = service_of("ExecStop=/bin/a\nRemainAfterExit=yes");
    assert_eq!((x.service().service_type, x.service().timeout_start_usec), (ServiceType::Oneshot, INFINITY_USEC));
    assert_eq!(service_of("Type=oneshot\nExecStart=/bin/a\nTimeoutStartSec=1").service().timeout_start_usec, 1_000_000);
    let x = service_of("TimeoutSec=5\nExecStart=/bin/a");
    assert_eq!((x.service().timeout_start_usec, x.service().timeout_stop_usec), (5_000_000, 5_000_000));
}

#[test]
fn notify_access_is_raised() {
    let access = |lines: &str| service_of(&format!("ExecStart=/bin/a\n{lines}")).service().notify_access;
    assert_eq!(access(""), NotifyAccess::None);
    for lines in ["Type=notify", "Type=notify-reload", "WatchdogSec=1", "FileDescriptorStoreMax=1"] {
        assert_eq!(access(lines), NotifyAccess::Main, "{lines}");
    }
    assert_eq!(access("Type=notify\nNotifyAccess=all"), NotifyAccess::All);
}

#[test]
fn n72_n73_refusals() {
    service_of("Type=simple").is(BadSetting).found(&["no-exec-start"]);
    service_of("Type=simple\nExecStop=/bin/a").is(BadSetting).found(&["no-exec-start"]);
    service_of("Type=oneshot\nExecStop=/bin/a").is(BadSetting).found(&["no-exec-start"]);
    service_of("Type=oneshot\nRemainAfterExit=yes\nExecStop=/bin/a").is(Ok_).silent();
    service_of("Type=oneshot\nExecStart=/bin/a\nRestart=always").is(BadSetting).found(&["oneshot-restart"]);
    service_of("Type=oneshot\nExecStart=/bin/a\nRestart=on-failure").is(Ok_);
    service_of("Type=oneshot\nExecStart=/bin/a\nRestartForceExitStatus=1").is(BadSetting);
    service_of("Type=oneshot\nExecStart=/bin/a\nExitType=cgroup").is(BadSetting);
    service_of("Type=dbus\nExecStart=/bin/a").is(BadSetting).found(&["no-bus-name"]);
    service_of("PAMName=x\nExecStart=/bin/a\nKillMode=process").is(BadSetting);
    service_of("PAMName=x\nExecStart=/bin/a\nKillMode=mixed").is(Ok_);
    let mut files = MemoryFiles::new();
    files.write("/etc/units/x.service", "[Unit]\nSuccessAction=exit\n[Service]\nType=oneshot\n");
    load_from(&files, "x.service").is(Ok_).silent();
}

#[test]
fn n76_n77_exit_statuses() {
    let x = service_of(
        "ExecStart=/bin/a\nSuccessExitStatus=3 SIGUSR1 TEMPFAIL\nRestartPreventExitStatus=42\nRestartForceExitStatus=0",
    );
    let more = &x.silent().service().more;
    assert_eq!((&more.success_exit_status.codes[..], &more.success_exit_status.signals[..]), (&[3, 75][..], &[10][..]));
    assert_eq!(more.restart_prevent_exit_status.codes, [42]);
    assert_eq!(more.restart_force_exit_status.codes, [0]);
    let x = service_of(
        "ExecStart=/bin/a\nSuccessExitStatus=1\nSuccessExitStatus=2\nSuccessExitStatus=\nSuccessExitStatus=7 nonsense",
    );
    assert_eq!(x.found(&["invalid-item"]).service().more.success_exit_status.codes, [7]);
}

#[test]
fn n85_n88_ending() {
    let x = service_of(
        "ExecStart=/bin/a\nTimeoutStopSec=0\nKillMode=mixed\nKillSignal=SIGINT\nRestartKillSignal=USR2\nSendSIGHUP=yes\nSendSIGKILL=no",
    );
    let service = x.silent().service();
    assert_eq!(service.timeout_stop_usec, INFINITY_USEC);
    let kill = &service.kill;
    assert_eq!((kill.kill_mode, kill.kill_signal, kill.restart_kill_signal), (KillMode::Mixed, 2, Some(12)));
    assert!(kill.send_sighup && !kill.send_sigkill);
}

#[test]
fn n100_to_n103_streams() {
    let x = service_of("ExecStart=/bin/a\nStandardInput=fd:web\nStandardOutput=append:/x\nStandardError=syslog");
    let exec = &x.found(&["obsolete-value"]).service().exec;
    assert_eq!(exec.standard_input, Input::Fd(Some("web".into())));
    assert_eq!(exec.standard_output, Some(Output::Append("/x".into())));
    assert_eq!(exec.standard_error, Some(Output::Log(Beside::default())));
    let x = service_of("ExecStart=/bin/a\nStandardOutput=file:relative\nStandardInput=fd:a:b");
    assert_eq!((x.found(&["invalid-value", "invalid-value"]).service().exec.standard_output.clone()), None);
    let x = service_of("ExecStart=/bin/a\nStandardInputText=a\nStandardInputText=a\\x20 b\nStandardInputData=YmMK");
    assert_eq!(x.silent().service().exec.standard_input_data, b"a\na  b\nbc\n");
    assert_eq!(x.service().exec.standard_input, Input::Data);
}

#[test]
fn n113_n114_n117_properties() {
    let x = service_of(
        "ExecStart=/bin/a\nLimitNOFILE=100:200\nLimitCPU=1min\nLimitNOFILE=300:200\nNice=5\nOOMScoreAdjust=500\nUMask=0077",
    );
    let exec = &x.found(&["invalid-value"]).service().exec;
    let limits: Vec<(Resource, u64, u64)> = exec.limits.iter().map(|(r, l)| (*r, l.soft, l.hard)).collect();
    assert_eq!(limits, [(Resource::Cpu, 60, 60), (Resource::Nofile, 100, 200)]);
    let bounding = |lines: &str| {
        let x = service_of(&format!("ExecStart=/bin/a\n{lines}"));
        x.service().exec.rare.as_ref().and_then(|r| r.capability_bounding_set)
    };
    assert_eq!(bounding("CapabilityBoundingSet=CAP_NET_BIND_SERVICE"), Some(0x400));
    assert_eq!(bounding("CapabilityBoundingSet=CAP_TYPO"), Some(0));
    assert_eq!(bounding("CapabilityBoundingSet="), Some(0));
    assert_eq!(bounding("CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=cap_kill"), Some(0x21));
    assert_eq!(bounding("CapabilityBoundingSet=CAP_CHOWN CAP_KILL\nCapabilityBoundingSet=~CAP_KILL"), Some(1));
    let all = porterd::unit::values::names::CAPABILITIES_ALL;
    assert_eq!(bounding("CapabilityBoundingSet=~CAP_SYS_TIME"), Some(all & !(1 << 25)));
    assert_eq!(bounding("CapabilityBoundingSet=~"), None);
}

#[test]
fn directories_and_users_that_cannot_be() {
    service_of("ExecStart=/bin/a\nWorkingDirectory=rel").is(BadSetting).found(&["bad-directory"]);
    service_of("ExecStart=/bin/a\nWorkingDirectory=-rel").is(Ok_);
    service_of("ExecStart=/bin/a\nRootDirectory=rel").is(BadSetting).found(&["bad-directory"]);
    service_of("ExecStart=/bin/a\nUser=a:b").is(BadSetting).found(&["bad-user"]);
    service_of("ExecStart=/bin/a\nSupplementaryGroups=mail a:b").is(BadSetting);
    let x = service_of("ExecStart=/bin/a\nWorkingDirectory=-~");
    let directory = x.silent().service().exec.working_directory.clone().unwrap();
    assert!(directory.optional && directory.path.is_none());
}

#[test]
fn dependencies_of_services() {
    let x = service_of("ExecStart=/bin/a\nSockets=a.socket b.socket");
    let of = |kind| -> Vec<&str> { x.unit.related(kind).map(|n| n.as_str()).collect() };
    assert_eq!(of(Dependency::TriggeredBy), ["a.socket", "b.socket"]);
    assert_eq!(of(Dependency::Wants), ["a.socket", "b.socket"]);
    assert_eq!(of(Dependency::After), ["a.socket", "b.socket", "system.slice", "sysinit.target", "basic.target"]);
    assert_eq!(of(Dependency::Requires), ["system.slice", "sysinit.target"]);
    assert_eq!(of(Dependency::Before), ["shutdown.target"]);
}

#[test]
fn conditions_are_kept_apart() {
    let mut files = MemoryFiles::new();
    let unit = "[Unit]\nConditionPathExists=|!/%p\nConditionUser=root\nAssertPathExists=/a\nConditionPathExists=rel\n\
                AssertHost=\n[Service]\nExecStart=/bin/a\n";
    files.write("/etc/units/x.service", unit);
    let x = load_from(&files, "x.service");
    x.found(&["invalid-value"]);
    assert_eq!((x.unit.common.conditions.len(), x.unit.common.asserts.len()), (2, 0));
    let first = &x.unit.common.conditions[0];
    assert!(first.trigger && first.negate && &*first.parameter == "/x");
}

#[test]
fn units_with_defaults_share_them() {
    let mut files = MemoryFiles::new();
    let mut names = Vec::new();
    for i in 0..3 {
        files.write(&format!("/etc/units/s{i}.socket"), format!("[Socket]\nListenStream=/run/{i}\n"));
        files.write(&format!("/etc/units/s{i}.service"), format!("[Service]\nExecStart=/bin/a {i}\n"));
        names.push(crate::support::name(&format!("s{i}.socket")));
    }
    let mut library = crate::support::library();
    let units = library.closure(&files, &names);
    let sockets: Vec<_> = units
        .iter()
        .filter_map(|u| match &u.body {
            Body::Socket(s) => Some(s),
            _ => None,
        })
        .collect();
    let services: Vec<_> = units
        .iter()
        .filter_map(|u| match &u.body {
            Body::Service(s) => Some(s),
            _ => None,
        })
        .collect();
    assert_eq!((sockets.len(), services.len()), (3, 3));
    for (socket, service) in sockets.iter().zip(&services) {
        assert!(std::sync::Arc::ptr_eq(&socket.options, &sockets[0].options));
        assert!(std::sync::Arc::ptr_eq(&service.more, &services[0].more));
        assert!(std::sync::Arc::ptr_eq(&service.exec, &socket.exec));
    }
}
