//! What the engine is told to be like: the two characters as values, never an `if strict`.

pub use crate::unit::admission::{OnLimit, OnMaxConnections};

/// The policy of one daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `TriggerLimit…=` exceeded.
    pub on_trigger_limit: OnLimit,
    /// The service exceeded its start limit.
    pub on_service_start_limit: OnLimit,
    /// accept(2) ran out of something.
    pub on_exhaustion: OnLimit,
    /// A connection came and there is no usable template, or its instance cannot be queued.
    pub on_bad_template: OnLimit,
    /// The service failed, or an instance did before it was up (`Fail`: systemd takes no notice).
    pub on_failed_start: OnLimit,
    /// `MaxConnections=` is reached.
    pub on_max_connections: OnMaxConnections,
    /// `DeferTrigger=yes` waits for jobs, and the last one did not help.
    pub on_deferred_in_vain: OnLimit,
    /// Who has too many connections already, or has gone, is looked at before `TriggerLimit…=` counts;
    /// and after a limit was hit, also who has hung up without a word.
    pub peers_before_trigger: bool,
    /// A reload opens new ports of a socket that is up and changes options of open ones; a unit that is up keeps
    /// its settings when its file cannot be used any more.
    pub reload_in_place: bool,
    /// A reload opens the windows of `StartLimit…=` and `TriggerLimit…=` anew (systemd before 254).
    pub limits_reopen_on_reload: bool,
    /// A socket that was started too often says so, also if it had failed in another way before (systemd 260 and
    /// newer).
    pub start_limit_overrides: bool,
    /// A start counts against `StartLimit…=` whenever it is tried: also if it then has to wait for the end of a stop
    /// or of an automatic restart's delay, or the service of the socket runs already.
    pub every_try_counts: bool,
    /// A command of a socket that has to end before `ExecStopPost=` gets `KillSignal=` first, and not
    /// `FinalKillSignal=` at once.
    pub term_before_stop_post: bool,
    /// `PollLimit…=` counts (systemd 255 and newer).
    pub poll_limit: bool,
    /// Keep the connection's descriptor until the instance is dead, even if nothing needs it.
    pub keep_connection: bool,
    /// Descriptors of one unit's connection are named after `FileDescriptorName=` (systemd 257 and newer).
    pub name_connection: bool,
    /// Stored descriptors are passed newest first.
    pub store_newest_first: bool,
    /// `MaxConnectionsPerSource=` counts AF_UNIX peers by uid (systemd 256 and newer).
    pub limit_unix_sources: bool,
    /// `REMOTE_ADDR` for bound AF_UNIX peers (systemd 257 and newer).
    pub unix_remote_addr: bool,
    /// A new start request cuts an automatic restart's delay short (systemd 257 and newer).
    pub start_cuts_restart_delay: bool,
    /// A target without a file is as good as reached, so that units written for a full boot start.
    pub missing_targets_reached: bool,
    /// A reload that the service announced has a state of its own (systemd 253 and newer).
    pub name_reload_notify: bool,
    /// Of `READY=1`, `RELOADING=1` and `STOPPING=1` in one message only the last counts (systemd up to 252).
    pub last_phase_counts: bool,
    /// `NOTIFYACCESS=` is understood (systemd 254 and newer).
    pub notify_access_word: bool,
    /// Entropy of this boot, for invocation ids.
    pub seed: u128,
}

impl Policy {
    /// porterd's own character.
    pub fn porterd(seed: u128) -> Policy {
        Policy {
            on_trigger_limit: OnLimit::Pause,
            on_service_start_limit: OnLimit::Pause,
            on_exhaustion: OnLimit::Pause,
            on_bad_template: OnLimit::Pause,
            on_failed_start: OnLimit::Pause,
            on_max_connections: OnMaxConnections::Wait,
            on_deferred_in_vain: OnLimit::Pause,
            peers_before_trigger: true,
            reload_in_place: true,
            limits_reopen_on_reload: false,
            start_limit_overrides: true,
            every_try_counts: false,
            term_before_stop_post: true,
            poll_limit: true,
            keep_connection: false,
            name_connection: true,
            store_newest_first: false,
            limit_unix_sources: true,
            unix_remote_addr: true,
            start_cuts_restart_delay: true,
            missing_targets_reached: true,
            name_reload_notify: true,
            last_phase_counts: false,
            notify_access_word: true,
            seed,
        }
    }

    /// What systemd 252 does, failures included (`--strict-systemd`).
    pub fn strict(seed: u128) -> Policy {
        Policy {
            on_trigger_limit: OnLimit::Fail,
            on_service_start_limit: OnLimit::Fail,
            on_exhaustion: OnLimit::Fail,
            on_bad_template: OnLimit::Fail,
            on_failed_start: OnLimit::Fail,
            on_max_connections: OnMaxConnections::Refuse,
            on_deferred_in_vain: OnLimit::Fail,
            peers_before_trigger: false,
            reload_in_place: false,
            limits_reopen_on_reload: true,
            start_limit_overrides: false,
            every_try_counts: true,
            term_before_stop_post: false,
            poll_limit: false,
            keep_connection: true,
            name_connection: false,
            store_newest_first: true,
            limit_unix_sources: false,
            unix_remote_addr: false,
            start_cuts_restart_delay: false,
            missing_targets_reached: false,
            name_reload_notify: false,
            last_phase_counts: true,
            notify_access_word: false,
            seed,
        }
    }
}
