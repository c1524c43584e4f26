//! Properties of the section [Service].

use super::Properties;
use crate::unit::directives::{access_name, failure_mode_name, preserve_name, restart_name, type_name};
use crate::unit::service::{ServiceMore, ServiceUnit, StatusSet};
use crate::unit::values::signal;

pub(super) fn add(service: &ServiceUnit, out: &mut Properties) {
    let more = &service.more;
    out.text("Type", type_name(service.service_type));
    out.text("ExitType", if more.exit_type_cgroup { "cgroup" } else { "main" });
    out.text("Restart", restart_name(service.restart));
    out.text("RestartMode", if more.restart_direct { "direct" } else { "normal" });
    out.maybe("PIDFile", more.pid_file.as_deref());
    out.text("NotifyAccess", access_name(service.notify_access));
    times(service, more, out);
    out.flag("RootDirectoryStartOnly", more.root_directory_start_only);
    out.flag("RemainAfterExit", service.remain_after_exit);
    out.flag("GuessMainPID", more.guess_main_pid);
    out.flag("NonBlocking", service.non_blocking);
    statuses("SuccessExitStatus", &more.success_exit_status, out);
    statuses("RestartPreventExitStatus", &more.restart_prevent_exit_status, out);
    statuses("RestartForceExitStatus", &more.restart_force_exit_status, out);
    out.number("FileDescriptorStoreMax", more.file_descriptor_store_max);
    out.text("FileDescriptorStorePreserve", preserve_name(more.file_descriptor_store_preserve));
    out.text("CleanResult", "success");
    out.maybe("BusName", more.bus_name.as_deref());
    out.number("ReloadSignal", more.reload_signal);
    out.maybe("USBFunctionDescriptors", more.usb_function_descriptors.as_deref());
    out.maybe("USBFunctionStrings", more.usb_function_strings.as_deref());
    out.commands("ExecCondition", &more.exec_condition);
    out.commands_ex("ExecConditionEx", &more.exec_condition);
    out.commands("ExecStartPre", &more.exec_start_pre);
    out.commands_ex("ExecStartPreEx", &more.exec_start_pre);
    out.commands("ExecStart", &service.exec_start);
    out.commands_ex("ExecStartEx", &service.exec_start);
    out.commands("ExecStartPost", &more.exec_start_post);
    out.commands_ex("ExecStartPostEx", &more.exec_start_post);
    out.commands("ExecReload", &more.exec_reload);
    out.commands_ex("ExecReloadEx", &more.exec_reload);
    out.commands("ExecStop", &more.exec_stop);
    out.commands_ex("ExecStopEx", &more.exec_stop);
    out.commands("ExecStopPost", &more.exec_stop_post);
    out.commands_ex("ExecStopPostEx", &more.exec_stop_post);
}

fn times(service: &ServiceUnit, more: &ServiceMore, out: &mut Properties) {
    out.span("RestartUSec", more.restart_usec);
    out.number("RestartSteps", more.restart_steps);
    out.span("RestartMaxDelayUSec", more.restart_max_delay_usec);
    out.span("TimeoutStartUSec", service.timeout_start_usec);
    out.span("TimeoutStopUSec", service.timeout_stop_usec);
    out.span("TimeoutAbortUSec", more.timeout_abort_usec.unwrap_or(service.timeout_stop_usec));
    out.text("TimeoutStartFailureMode", failure_mode_name(more.timeout_start_failure_mode));
    out.text("TimeoutStopFailureMode", failure_mode_name(more.timeout_stop_failure_mode));
    out.span("RuntimeMaxUSec", more.runtime_max_usec);
    out.span("RuntimeRandomizedExtraUSec", more.runtime_randomized_extra_usec);
    out.span("WatchdogUSec", more.watchdog_usec);
}

fn statuses(name: &'static str, set: &StatusSet, out: &mut Properties) {
    let codes = set.codes.iter().map(u8::to_string);
    let signals = set.signals.iter().map(|s| signal::signal_name(i32::from(*s)));
    let all: Vec<String> = codes.chain(signals).collect();
    out.text(name, all.join(" "));
}
