//! A USB function: porterd holds its descriptors, a service moves its bytes, and this program is the
//! host at the other end of the kernel's own cable (dummy_hcd).
#![allow(unsafe_code, reason = "a host driver in user space speaks ioctl(2)")]

use crate::serve::{passed, write};
use crate::world::{World, exists, same, wait};
use crate::{Outcome, Skip, Test};
use nix::mount::{MsFlags, mount, umount};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

pub(crate) const TESTS: &[Test] = &[
    ("usb: a function's first event starts its service, which has all endpoints", function),
    ("usb: without descriptors the socket does not start, and says why", without_descriptors),
];

const GADGET: &str = "/sys/kernel/config/usb_gadget/vm";
const PRODUCT: &str = "0104";
const IN: u32 = 0x81;
const OUT: u32 = 2;

/// `struct usbdevfs_bulktransfer`
#[repr(C)]
struct Bulk {
    endpoint: u32,
    length: u32,
    timeout_msec: u32,
    data: *mut u8,
}

nix::ioctl_read!(claim_interface, b'U', 15, u32);
nix::ioctl_readwrite!(bulk_transfer, b'U', 2, Bulk);

fn transfer(device: &OwnedFd, endpoint: u32, bytes: &mut [u8]) -> usize {
    let length = u32::try_from(bytes.len()).unwrap();
    let mut bulk = Bulk { endpoint, length, timeout_msec: 5000, data: bytes.as_mut_ptr() };
    // SAFETY: the kernel reads or writes `length` bytes at `data`, which is as long, while this call lasts.
    let moved = unsafe { bulk_transfer(device.as_raw_fd(), &mut bulk) };
    usize::try_from(moved.unwrap()).unwrap()
}

/// A vendor's interface with a bulk endpoint each way, at full and at high speed
/// (linux/usb/functionfs.h, version 2).
fn descriptors() -> Vec<u8> {
    let mut body = Vec::new();
    for packet_bytes in [64u16, 512] {
        body.extend([9, 4, 0, 0, 2, 0xff, 0, 0, 1]);
        for endpoint in [IN, OUT] {
            body.extend([7, 5, endpoint as u8, 2]);
            body.extend(packet_bytes.to_le_bytes());
            body.push(0);
        }
    }
    let length = u32::try_from(20 + body.len()).unwrap();
    let head = [3, length, 3, 3, 3];
    head.iter().flat_map(|word| word.to_le_bytes()).chain(body).collect()
}

fn strings() -> Vec<u8> {
    let text = b"\x09\x04porterd\0";
    let head = [2, u32::try_from(16 + text.len()).unwrap(), 1, 1];
    head.iter().flat_map(|word| word.to_le_bytes()).chain(*text).collect()
}

