//! A socket unit: what to listen on, how, and what to do when somebody knocks.
//!
//! Field names are the directives' names in snake case; a directive's CamelCase name occurs only in
//! `directives.rs`.

mod beyond;

use super::admission::{Admission, OnLimit, OnMaxConnections};
use super::exec::{Command, ExecSettings, KillSettings};
use super::name::UnitName;
use super::{RateLimit, exec};
use crate::ids::Text;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

pub use beyond::{Beyond, Membership, OptionValue, RawOption};

/// Section [Socket].
#[derive(Clone, Debug, PartialEq)]
pub struct SocketUnit {
    /// All `Listen…=` lines in file order.
    pub listen: Vec<Listen>,
    /// `Accept=`
    pub accept: bool,
    /// The service to start: `Service=`, or the implicit one. With `Accept=yes` the template
    /// (`foo@.service`). `None` only if the unit is not loaded.
    pub service: Option<UnitName>,
    /// `Service=` was written (and is not the implicit one).
    pub service_explicit: bool,
    /// `FileDescriptorName=`; `None` means the unit's name (and `connection` with `Accept=yes`).
    pub file_descriptor_name: Option<Text>,
    /// `MaxConnections=`
    pub max_connections: u32,
    /// `MaxConnectionsPerSource=`; 0 is no limit.
    pub max_connections_per_source: u32,
    /// `TriggerLimitIntervalSec=`, `TriggerLimitBurst=`
    pub trigger_limit: RateLimit,
    /// `PollLimitIntervalSec=`, `PollLimitBurst=`
    pub poll_limit: RateLimit,
    /// `FlushPending=`
    pub flush_pending: bool,
    /// `RemoveOnStop=`
    pub remove_on_stop: bool,
    /// `SocketUser=`
    pub socket_user: Option<Text>,
    /// `SocketGroup=`
    pub socket_group: Option<Text>,
    /// `SocketMode=`
    pub socket_mode: u32,
    /// `DirectoryMode=`
    pub directory_mode: u32,
    /// `Backlog=`; as given to listen(2), so 4294967295 is -1.
    pub backlog: u32,
    /// `BindIPv6Only=`
    pub bind_ipv6_only: BindIpv6Only,
    /// `TimeoutSec=`
    pub timeout_usec: u64,
    /// `X-OnMaxConnections=`; `None` is the character's.
    pub on_max_connections: Option<OnMaxConnections>,
    /// `X-OnLimit=`; `None` is the character's.
    pub on_limit: Option<OnLimit>,
    /// Rules about peers, if there are any.
    pub admission: Option<Arc<Admission>>,
    /// Everything that is seldom set.
    pub options: Arc<SocketOptions>,
    /// `ExecStartPre=`
    pub exec_start_pre: Vec<Command>,
    /// `ExecStartPost=`
    pub exec_start_post: Vec<Command>,
    /// `ExecStopPre=`
    pub exec_stop_pre: Vec<Command>,
    /// `ExecStopPost=`
    pub exec_stop_post: Vec<Command>,
    /// What the commands run as.
    pub exec: Arc<ExecSettings>,
    /// How the commands are ended.
    pub kill: KillSettings,
}

impl Default for SocketUnit {
    fn default() -> Self {
        SocketUnit {
            listen: Vec::new(),
            accept: false,
            service: None,
            service_explicit: false,
            file_descriptor_name: None,
            max_connections: 64,
            max_connections_per_source: 0,
            trigger_limit: RateLimit { interval_usec: 2_000_000, burst: 20 },
            poll_limit: RateLimit { interval_usec: 2_000_000, burst: 15 },
            flush_pending: false,
            remove_on_stop: false,
            socket_user: None,
            socket_group: None,
            socket_mode: 0o666,
            directory_mode: 0o755,
            backlog: i32::MAX as u32,
            bind_ipv6_only: BindIpv6Only::Default,
            timeout_usec: exec::DEFAULT_TIMEOUT_USEC,
            on_max_connections: None,
            on_limit: None,
            admission: None,
            options: SocketOptions::usual(),
            exec_start_pre: Vec::new(),
            exec_start_post: Vec::new(),
            exec_stop_pre: Vec::new(),
            exec_stop_post: Vec::new(),
            exec: ExecSettings::usual(),
            kill: KillSettings::default(),
        }
    }
}

