#!/bin/sh
# The packaged service under a real systemd: process 1 of a copy of this system that has nothing of the machine's but the
# kernel.  It starts, is ready, captures with what the unit leaves it, is reloaded, stopped, killed by its watchdog and
# started anew, and fails to start when its script does.
#
# usage: service.sh COPY DEBS OUT   from deb.sh, in namespaces of its own: mounts, processes, network, control groups; OUT/said:
#                                   what was found, "all is well" at the end
#        service.sh check           in the copy, by systemd
set -u

fail() {
	echo "FAILED: $*"
	failed=1
}

# is PROPERTY VALUE: of the unit, within 20 s
is() {
	for try in $(seq 200); do
		value=$(systemctl show -P "$1" pacf)
		# shellcheck disable=SC2254 # a pattern
		case $value in
		$2) return 0 ;;
		esac
		sleep 0.1
	done
	fail "$1 is \"$value\", not \"$2\""
	return 1
}

check_ready() {
	systemctl start pacf || { fail 'it does not start'; return; }
	is ActiveState active && is StatusText '0 of 0 engines run'
	pid=$(systemctl show -P MainPID pacf)
	[ "$(cat /run/pacf/pacf.pid)" = "$pid" ] || fail 'the pid file has another process'
	[ "$(stat -c %U:%G:%a /run/pacf /var/lib/pacf | xargs)" = 'pacf:pacf:750 pacf:pacf:750' ] || fail "$(ls -ld /run/pacf /var/lib/pacf)"
	[ "$(ps -o user= -p "$pid")" = pacf ] || fail "it runs as $(ps -o user= -p "$pid")"
}

check_captures() {
	ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up
	pacfctl -e 'pkteng.new{name="e", type="auto"} pkteng.link{engine="e", ifname="v0"}
		pkteng.open_channel{engine="e", channel="c{0"}
		pkteng.open_channel{engine="e", channel="pcap:here.pcap", action="COPY"}
		pkteng.start{engine="e"}' >/dev/null || fail 'auto'
	pacfctl -e 'print(pkteng.stats{engine="e"}.type, pkteng.stats{engine="e"}.links[1].mode)'
	is StatusText '1 of 1 engines run'
	[ -f /var/lib/pacf/here.pcap ] || fail "no capture in its folder: $(ls -l /var/lib/pacf)"
	setpriv --reuid=nobody --regid=nogroup --groups="$(getent group pacf | cut -d: -f3)" pacf-run tcpdump -D | grep -q 'pacf:c}0' ||
		fail 'a member of its group sees no channel'
}

# Reloading is over when files were opened anew; stopping is clean.
check_stops() {
	systemctl reload pacf || fail reload
	journalctl -u pacf --no-pager | grep -q 'SIGHUP: files are opened anew' || fail 'no line of the reload in the journal'
	systemctl stop pacf || fail stop
	is Result success && is ExecMainStatus 0
	[ -z "$(ls /run/pacf)" ] || fail "left in /run/pacf: $(ls /run/pacf)"
}

# A pipe that says nothing more stands for a disk that has died.
check_watchdog() {
	mkdir -p /run/systemd/system/pacf.service.d
	printf '[Service]\nWatchdogSec=2\n' >/run/systemd/system/pacf.service.d/test.conf
	systemctl daemon-reload
	systemctl start pacf || fail 'the second start'
	pacf-gen --flows 10 --packets 100 /tmp/in.pcap 2>/dev/null
	mkfifo -m 644 /var/lib/pacf/pipe.pcap
	{ head -c 1000 /tmp/in.pcap; sleep 60; } >/var/lib/pacf/pipe.pcap &
	pacfctl -e 'pkteng.new{name="p", type="pcap"} pkteng.link{engine="p", ifname="pipe.pcap"}
		pkteng.open_channel{engine="p", channel="c{0", action="DROP"} pkteng.start{engine="p"}' || fail 'an engine on a pipe'
	is NRestarts 1 && is ActiveState active && is StatusText '0 of 0 engines run'
	kill $!
}

check_bad() {
	echo 'error("this is bad")' >/etc/pacf/startup.lua
	! systemctl restart pacf 2>/dev/null || fail 'it starts with a bad script'
	journalctl -u pacf --no-pager | grep -q 'startup.lua:1: this is bad' || fail 'no line of the error in the journal'
}

if [ "$1" = check ]; then
	failed=0
	for part in ready captures stops watchdog bad; do
		check_$part
	done
	[ $failed = 0 ] && echo 'all is well' || journalctl --no-pager | grep -E 'pacf|audit' | tail -40
	exit 0
fi

copy=$1 debs=$2 out=$3
root=$copy/root
skip() {
	echo "$*" >"$out/said"
	exit 77
}
mount --make-rprivate /
mount -t tmpfs -o mode=755 pacf-test "$copy" && mkdir "$copy/upper" "$copy/work" "$root" &&
	mount -t overlay -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" pacf-test "$root" || skip 'no overlay of / here'
mount -t proc proc "$root/proc" && mount --bind "$root/proc/sys" "$root/proc/sys" && mount -o remount,bind,ro "$root/proc/sys" &&
	mount --bind /sys "$root/sys" && mount -o remount,bind,ro "$root/sys" && mount -t tmpfs -o mode=755 none "$root/sys/fs/cgroup" ||
	skip 'no /proc and /sys of its own'
if grep -q name=systemd /proc/self/cgroup; then
	mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
	mount -t cgroup -o none,name=systemd none "$root/sys/fs/cgroup/systemd" &&
		mount -t cgroup2 none "$root/sys/fs/cgroup/unified" || skip 'no control groups'
else
	mount -t cgroup2 none "$root/sys/fs/cgroup" || skip 'no control groups'
fi
mount -t tmpfs none "$root/run" && mount -t tmpfs -o mode=1777 none "$root/tmp" && mount -t tmpfs -o mode=755 none "$root/dev"
while read -r name major minor; do
	mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mkdir "$root/dev/shm" "$root/out"
: >"$root/dev/kmsg" # where systemd itself logs
mount --bind "$out" "$root/out"
cp "$debs"/*.deb "$root/tmp"
chroot "$root" sh -c 'dpkg --purge pacf libpacf-dev libpacf1; dpkg -i /tmp/*.deb' >"$copy/log" 2>&1 || { cat "$copy/log"; exit 1; }
cp "$0" "$root/out/service.sh"
# Nothing of the copy's other services runs: they have their own ideas of the machine.
units=$root/etc/systemd/system
rm -f "$units"/*.target.wants/* "$units"/*.wants/*
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
	systemd-modules-load.service systemd-sysctl.service systemd-remount-fs.service systemd-logind.service \
	systemd-resolved.service dbus.service dbus.socket; do
	ln -sfn /dev/null "$units/$unit"
done
cat >"$units/check.service" <<END
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/sh /out/service.sh check
StandardOutput=file:/out/said
StandardError=inherit
ExecStopPost=/bin/systemctl exit 0
END
printf '[Unit]\nRequires=basic.target check.service\n' >"$units/check.target"
exec chroot "$root" env -i container=pacf-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system \
	--unit=check.target --log-target=kmsg --dump-core=no --show-status=no
