#!/bin/sh
# Real programs, unmodified, read a channel of a real daemon through pacf-run; what they find must be
# what they find in the file itself (-r).  One daemon for each, which ends when the file has.
#
# PACF_BUILD_BIN: a folder with pacf, pacf-run and pacf-gen; or their paths: PACF, PACF_RUN, PACF_GEN.
# usage: apps.sh [PROGRAM ...]    (all by default; exit status 77 if none of them is installed)
set -u

programs=${*:-tcpdump filter split tshark dumpcap ngrep p0f tcpflow argus stats list errors interrupt died}
channel='pacf:t}0'
dir=$(mktemp -d)
daemon=
trap 'stop_daemon; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
export PACF_RUNDIR="$dir/run" TZ=UTC LC_ALL=C
mkdir -m 700 "$PACF_RUNDIR" "$dir/bin"
PATH=$PATH:/usr/sbin:/sbin

if [ -n "${PACF_BUILD_BIN:-}" ]; then
	bin=$PACF_BUILD_BIN
else
	bin=$dir/bin
	ln -s "$PACF" "$bin/pacf"
	ln -s "$PACF_RUN" "$bin/pacf-run"
	ln -s "$PACF_GEN" "$bin/pacf-gen"
fi

stop_daemon() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
	[ -z "$daemon" ] || wait "$daemon" 2>/dev/null # the next one has the same folder
	daemon=
}

fail() {
	echo "FAILED: $*"
	for log in daemon program; do
		[ ! -s "$dir/$log.log" ] || { echo "--- $log:"; tail -n 20 "$dir/$log.log"; }
	done
	return 1
}

# channels_are N: the running daemon offers N channels
channels_are() {
	[ "$("$bin/pacf-run" tcpdump -D 2>/dev/null | grep -c 'pacf:')" = "$1" ]
}

# start_daemon FILE LUA N: serves the file; returns when the N channels opened by LUA can be seen
start_daemon() {
	"$bin/pacf" -e "pkteng.new{name='e0', type='pcap'}
		pkteng.link{engine='e0', ifname='$1'${speed:+, speed=$speed}}
		$2
		pkteng.start{engine='e0'}
		pkteng.wait{engine='e0', timeout=60}" </dev/null >"$dir/daemon.log" 2>&1 &
	daemon=$!
	tries=0
	until channels_are "$3"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { fail "the channel did not appear"; return 1; }
		sleep 0.1
	done
}

end_daemon() {
	wait "$daemon"
	status=$?
	daemon=
	[ $status = 0 ] || fail "the daemon ended with status $status"
}

# on_channel FILE PROGRAM ARGS...: runs it on a COPY channel; output in $dir/out
on_channel() {
	file=$1
	shift
	start_daemon "$file" "pkteng.open_channel{engine='e0', channel='pacf:t{0', action='COPY'}" 1 ||
		return 1
	timeout 60 "$bin/pacf-run" "$@" >"$dir/out" 2>"$dir/program.log"
	status=$?
	[ $status = "${expect:-0}" ] || { fail "$1 ended with status $status"; return 1; }
	end_daemon
}

# directly PROGRAM ARGS...: output in $dir/want
directly() {
	timeout 60 "$@" >"$dir/want" 2>"$dir/program.log" || fail "$* ended with status $?"
}

same() { # NAME A B: both hold the same, and something
	[ -s "$2" ] || { fail "$1: nothing was found in the file"; return 1; }
	diff "$2" "$3" >"$dir/diff" || { head -n 10 "$dir/diff"; fail "$1: differs from -r"; }
}

test_tcpdump() {
	directly tcpdump -r "$capture" -w "$dir/a.pcap" &&
		on_channel "$capture" tcpdump -i "$channel" -w "$dir/b.pcap" || return 1
	cmp "$dir/a.pcap" "$dir/b.pcap" || fail "tcpdump: differs from -r"
}

test_filter() {
	directly tcpdump -nn -tt -XX -r "$capture" 'tcp and greater 100' &&
		on_channel "$capture" tcpdump -nn -tt -XX -i "$channel" 'tcp and greater 100' &&
		same filter "$dir/want" "$dir/out"
}

