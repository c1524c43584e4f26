#!/bin/sh
# Boots systemd as PID 1 in the namespaces that `unshare --mount --pid --fork --cgroup --ipc --uts` has just made.
# The network stays the caller's, so that every contestant is reached over the same loopback device.
#
#   world.sh SCRATCH     SCRATCH/units holds the units; bench.target among them says what starts
set -eu
scratch=$1
systemd=/usr/lib/systemd/systemd
[ -x "$systemd" ] || systemd=/lib/systemd/systemd

mount --make-rprivate /
mount -t proc proc /proc
mkdir -p "$scratch/etc/system" "$scratch/empty"
printf '[Manager]\nDefaultLimitCORE=0\nDefaultLimitNOFILE=%s\n' "$(ulimit -Hn)" >"$scratch/etc/system.conf"
echo 0123456789abcdef0123456789abcdef >"$scratch/machine-id"

# Only the bench's units exist; generators and presets are hidden.
mount --bind "$scratch/etc" /etc/systemd
[ -e /etc/machine-id ] && mount --bind "$scratch/machine-id" /etc/machine-id
for d in /usr/lib/systemd/system /usr/lib/systemd/system-generators /usr/lib/systemd/system-environment-generators \
    /usr/lib/systemd/system-preset /usr/lib/systemd/system.conf.d /usr/local/lib/systemd; do
    [ -d "$d" ] || continue
    if [ "$d" = /usr/lib/systemd/system ]; then mount --bind "$scratch/units" "$d"; else mount --bind "$scratch/empty" "$d"; fi
done
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mkdir -p /run/lock /run/systemd /run/s
for d in console kmsg; do [ -e "/dev/$d" ] && mount --bind /dev/null "/dev/$d"; done
mount -o remount,bind,ro /sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
umask 022
cd /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=bench ${NOTIFY_SOCKET:+NOTIFY_SOCKET="$NOTIFY_SOCKET"} \
    "$systemd" --system --unit=bench.target --show-status=0 --log-target=null --dump-core=no --crash-reboot=no