fn file(path: &str, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// Makes the gadget, as far as it goes without its function's descriptors.
fn gadget(w: &World) -> Result<(), Skip> {
    if !exists("/sys/kernel/config/usb_gadget") || std::fs::read_dir("/sys/class/udc").map_or(0, Iterator::count) == 0 {
        return Err(Skip("this kernel has no USB gadgets, or no dummy_hcd".into()));
    }
    if !exists(GADGET) {
        for directory in ["", "strings/0x409", "configs/c.1", "functions/ffs.vm"] {
            std::fs::create_dir(format!("{GADGET}/{directory}")).unwrap();
        }
        file(&format!("{GADGET}/idVendor"), "0x1d6b");
        file(&format!("{GADGET}/idProduct"), format!("0x{PRODUCT}"));
        std::os::unix::fs::symlink(format!("{GADGET}/functions/ffs.vm"), format!("{GADGET}/configs/c.1/ffs.vm"))
            .unwrap();
    }
    std::fs::create_dir_all("/dev/ffs").unwrap();
    mount(Some("vm"), "/dev/ffs", Some("functionfs"), MsFlags::empty(), None::<&str>).unwrap();
    file(&w.path("descriptors"), descriptors());
    file(&w.path("strings"), strings());
    Ok(())
}

/// `/dev` is no place for sockets in systemd's eyes; a link into it is.
fn units(w: &World, service: &str) {
    std::os::unix::fs::symlink("/dev/ffs", w.path("ffs")).unwrap();
    w.unit("usb.socket", &format!("[Socket]\nListenUSBFunction={}\n", w.path("ffs")));
    w.unit(
        "usb.service",
        &format!("[Service]\nExecStart=/init serve usb {}\nStandardError=inherit\n{service}", w.path("report")),
    );
}

fn function(w: &mut World) -> Outcome {
    gadget(w)?;
    let (descriptors, strings) = (w.path("descriptors"), w.path("strings"));
    units(w, &format!("USBFunctionDescriptors={descriptors}\nUSBFunctionStrings={strings}\n"));
    w.start();
    same("state before the cable is in", w.property("usb.socket", "SubState"), "listening");
    let controller = std::fs::read_dir("/sys/class/udc").unwrap().next().unwrap().unwrap().file_name();
    file(&format!("{GADGET}/UDC"), controller.to_str().unwrap());

    let device = device();
    let mut interface = 0;
    // SAFETY: the kernel reads one number.
    wait("the interface is claimed", || unsafe { claim_interface(device.as_raw_fd(), &mut interface) }.ok());
    same("bytes sent", transfer(&device, OUT, &mut b"over the wire".to_owned()), 13);
    let mut answer = [0; 64];
    let length = transfer(&device, IN, &mut answer);
    same("bytes received", &answer[..length], &b"OVER THE WIRE"[..]);
    same("what the service had", w.written("report"), "usb.socket ep0\nusb.socket ep1\nusb.socket ep2\n");
    drop(device);
    file(&format!("{GADGET}/UDC"), "\n");
    w.end();
    umount("/dev/ffs").unwrap();
    Ok(())
}

/// Of the host, when it has found what was plugged in and configured it.
fn device() -> OwnedFd {
    let read =
        |path: &Path, name: &str| std::fs::read_to_string(path.join(name)).ok().map(|text| text.trim().to_owned());
    let node = wait("the host sees the device", || {
        let devices = std::fs::read_dir("/sys/bus/usb/devices").unwrap().flatten();
        let ours =
            devices.map(|entry| entry.path()).find(|path| read(path, "idProduct").as_deref() == Some(PRODUCT))?;
        read(&ours, "bConfigurationValue").filter(|value| value == "1")?;
        let number = |name| read(&ours, name).and_then(|text| text.parse::<u32>().ok());
        Some(format!("/dev/bus/usb/{:03}/{:03}", number("busnum")?, number("devnum")?))
    });
    let open = || std::fs::OpenOptions::new().read(true).write(true).open(&node).ok();
    wait("the device's node can be opened", open).into()
}

/// The service: what came on the third descriptor goes back on the second, in capitals.
pub(crate) fn serve(report: &str) {
    let fds = passed();
    let names = std::env::var("LISTEN_FDNAMES").unwrap();
    let link = |fd: &OwnedFd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
    let line = |(fd, name)| format!("{name} {}\n", link(fd).file_name().unwrap().to_str().unwrap());
    let lines: String = fds.iter().zip(names.split(':')).map(line).collect();
    let mut buffer = [0; 512];
    // Blocks until the host has configured the device, and sent something.
    let length = nix::unistd::read(&fds[2], &mut buffer).unwrap();
    buffer[..length].make_ascii_uppercase();
    nix::unistd::write(&fds[1], &buffer[..length]).unwrap();
    write(report, &lines);
    nix::unistd::pause();
}

fn without_descriptors(w: &mut World) -> Outcome {
    gadget(w)?;
    units(w, "");
    w.start();
    same("state", w.property("usb.socket", "ActiveState"), "failed");
    same("result", w.property("usb.socket", "Result"), "resources");
    let log = w.log();
    assert!(log.contains("USBFunctionDescriptors="), "the reason: {log}");
    w.end();
    umount("/dev/ffs").unwrap();
    Ok(())
}