# Two channels of a group: together they have each packet once.
test_split() {
	directly tcpdump -nn -tt -e -r "$capture" || return 1
	start_daemon "$capture" "for i = 0, 1 do
		pkteng.open_channel{engine='e0', channel='pacf:t{' .. i, action='SAMPLE'} end" 2 || return 1
	timeout 60 "$bin/pacf-run" tcpdump -nn -tt -e -i 'pacf:t}0' >"$dir/part0" 2>"$dir/program.log" &
	first=$!
	timeout 60 "$bin/pacf-run" tcpdump -nn -tt -e -i 'pacf:t}1' >"$dir/part1" 2>/dev/null ||
		{ fail "the second tcpdump failed"; return 1; }
	wait $first || { fail "the first tcpdump failed"; return 1; }
	end_daemon || return 1
	if [ ! -s "$dir/part0" ] || [ ! -s "$dir/part1" ]; then
		fail "split: a channel got nothing"
		return 1
	fi
	sort "$dir/part0" "$dir/part1" >"$dir/out"
	sort -o "$dir/want" "$dir/want"
	same split "$dir/want" "$dir/out"
}

fields='-T fields -e frame.number -e frame.time_epoch -e frame.len -e frame.cap_len
	-e frame.protocols -e _ws.col.Source -e _ws.col.Destination -e tcp.stream -e udp.stream'

# shellcheck disable=SC2086 # $fields is several words
test_tshark() {
	directly tshark -n -r "$capture" $fields &&
		on_channel "$capture" tshark -n -i "$channel" $fields &&
		same tshark "$dir/want" "$dir/out"
}

# shellcheck disable=SC2086
test_dumpcap() {
	directly tshark -n -r "$capture" $fields &&
		on_channel "$capture" dumpcap -q -i "$channel" -w "$dir/d.pcapng" || return 1
	mv "$dir/want" "$dir/want.direct"
	directly tshark -n -r "$dir/d.pcapng" $fields &&
		same dumpcap "$dir/want.direct" "$dir/want"
}

# Its first lines name the device and the filter.
test_ngrep() {
	directly ngrep -q -t -x -I "$capture" . &&
		on_channel "$capture" ngrep -q -t -x -d "$channel" . || return 1
	for f in want out; do
		grep -Ev '^(input|interface|filter|match)' "$dir/$f" >"$dir/$f.bare"
	done
	same ngrep "$dir/want.bare" "$dir/out.bare"
}

# p0f knows no end of a live capture: whatever pcap_dispatch() says, it calls that a failure.
test_p0f() {
	directly p0f -r "$capture" -o "$dir/p0f.want" || return 1
	expect=1
	on_channel "$capture" p0f -i "$channel" -o "$dir/p0f.out"
	status=$?
	unset expect
	[ $status = 0 ] || return 1
	grep -q 'Packet capture interface is down' "$dir/program.log" "$dir/out" ||
		{ fail "p0f ended for another reason"; return 1; }
	same p0f "$dir/p0f.want" "$dir/p0f.out"
}

test_tcpflow() {
	directly tcpflow -r "$capture" -o "$dir/flow.want" &&
		on_channel "$capture" tcpflow -i "$channel" -o "$dir/flow.out" || return 1
	rm -f "$dir"/flow.*/report.xml # paths, times and resource use
	[ -n "$(ls "$dir/flow.want")" ] || { fail "tcpflow: found nothing in the file"; return 1; }
	diff -r "$dir/flow.want" "$dir/flow.out" >"$dir/diff" || fail "tcpflow: differs from -r"
}

# Live, argus forgets a flow whose time is long past, and cuts a long one otherwise than from a file:
# it gets a few seconds of the capture, moved to now, and its records are put together again.
test_argus() {
	for tool in racluster editcap; do
		[ -n "$(command -v $tool)" ] || { skip="$tool is not installed"; return 77; }
	done
	start=$(tcpdump -nn -tt -r "$capture" 2>/dev/null | sed -n '1s/\..*//p')
	editcap -F pcap -B $((start + 5)) -t $(($(date +%s) - start)) "$capture" "$dir/now.pcap" \
		2>"$dir/program.log" || { fail "editcap"; return 1; }
	directly argus -X -r "$dir/now.pcap" -w "$dir/argus.want" &&
		on_channel "$dir/now.pcap" argus -X -i "$channel" -w "$dir/argus.out" || return 1
	for f in want out; do
		racluster -nr "$dir/argus.$f" -m proto saddr sport daddr dport \
			-s proto saddr sport daddr dport pkts bytes - not man | sort >"$dir/ra.$f"
	done
	same argus "$dir/ra.want" "$dir/ra.out"
}