/// `BindIPv6Only=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindIpv6Only {
    /// As the kernel is configured.
    Default,
    /// IPv4 too.
    Both,
    /// IPv6 alone.
    Ipv6Only,
}

/// One `Listen…=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `ListenStream=`, `ListenDatagram=`, `ListenSequentialPacket=`
    Socket {
        /// Which of the three.
        kind: SocketKind,
        /// Where.
        address: Address,
    },
    /// `ListenFIFO=`
    Fifo(Text),
    /// `ListenSpecial=`
    Special(Text),
    /// `ListenNetlink=`
    Netlink {
        /// Protocol number (`NETLINK_ROUTE` is 0).
        family: i32,
        /// Multicast bit mask (`nl_groups`).
        groups: u32,
    },
    /// `ListenMessageQueue=`
    MessageQueue(Text),
    /// `ListenUSBFunction=`
    UsbFunction(Text),
}

impl Listen {
    /// Sequential packets over IP, which only SCTP has.
    pub fn is_ip_packets(&self) -> bool {
        let packets = SocketKind::SequentialPacket;
        matches!(self, Listen::Socket { kind, address: Address::V4(..) | Address::V6(..) } if *kind == packets)
    }

    /// Port 0: the kernel chooses one.
    pub fn asks_for_any_port(&self) -> bool {
        matches!(self, Listen::Socket { address: Address::V4(_, 0) | Address::V6(_, 0, _), .. })
    }
}

/// The socket types that can be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketKind {
    /// `SOCK_STREAM`
    Stream,
    /// `SOCK_DGRAM`
    Datagram,
    /// `SOCK_SEQPACKET`
    SequentialPacket,
}

/// A socket address as written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// A.B.C.D:PORT
    V4(Ipv4Addr, u16),
    /// [V6]:PORT, with a scope (interface index; 0 is none).
    V6(Ipv6Addr, u16, u32),
    /// An absolute path, as bytes without NUL.
    Path(Text),
    /// An abstract name without the leading NUL.
    Abstract(Text),
    /// CID and port.
    Vsock(u32, u32),
}

/// Socket options and whatever else is seldom set. `None`, 0 or false is "leave alone".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// `KeepAlive=`
    pub keep_alive: bool,
    /// `KeepAliveTimeSec=`, microseconds
    pub keep_alive_time_usec: Option<u64>,
    /// `KeepAliveIntervalSec=`, microseconds
    pub keep_alive_interval_usec: Option<u64>,
    /// `KeepAliveProbes=`
    pub keep_alive_probes: u32,
    /// `DeferAcceptSec=`, microseconds
    pub defer_accept_usec: Option<u64>,
    /// `NoDelay=`
    pub no_delay: bool,
    /// `Broadcast=`
    pub broadcast: bool,
    /// `PassCredentials=`
    pub pass_credentials: bool,
    /// `PassPIDFD=`
    pub pass_pidfd: bool,
    /// `PassSecurity=`
    pub pass_security: bool,
    /// `PassPacketInfo=`
    pub pass_packet_info: bool,
    /// `AcceptFileDescriptors=no`
    pub refuse_file_descriptors: bool,
    /// `Timestamping=`
    pub timestamping: Timestamping,
    /// `Priority=`
    pub priority: Option<i32>,
    /// `ReceiveBuffer=`, bytes
    pub receive_buffer: u64,
    /// `SendBuffer=`, bytes
    pub send_buffer: u64,
    /// `Mark=`
    pub mark: Option<i32>,
    /// `IPTOS=`
    pub ip_tos: Option<i32>,
    /// `IPTTL=`
    pub ip_ttl: Option<i32>,
    /// `TCPCongestion=`
    pub tcp_congestion: Option<Text>,
    /// `ReusePort=`
    pub reuse_port: bool,
    /// `FreeBind=`
    pub free_bind: bool,
    /// `Transparent=`
    pub transparent: bool,
    /// `BindToDevice=`
    pub bind_to_device: Option<Text>,
    /// `SocketProtocol=`, IP protocol number
    pub socket_protocol: Option<i32>,
    /// `Writable=`
    pub writable: bool,
    /// `PipeSize=`, bytes
    pub pipe_size: u64,
    /// `MessageQueueMaxMessages=`
    pub message_queue_max_messages: i64,
    /// `MessageQueueMessageSize=`
    pub message_queue_message_size: i64,
    /// `Symlinks=`
    pub symlinks: Vec<Text>,
    /// `PassFileDescriptorsToExec=`
    pub pass_file_descriptors_to_exec: bool,
    /// `DeferTrigger=`
    pub defer_trigger: DeferTrigger,
    /// `DeferTriggerMaxSec=`; 0 is no limit
    pub defer_trigger_max_usec: u64,
    /// `SmackLabel=`
    pub smack_label: Option<Text>,
    /// `SmackLabelIPIn=`
    pub smack_label_ip_in: Option<Text>,
    /// `SmackLabelIPOut=`
    pub smack_label_ip_out: Option<Text>,
    /// `SELinuxContextFromNet=`
    pub selinux_context_from_net: bool,
    /// Keys of our own
    pub beyond: Beyond,
    /// `XAttrEntryPoint=`
    pub xattr_entry_point: Vec<XAttr>,
    /// `XAttrListen=`
    pub xattr_listen: Vec<XAttr>,
    /// `XAttrAccept=`
    pub xattr_accept: Vec<XAttr>,
}

