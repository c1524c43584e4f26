//! Every limit of the program, with its unit and its reason (R8).

/// Longest logical line of a unit file, in bytes (systemd: `LONG_LINE_MAX`).
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Longest unit file, in bytes. systemd has no limit of its own; ours keeps a mistaken path
/// (`/dev/zero`, a disk image) from eating memory.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Longest unit name including its suffix, in bytes (systemd: `UNIT_NAME_MAX`).
pub const UNIT_NAME_BYTES_MAX: usize = 255;
/// Longest chain of aliases, in hops (systemd: `FOLLOW_MAX`).
pub const ALIAS_HOPS_MAX: usize = 8;
/// Diagnostics kept per file: a binary file must not produce a million.
pub const DIAGNOSTICS_PER_FILE_MAX: usize = 200;
/// Longest file descriptor name, in bytes (systemd: `FDNAME_MAX`).
pub const FD_NAME_BYTES_MAX: usize = 255;
/// Connections taken from one listener in one turn, so that no listener starves another.
pub const ACCEPTS_PER_TURN: u32 = 16;
/// Events taken from the kernel in one turn.
pub const EVENTS_PER_TURN: usize = 64;
/// Datagrams read from one notification socket in one turn.
pub const NOTIFICATIONS_PER_TURN: u32 = 32;
/// Longest `sd_notify` datagram, in bytes (systemd: `NOTIFY_BUFFER_MAX`, PIPE_BUF).
pub const NOTIFY_BYTES_MAX: usize = 4096;
/// Longest `STATUS=` text kept, in bytes (systemd: `STATUS_TEXT_MAX`).
pub const STATUS_BYTES_MAX: usize = 16 << 10;
/// Connections or datagrams thrown away by one `FlushPending=` pass (systemd: 1024).
pub const FLUSH_MAX: u32 = 1024;
/// Control clients at a time.
pub const CLIENTS_MAX: usize = 256;
/// Longest control request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Bytes queued for a control client that does not read before it is dropped.
pub const REPLY_BACKLOG_BYTES_MAX: usize = 64 << 20;
/// Time a control client may take for one request from its first byte, in microseconds.
pub const REQUEST_TIMEOUT_USEC: u64 = 30_000_000;
/// Failed `Accept=yes` instances kept for `status` per socket; the oldest is dropped.
pub const FAILED_INSTANCES_MAX: usize = 64;
/// Shortest and longest pause of a listener after exhaustion, in microseconds.
pub const PAUSE_USEC_MIN: u64 = 100_000;
/// See [`PAUSE_USEC_MIN`].
pub const PAUSE_USEC_MAX: u64 = 5_000_000;
/// Shortest time between two tries to bind a socket that waits for its address, in microseconds.
pub const BIND_RETRY_USEC: u64 = 200_000;
/// Messages about addresses read in one turn; whatever they say, they are one change.
pub const ADDRESS_MESSAGES_PER_TURN: u32 = 64;
/// How often it is looked whether boot waits for nothing but addresses, in microseconds.
pub const BOOT_PATIENCE_USEC: u64 = 100_000;
/// How often the nodes of one socket unit are put back (`X-HealNode=`) in [`HEALS_INTERVAL_USEC`].
pub const HEALS_BURST: u32 = 10;
/// See [`HEALS_BURST`].
pub const HEALS_INTERVAL_USEC: u64 = 10_000_000;
/// Sockets of one unit that stay open beside the ones that took their place (`X-HealNode=`).
pub const LOST_PORTS_MAX: usize = 8;
/// Deadline of a user database look-up in a child, in microseconds.
pub const NSS_TIMEOUT_USEC: u64 = 5_000_000;
/// Deadline of a child that makes or visits a network namespace, in microseconds.
pub const NAMESPACE_TIMEOUT_USEC: u64 = 5_000_000;
/// Longest line taken from a service's output, in bytes; longer ones are split (systemd: `LINE_MAX` 48 KiB).
pub const LOG_LINE_BYTES_MAX: usize = 48 << 10;
/// Log lines kept per unit for `status`.
pub const LOG_LINES_KEPT: usize = 10;
/// Longest pid file, in bytes.
pub const PID_FILE_BYTES_MAX: usize = 64;
/// Longest environment file, in bytes.
pub const ENVIRONMENT_FILE_BYTES_MAX: usize = 1 << 20;
/// Rounds of looking for further processes of a unit while signalling it.
pub const KILL_ROUNDS_MAX: usize = 16;
/// Events that one outside event may cause in turn before the engine is declared to be spinning.
pub const EVENTS_PER_CAUSE_MAX: usize = 100_000;
/// How long what is left may take to end when the machine is switched off, before and after SIGKILL.
pub const LAST_PROCESSES_MSEC: u64 = 3000;
/// Largest descriptor or string file of a USB function, in bytes.
pub const USB_FILE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a kernel table read while looking for the holder of an address.
pub const HOLDER_TABLE_BYTES_MAX: u64 = 16 << 20;
/// Descriptors of other processes looked at while looking for the holder of an address.
pub const HOLDER_FDS_MAX: usize = 65_536;
/// Holders of one address that are named.
pub const HOLDERS_NAMED_MAX: usize = 3;
/// Receive buffer of a notification socket, in bytes (systemd: `NOTIFY_RCVBUF_SIZE`).
pub const NOTIFY_RECEIVE_BUFFER_BYTES: i32 = 8 << 20;
/// Largest user database file read, in bytes.
pub const USER_FILE_BYTES_MAX: u64 = 16 << 20;
/// Descriptors looked at one by one before an exec where the kernel lacks close_range(2).
pub const CLOSE_SCAN_MAX: i32 = 65_536;
/// Bytes of the stack on which a child runs until its exec.
pub const CHILD_STACK_BYTES: usize = 64 << 10;
/// Children between clone and exec that are not waited for, each on a stack in our memory.
pub const PASSAGES_MAX: usize = 16;
/// Control groups kept open after somebody has left them, those that are in use again included. Each
/// takes two descriptors.
pub const SPARE_GROUPS_MAX: usize = 128;
/// The share of the comfortable number of descriptors that these may take.
pub const SPARE_GROUPS_SHARE: u64 = 16;
/// So often those that are free are looked through; one that nobody took meanwhile is removed.
pub const SPARE_GROUPS_SWEEP_USEC: u64 = 5_000_000;
/// Groups with the names of connections that an earlier porterd may have left, with somebody in them.
pub const LEFT_GROUPS_MAX: u32 = 4096;
/// Bytes read of one file below `/proc/PID`.
pub const ENVIRON_BYTES_MAX: u64 = 4 << 20;
/// Symbolic links followed on the way to a pid file (kernel: `MAXSYMLINKS`).
pub const PID_FILE_LINKS_MAX: usize = 40;
/// Prefixes of `X-AllowFrom=` and `X-DenyFrom=` of one socket; more belong into a packet filter.
pub const PREFIXES_PER_SOCKET_MAX: usize = 1 << 20;
/// Sources of one socket whose connection rate is remembered; then the one that would be forgotten first goes.
pub const RATED_SOURCES_MAX: usize = 1 << 16;
/// Rules of one socket whose use is counted one by one; further ones are counted together.
pub const COUNTED_RULES_MAX: usize = 1 << 14;
/// Refusals of one socket that are told one by one in [`REFUSALS_WINDOW_USEC`]; further ones are counted.
pub const REFUSALS_TOLD: u32 = 10;
/// See [`REFUSALS_TOLD`].
pub const REFUSALS_WINDOW_USEC: u64 = 10_000_000;

/// Units known at the same time, files and running instances together.
pub const UNITS_MAX: usize = 1 << 21;
/// Rooms of forgotten units that stay empty before the first is used again: so long, at least, what still names
/// an old unit finds nobody.
pub const ROOMS_FREE_MIN: usize = 256;
/// Edges of one unit in a list; more are kept in a tree.
pub const EDGES_IN_LIST_MAX: usize = 64;
/// Ended children collected in one turn.
pub const EXITS_PER_TURN: usize = 256;
