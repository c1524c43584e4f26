//! A socket unit becomes a recipe: kernel calls in systemd's order (reference: socket creation
//! sequence of systemd 252 and newer, socket(7), ip(7), tcp(7), unix(7)).

use crate::ids::Text;
use crate::unit::socket::{Address, Membership, RawOption};

pub use super::recipe::{BindFacts, connection_calls, recipe, removals};

/// All ports of a socket unit, in file order, and what happens after all are open.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// One straight-line program per `Listen…=` line.
    pub ports: Vec<Port>,
    /// `Symlinks=`, made after the ports; a failure is a warning.
    pub symlinks: Vec<Symlink>,
    /// `SocketUser=`, `SocketGroup=`: changed once all ports are open.
    pub chown: Option<Chown>,
    /// `X-BindRetry=address-up`: a missing address is waited for.
    pub waits: bool,
    /// `X-HealNode=`: nodes that get a second name, so that they can be put back.
    pub kept: Vec<Text>,
    /// `X-PublishAddress=`: written once all ports are open.
    pub publish: Option<Text>,
    /// Nodes, queues and links that `RemoveOnStop=` takes away, and what is there for the sockets alone.
    pub remove: Vec<Remove>,
}

/// The calls that make one descriptor (or several, for USB functions).
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Display form of the address, as `list-sockets` shows it.
    pub display: Text,
    /// Type word, as `list-sockets --show-types` shows it.
    pub type_word: &'static str,
    /// In order.
    pub calls: Vec<SocketCall>,
}

/// What a failing call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The port cannot be opened.
    Fail,
    /// Told, and on with the next call.
    Warn,
    /// Not even told.
    Ignore,
}

/// One kernel call.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketCall {
    /// socket(2); close-on-exec and non-blocking are always added.
    Socket {
        /// `AF_*`
        domain: i32,
        /// `SOCK_*`
        kind: i32,
        /// Protocol, 0 for the default.
        protocol: i32,
    },
    /// setsockopt(2) with an integer.
    SetInt {
        /// Directive that asked for it, for messages; empty for what is always set.
        directive: &'static str,
        /// `SOL_*`, `IPPROTO_*`
        level: i32,
        /// Option number.
        name: i32,
        /// Option name for people, e.g. `SO_KEEPALIVE`.
        symbol: &'static str,
        /// The value.
        value: i32,
        /// If it fails.
        on_error: OnError,
    },
    /// setsockopt(2) with a string (`SO_BINDTODEVICE`, `TCP_CONGESTION`).
    SetText {
        /// Directive that asked for it.
        directive: &'static str,
        /// `SOL_*`, `IPPROTO_*`
        level: i32,
        /// Option number.
        name: i32,
        /// Option name for people.
        symbol: &'static str,
        /// The value, without NUL.
        value: Text,
        /// If it fails.
        on_error: OnError,
    },
    /// setsockopt(2) as it is written (`X-SockOpt=`).
    SetRaw {
        /// Which, and to what.
        option: RawOption,
        /// If it fails.
        on_error: OnError,
    },
    /// `MCAST_JOIN_GROUP`, or `MCAST_JOIN_SOURCE_GROUP`; the interface is looked up now.
    Join(Membership),
    /// `IP_MULTICAST_IF` or `IPV6_MULTICAST_IF`; the interface is looked up now.
    MulticastInterface {
        /// `IPPROTO_IP`, `IPPROTO_IPV6`
        level: i32,
        /// A name or an index.
        interface: Text,
    },
    /// `SO_RCVBUF`/`SO_SNDBUF`, then the FORCE variant if the kernel gave less.
    SetBuffer {
        /// Directive that asked for it.
        directive: &'static str,
        /// Receive (true) or send.
        receive: bool,
        /// Bytes asked for.
        bytes: u64,
    },
    /// No call: the option does not exist for this family. Told as a failed option (EAFNOSUPPORT).
    Unsupported {
        /// Directive that asked for it.
        directive: &'static str,
    },
    /// fsetxattr(2) on the descriptor, or lsetxattr(2) on the node (labels).
    SetXattr {
        /// Directive that asked for it.
        directive: &'static str,
        /// The node; `None` is the descriptor.
        path: Option<Text>,
        /// Attribute name.
        name: Text,
        /// Value.
        value: Text,
    },
    /// Missing parent directories.
    MakeParents {
        /// The node whose parents are meant.
        path: Text,
        /// Mode of each directory that has to be made.
        mode: u32,
    },
    /// bind(2); a path is made under umask `!mode`, and replaced if it is in the way.
    Bind {
        /// Where.
        address: Address,
        /// Mode of a path's node.
        mode: u32,
        /// Replace even a socket on which somebody listens (systemd does).
        take_over: bool,
        /// The interface of an IPv6 address, looked up now.
        scope: Option<Text>,
    },
    /// bind(2) on a netlink socket.
    BindNetlink {
        /// `nl_groups`
        groups: u32,
    },
    /// listen(2)
    Listen {
        /// Given as is.
        backlog: i32,
    },
    /// utimensat(2): wakes whoever waits for the node with inotify.
    Touch {
        /// The node.
        path: Text,
    },
    /// mkfifo(2) and open(2), read-write and non-blocking.
    Fifo {
        /// The node.
        path: Text,
        /// `SocketMode=`
        mode: u32,
    },
    /// `F_SETPIPE_SZ`
    PipeSize {
        /// Bytes.
        bytes: u64,
    },
    /// open(2) of an existing character device or file.
    Special {
        /// The node.
        path: Text,
        /// `Writable=`
        writable: bool,
    },
    /// mq_open(3)
    MessageQueue {
        /// Name with its slash.
        name: Text,
        /// `SocketMode=`
        mode: u32,
        /// `MessageQueueMaxMessages=` and `MessageQueueMessageSize=`, if both are given.
        attributes: Option<(i64, i64)>,
    },
    /// FunctionFS directory: ep0, descriptors and strings written, endpoints opened.
    UsbFunction {
        /// The mounted directory.
        path: Text,
        /// `USBFunctionDescriptors=` of the service; empty if not set (EINVAL).
        descriptors: Text,
        /// `USBFunctionStrings=` of the service; empty if not set (EINVAL).
        strings: Text,
    },
}

/// One of `Symlinks=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symlink {
    /// The link.
    pub link: Text,
    /// The node it leads to.
    pub target: Text,
    /// Replace what is in the way (`RemoveOnStop=yes`).
    pub replace: bool,
    /// `DirectoryMode=`
    pub directory_mode: u32,
}

/// Who shall own the nodes. Names are looked up when it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chown {
    /// `SocketUser=`
    pub user: Option<Text>,
    /// `SocketGroup=`
    pub group: Option<Text>,
    /// Paths of sockets and FIFOs.
    pub paths: Vec<Text>,
    /// Names of message queues (systemd 257 and newer).
    pub queues: Vec<Text>,
}

/// What `RemoveOnStop=` takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remove {
    /// unlink(2)
    Node(Text),
    /// mq_unlink(3)
    MessageQueue(Text),
}