impl SocketOptions {
    /// The defaults, in memory once for all units.
    pub fn usual() -> Arc<SocketOptions> {
        static USUAL: LazyLock<Arc<SocketOptions>> = LazyLock::new(Arc::default);
        Arc::clone(&USUAL)
    }
}

/// One of `XAttr…=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XAttr {
    /// `user.NAME`
    pub name: Text,
    /// Its value; may be empty.
    pub value: Text,
}

/// `Timestamping=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamping {
    /// none
    #[default]
    Off,
    /// `SO_TIMESTAMP`
    Microseconds,
    /// `SO_TIMESTAMPNS`
    Nanoseconds,
}

impl Listen {
    /// Whether the other is the same port, as a reload compares them: scopes of IPv6 do not count.
    pub fn is_same_port(&self, other: &Listen) -> bool {
        match (self, other) {
            (
                Listen::Socket { kind, address: Address::V6(ip, port, _) },
                Listen::Socket { kind: k, address: Address::V6(i, p, _) },
            ) => (kind, ip, port) == (k, i, p),
            _ => self == other,
        }
    }
}

/// `DeferTrigger=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeferTrigger {
    /// Start at once, stopping what conflicts.
    #[default]
    No,
    /// Wait while other jobs run.
    Yes,
    /// Wait until it works.
    Patient,
}

impl SocketUnit {
    /// Whether it ever runs a process of its own.
    pub fn has_commands(&self) -> bool {
        let lists = [&self.exec_start_pre, &self.exec_start_post, &self.exec_stop_pre, &self.exec_stop_post];
        lists.iter().any(|commands| !commands.is_empty())
    }

    /// Where the sockets of the unit listen is told to its service: the file does not say, or it says
    /// that somebody wants to know.
    pub fn publishes_addresses(&self) -> bool {
        self.options.beyond.publish_address.is_some() || self.listen.iter().any(Listen::asks_for_any_port)
    }

    /// Something on disk goes when the sockets are closed.
    pub fn leaves_nothing(&self) -> bool {
        self.remove_on_stop || self.options.beyond.publish_address.is_some()
    }

    /// Name given to the descriptors of this unit in `LISTEN_FDNAMES`, for `Accept=no`.
    pub fn fd_name<'a>(&'a self, unit: &'a UnitName) -> &'a str {
        self.file_descriptor_name.as_deref().unwrap_or(unit.as_str())
    }
}
