#!/bin/sh
# The part of deb.sh that needs a mount namespace: makes a copy of this system below COPY and tests the packages of OUT there.
# usage: installed.sh COPY OUT
set -u
copy=$1 out=$2
root=$copy/root upper=$copy/upper
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

# A command in the copy.
inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive HOME=/root "$@"
}

mount --make-rprivate /
mount -t tmpfs -o mode=755 pacf-test "$copy" && mkdir "$upper" "$copy/work" "$root" &&
	mount -t overlay -o "lowerdir=/,upperdir=$upper,workdir=$copy/work" pacf-test "$root" ||
	{ echo 'no overlay of / can be mounted here: skipped'; exit 77; }
mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/run" && mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" &&
	mount -t devtmpfs devtmpfs "$root/dev" 2>/dev/null || mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys" # the kernel's types, for XDP
cp "$out"/*.deb "$root/tmp"

# What there is of files, below the copy's upper layer and /run; what dpkg notes of its own work apart.
files() {
	{
		(cd "$upper" && find . ! -type d)
		(cd "$root" && find ./run ! -type d ! -type s)
	} | grep -vE '^\./var/(lib/dpkg|log|cache)/|^\./etc/(ld\.so\.cache|.*-)$|/\.wh\.' | LC_ALL=C sort
}

# A machine on which it is installed already: not in the copy.
inside dpkg --purge pacf libpacf-dev libpacf1 >/dev/null 2>&1
files >"$copy/before"
getent passwd pacf >/dev/null && echo 'note: this system has a user pacf'

test_install() {
	inside sh -c 'dpkg -i /tmp/*.deb' >"$copy/log" 2>&1 || { cat "$copy/log"; fail 'dpkg -i'; return; }
	[ "$(inside pacf -V | cut -d' ' -f1)" = pacf ] || fail 'pacf -V'
	for page in pacf.8 pacf.7 pacf-run.1 pacf-gen.1 libpacf.3; do
		[ -n "$(find "$root/usr/share/man" -name "$page.gz")" ] || fail "no page $page"
	done
	inside getent passwd pacf >/dev/null && inside getent group pacf >/dev/null || fail 'no user or group pacf'
	inside dpkg-query -L pacf | grep -q '/pacf.service$' || fail 'no unit'
	# The unit is understood, its program and pages are there.
	inside systemd-analyze verify --man=no pacf.service >"$copy/verify" 2>&1
	! grep -i pacf "$copy/verify" || fail 'systemd-analyze verify'
	inside systemd-analyze security --offline=yes --threshold=35 pacf.service | tail -1 || fail 'exposed more than 3.5'
}

# As the unit starts it, but for systemd: its user, its folder, its configuration; a capture split over two readers, one
# by libpcap's calls, one by the library, each of them another user of group pacf.
test_works() {
	inside install -d -o pacf -g pacf -m 750 /run/pacf
	inside pacf-gen --flows 50 --packets 1000 /tmp/in.pcap 2>/dev/null && chmod 644 "$root/tmp/in.pcap" || fail pacf-gen
	gid=$(inside getent group pacf | cut -d: -f3)
	inside env PACF_RUNDIR=/run/pacf setpriv --reuid=pacf --regid=pacf --clear-groups sh -c 'umask 027; exec pacf -d -f /etc/pacf/startup.lua \
		-e "pkteng.new{name=[[e]], type=[[pcap]]} pkteng.link{engine=[[e]], ifname=[[/tmp/in.pcap]]}" \
		-e "for i = 0, 1 do pkteng.open_channel{engine=[[e]], channel=[[c{]] .. i} end pkteng.start{engine=[[e]]}"' ||
		{ fail 'pacf -d'; return; }
	inside cc -o /tmp/count /usr/share/doc/libpacf-dev/examples/count.c -lpacf || fail 'count.c'
	member="inside env HOME=/nonexistent setpriv --reuid=65534 --regid=65534 --groups=$gid"
	$member pacf-run tcpdump -n -i 'pacf:c}0' >"$copy/one" 2>"$copy/one.err" &
	tcpdump=$!
	$member /tmp/count 'pacf:c}1' >"$copy/two" 2>&1 || { cat "$copy/two"; fail count; }
	wait $tcpdump || { cat "$copy/one.err"; fail tcpdump; }
	one=$(wc -l <"$copy/one") two=$(sed -n 's/ packets.*//p' "$copy/two")
	[ "$((one + ${two:-0}))" = 1000 ] && [ "$one" -gt 0 ] || fail "1000 packets are $one and $two"
	! inside env HOME=/nonexistent setpriv --reuid=65534 --regid=65534 --clear-groups /tmp/count 'pacf:c}1' 2>/dev/null ||
		fail 'who is not in group pacf reads'
	# Root finds it without being told where, as pacfctl does for the administrator.
	[ "$(inside pacfctl -e '6 * 7' </dev/null)" = 42 ] || fail pacfctl
	! $member pacfctl -e 1 >/dev/null 2>&1 </dev/null || fail 'a member of group pacf steers the daemon'
	pid=$(cat "$root/run/pacf/pacf.pid")
	kill "$pid"
	for try in $(seq 100); do [ -n "$(ls "$root/run/pacf")" ] || break; sleep 0.1; done
	left=$(ls "$root/run/pacf")
	[ -z "$left" ] || fail "left in /run/pacf: $left"
}

