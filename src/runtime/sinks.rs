//! Where lines of services go beside the log: the kernel's log and the console, for `kmsg` and
//! `+console` where no journal forwards them. Never waits. Knows no units.
#![allow(clippy::disallowed_methods, reason = "two devices of the machine")]

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

const KERNEL_LOG: &str = "/dev/kmsg";
const CONSOLE: &str = "/dev/console";
/// Longer records are refused by the kernel (`PRINTKRB_RECORD_MAX` is 1024, with what it adds).
const RECORD_BYTES_MAX: usize = 960;
/// Facility `daemon`, in the place where a priority has it.
const DAEMON: u8 = 3 << 3;

/// Both, opened when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Sinks {
    kernel_log: Device,
    console: Device,
}

#[derive(Debug, Default)]
struct Device {
    open: Option<File>,
    /// It was told that the device cannot be used.
    told: bool,
}

impl Sinks {
    /// A line into the kernel's log (`dmesg` shows it).
    pub(super) fn kernel_log(&mut self, level: u8, identifier: &str, text: &str) {
        for part in parts(text, RECORD_BYTES_MAX.saturating_sub(identifier.len() + 8)) {
            self.kernel_log.put(KERNEL_LOG, &format!("<{}>{identifier}: {part}\n", DAEMON | (level & 7)));
        }
    }

    /// A line on the console. It is opened each time, because whoever has it may be hung up on.
    pub(super) fn console(&mut self, identifier: &str, text: &str) {
        self.console.put(CONSOLE, &format!("{identifier}: {text}\r\n"));
        self.console.open = None;
    }
}

impl Device {
    fn put(&mut self, path: &str, record: &str) {
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
        let done = match &mut self.open {
            Some(device) => device.write_all(record.as_bytes()),
            None => File::options().write(true).custom_flags(flags).open(path).and_then(|mut device| {
                let done = device.write_all(record.as_bytes());
                self.open = Some(device);
                done
            }),
        };
        match done {
            Ok(()) => self.told = false,
            Err(error) => {
                self.open = None;
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!(CODE = "sink-away", "{path} takes no lines of services: {error}");
                }
            }
        }
    }
}

/// A text in parts of at most so many bytes, cut between characters.
fn parts(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let mut end = text.len().min(most.max(4));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (part, more) = text.split_at(end);
        rest = (!more.is_empty()).then_some(more);
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(parts("", 8).collect::<Vec<_>>(), [""]);
        assert_eq!(parts("abcdefghi", 8).collect::<Vec<_>>(), ["abcdefgh", "i"]);
        assert_eq!(parts("ääää", 5).collect::<Vec<_>>(), ["ää", "ää"]);
    }

    #[test]
    fn a_device_that_is_not_there_is_told_once() {
        let mut device = Device::default();
        device.put("/nowhere", "x");
        assert!(device.told && device.open.is_none());
    }
}