# tcpdump's own count, and pcap_stats().
test_stats() {
	directly tcpdump -nn -r "$capture" && on_channel "$capture" tcpdump -nn -i "$channel" || return 1
	n=$(wc -l <"$dir/want")
	for line in "$n packets captured" "$n packets received by filter" "0 packets dropped by kernel"; do
		grep -q "^$line" "$dir/program.log" || { fail "tcpdump did not say: $line"; return 1; }
	done
}

test_list() {
	start_daemon "$capture" "pkteng.open_channel{engine='e0', channel='pacf:t{0', action='COPY'}" 1 ||
		return 1
	"$bin/pacf-run" tcpdump -D >"$dir/out" 2>"$dir/program.log"
	grep -q 'pacf:t}0.*\[Up, Running' "$dir/out" || { fail "tcpdump -D does not list it"; return 1; }
	timeout 60 "$bin/pacf-run" tcpdump -i 'netmap:t}0' -w "$dir/b.pcap" 2>"$dir/program.log" ||
		{ fail "it cannot be opened as netmap:t}0"; return 1; }
	end_daemon
}

test_errors() {
	"$bin/pacf-run" tcpdump -i 'pacf:none}0' >"$dir/out" 2>"$dir/program.log" &&
		{ fail "no daemon, and tcpdump did not mind"; return 1; }
	grep -q 'pacf:none}0' "$dir/program.log" || { fail "the error does not quote the name"; return 1; }
	"$bin/pacf-run" tcpdump -i 'pacf:none{0' >"$dir/out" 2>"$dir/program.log" &&
		{ fail "the wrong brace, and tcpdump did not mind"; return 1; }
	grep -q 'pacf:none{0' "$dir/program.log" || fail "the error does not quote the name"
}

# A tcpdump on a capture that comes at a thousandth of its speed, so that it waits; $waiting is its pid.
start_waiting() {
	speed=0.001
	start_daemon "$capture" "pkteng.open_channel{engine='e0', channel='pacf:t{0', action='COPY'}" 1
	status=$?
	unset speed
	[ $status = 0 ] || return 1
	"$bin/pacf-run" tcpdump -nn -i "$channel" >"$dir/out" 2>"$dir/program.log" &
	waiting=$!
	tries=0
	until grep -q "listening on pacf:t}0" "$dir/program.log" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { fail "tcpdump does not listen"; kill "$waiting"; return 1; }
		sleep 0.1
	done
}

# ended_with STATUS: the waiting tcpdump must end, of itself, in ten seconds
ended_with() {
	(sleep 10; kill -KILL "$waiting") 2>/dev/null &
	watchdog=$!
	wait "$waiting"
	status=$?
	kill $watchdog 2>/dev/null
	[ $status = "$1" ] || fail "tcpdump ended with status $status, not $1"
}

# The handler's pcap_breakloop() ends the wait.  (SIGTERM: a background job may ignore SIGINT.)
test_interrupt() {
	start_waiting || return 1
	kill -TERM "$waiting"
	ended_with 0 || return 1
	grep -q '^[0-9]* packets* captured' "$dir/program.log" || fail "tcpdump did not count"
}

test_died() {
	start_waiting || return 1
	kill -KILL "$daemon"
	ended_with 1 || return 1
	grep -q 'pcap_loop: .*pacf:t}0' "$dir/program.log" || fail "the error does not quote the name"
}

capture=$dir/capture.pcap
# shellcheck disable=SC2086
"$bin/pacf-gen" ${PACF_GEN_ARGS:---flows 200 --fragments 5} "$capture" >"$dir/program.log" 2>&1 ||
	{ fail "pacf-gen"; exit 1; }

failed=0 passed=0 skipped=0
for program in $programs; do
	case $program in
	filter | split | stats | list | errors | interrupt | died) needs=tcpdump ;;
	dumpcap) needs="dumpcap tshark" ;;
	*) needs=$program ;;
	esac
	skip=
	for tool in $needs; do
		[ -n "$(command -v "$tool")" ] || skip="$tool is not installed"
	done
	status=77
	if [ -z "$skip" ]; then
		rm -f "$dir"/*.log
		"test_$program"
		status=$?
	fi
	stop_daemon
	case $status in
	0) echo "ok: $program"; passed=$((passed + 1)) ;;
	77) echo "skipped: $program: $skip"; skipped=$((skipped + 1)) ;;
	*) echo "not ok: $program"; failed=$((failed + 1)) ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] || exit 1
[ $passed -gt 0 ] || exit 77
