#!/bin/sh
# pacf-gen by tshark's word: nothing malformed, all checksums right, whole conversations, the shares asked for.
# usage: gen_tshark.sh PACF-GEN
set -u
gen=$1
command -v tshark >/dev/null || { echo "tshark is missing: skipped"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
fail() {
	echo "FAILED: $*"
	failed=1
}
# Lines for the packets of a file that match a display filter.
match() {
	file=$1
	filter=$2
	shift 2
	tshark -n -r "$file" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-o udp.check_checksum:TRUE "$@" -Y "$filter" 2>"$dir/err" ||
		fail "tshark: $(cat "$dir/err")"
}
count() {
	match "$@" >"$dir/lines"
	wc -l <"$dir/lines" | tr -d ' '
}
bad='_ws.malformed || _ws.expert.severity >= 6291456 || tcp.analysis.flags ||
	ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || udp.checksum.status == "Bad"'

check() {
	"$gen" "$@" -o "$dir/x.pcap" || fail "$*: status"
	n=$(count "$dir/x.pcap" "$bad")
	[ "$n" = 0 ] || { fail "$*: $n bad packets"; head -3 "$dir/lines"; }
}
check --flows 400 --seed 3 --vlan 30 --ipv6 40 --udp 40 --fragments 30 --nano
# As many conversations as asked for, each from SYN to both FINs, or with as many replies as requests.
for stream in tcp udp; do
	count "$dir/x.pcap" "$stream" -T fields -e $stream.stream >/dev/null
	eval "$stream=\$(sort -u "\$dir/lines" | wc -l)"
done
[ $((tcp + udp)) = 400 ] || fail "$tcp and $udp conversations, not 400"
for what in 'tcp.flags.syn == 1 && tcp.flags.ack == 0' 'tcp.flags.syn == 1 && tcp.flags.ack == 1' \
	'tcp.flags.fin == 1 && tcp.srcport == 80' 'tcp.flags.fin == 1 && tcp.dstport == 80' \
	'http.request' 'http.response'; do
	n=$(count "$dir/x.pcap" "$what")
	[ "$n" = "$tcp" ] || fail "$what: $n of $tcp"
done
requests=$(count "$dir/x.pcap" 'udp.dstport == 4000')
[ "$requests" -gt 0 ] && [ "$requests" = "$(count "$dir/x.pcap" 'udp.srcport == 4000')" ] ||
	fail "requests and replies"
# Fragments: some, some of them backwards, and each is in a datagram that is complete.
fragments=$(count "$dir/x.pcap" 'ip.flags.mf == 1 || ip.frag_offset > 0')
whole=$(match "$dir/x.pcap" 'ip.fragment.count' -T fields -e ip.fragment.count | awk '{ n += $1 } END { print n + 0 }')
[ "$fragments" -gt 0 ] && [ "$fragments" = "$whole" ] || fail "$fragments fragments, $whole in whole datagrams"
[ "$(count "$dir/x.pcap" 'ip.fragment && ip.frag_offset == 0')" -gt 0 ] || fail "no fragments backwards"
# Times never go back.
match "$dir/x.pcap" frame -T fields -e frame.time_epoch | sort -c -n || fail "times go back"
# Some conversations are large and most are small.
match "$dir/x.pcap" tcp -T fields -e tcp.stream | sort -n | uniq -c | sort -n | awk '{ n[NR] = $1 }
	END { exit !(n[int(NR / 2)] <= 16 && n[NR] >= 10 * n[int(NR / 2)]) }' || fail "no heavy tail"

check --packets 3000 --flows 64 --len 64
check --packets 3000 --flows 64 --len 64 --udp 100 --ipv6 0 --fragments 50
check --packets 300 --flows 4 --len 9000 --vlan 100
[ "$(count "$dir/x.pcap" 'vlan && frame.len == 9000')" = 300 ] || fail "--vlan 100 --len 9000"
check --flows 100 --ipv6 100 --udp 100 --vlan 0
[ "$(count "$dir/x.pcap" '!ipv6 || !udp || vlan')" = 0 ] || fail "--ipv6 100 --udp 100 --vlan 0"
check --flows 100 --ipv6 0 --udp 0
[ "$(count "$dir/x.pcap" '!ip || !tcp')" = 0 ] || fail "--ipv6 0 --udp 0"

# The test would notice: the same capture with one byte of a payload changed.
"$gen" --flows 1 --udp 100 --ipv6 0 --vlan 0 -o "$dir/x.pcap"
printf '#' | dd of="$dir/x.pcap" bs=1 seek=90 conv=notrunc 2>/dev/null
[ "$(count "$dir/x.pcap" "$bad")" = 1 ] || fail "a wrong checksum goes unnoticed"
exit $failed
