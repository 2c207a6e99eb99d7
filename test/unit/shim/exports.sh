#!/bin/sh
# The shim exports each function of this system's libpcap that takes a pcap_t, and nothing but
# functions of libpcap and the ioctl() of interface.c.  usage: exports.sh SHIM
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

header=/usr/include/pcap/pcap.h
libpcap=$(ldd "$1" | sed -n 's/.*libpcap[^ ]* => \([^ ]*\).*/\1/p')
[ -f "$header" ] || { echo "no $header here"; exit 77; }
[ -f "$libpcap" ] || { echo "$1 is not linked with libpcap"; exit 1; }

exported() {
	nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u
}
exported "$1" >"$dir/shim"
exported "$libpcap" >"$dir/libpcap"

# Declarations lie on one line or two; a name followed by "(", a pcap_t among the arguments.
tr '\n\t' '  ' <"$header" | tr ';' '\n' |
	sed -n 's/.*[ *]\(pcap_[a-z_0-9]*\)(.*pcap_t \*.*).*/\1/p' |
	sort -u | comm -12 - "$dir/libpcap" >"$dir/wanted"
printf '%s\n' pcap_create pcap_open_live pcap_findalldevs pcap_lookupnet |
	sort -u - "$dir/wanted" >"$dir/all"

[ "$(wc -l <"$dir/all")" -ge 40 ] || { echo "only $(wc -l <"$dir/all") functions found in $header"; exit 1; }
missing=$(comm -23 "$dir/all" "$dir/shim")
[ -z "$missing" ] || { echo "the shim lacks: $missing"; exit 1; }
extra=$(comm -13 "$dir/libpcap" "$dir/shim" | grep -vx ioctl || true)
[ -z "$extra" ] || { echo "the shim exports, but libpcap does not: $extra"; exit 1; }