# The unit's capabilities, and no other, are enough to capture.
test_captures() {
	unit=$(find "$root/lib/systemd/system/" "$root/usr/lib/systemd/system/" -name pacf.service | head -1)
	caps=$(sed -n 's/^AmbientCapabilities=//p' "$unit" | tr 'A-Z' 'a-z' | sed 's/cap_/+/g; s/ /,/g')
	cat >"$root/tmp/captures.sh" <<-END
		set -e
		ip link add v0 type veth peer name v1
		ip link set v0 up
		ip link set v1 up
		for type in afxdp afpacket; do
			PACF_RUNDIR=/run/pacf setpriv --reuid=pacf --regid=pacf --clear-groups --no-new-privs --inh-caps=-all,$caps \
				--ambient-caps=-all,$caps --bounding-set=-all,$caps pacf -e "pkteng.new{name=[[e]], type=[[\$type]]}
					pkteng.link{engine=[[e]], ifname=[[v0]]} pkteng.open_channel{engine=[[e]], channel=[[c{0]]}
					pkteng.start{engine=[[e]]} print(pkteng.stats{engine=[[e]]}.links[1].mode)" </dev/null
		done
	END
	inside unshare --net sh /tmp/captures.sh || fail "captures with $caps"
}

# remove keeps the configuration; purge keeps nothing.
test_purge() {
	rm -f "$root"/tmp/*
	inside dpkg --remove pacf libpacf-dev libpacf1 >"$copy/log" 2>&1 || { cat "$copy/log"; fail 'dpkg --remove'; }
	[ -f "$root/etc/pacf/startup.lua" ] || fail 'remove took the configuration'
	[ -z "$(find "$root/usr" -xdev -name '*pacf*' -newer "$copy/before" | head -5)" ] || fail 'remove left files in /usr'
	inside dpkg --purge pacf libpacf-dev libpacf1 >"$copy/log" 2>&1 || { cat "$copy/log"; fail 'dpkg --purge'; }
	files >"$copy/after"
	# Files that were written and are the same again are no difference.
	LC_ALL=C comm -13 "$copy/before" "$copy/after" | while read -r file; do
		cmp -s "/$file" "$root/$file" || echo "$file"
	done >"$copy/left"
	[ ! -s "$copy/left" ] || fail "purge leaves: $(cat "$copy/left")"
	[ ! -e "$root/etc/pacf" ] && [ ! -e "$root/var/lib/pacf" ] && [ ! -e "$root/run/pacf" ] || fail 'purge leaves folders'
	inside getent passwd pacf >/dev/null && fail 'purge leaves the user'
}

test_install
[ $failed = 0 ] && test_works && test_captures
test_purge
exit $failed
