#!/bin/sh
# pacf-gen: the same bytes every time, as long as asked for, and errors that quote the input.
# usage: gen.sh PACF-GEN MANUAL-PAGE
set -u
gen=$1
page=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
fail() {
	echo "FAILED: $*"
	failed=1
}
bytes() {
	wc -c <"$1" | tr -d ' '
}

# All options at once; the sum is that of every machine and compiler.
all="--flows 300 --seed 7 --vlan 20 --ipv6 40 --udp 50 --fragments 30 --rate 123457 --nano"
# shellcheck disable=SC2086
"$gen" $all -o "$dir/a" || fail "status of $all"
# shellcheck disable=SC2086
"$gen" $all >"$dir/b" || fail "to standard output"
cmp "$dir/a" "$dir/b" || fail "not the same twice"
sum=$(cksum <"$dir/a")
[ "$sum" = "2977942696 6118221" ] || fail "$all: other bytes than ever: $sum"
"$gen" "$dir/c" && "$gen" --seed 2 - >"$dir/d" || fail "with defaults"
cmp -s "$dir/c" "$dir/d" && fail "the seed changes nothing"

# 24 bytes of file header, 16 of packet header.
"$gen" --packets 5000 --len 64 -o "$dir/a" || fail "--len"
[ "$(bytes "$dir/a")" = $((24 + 5000 * 80)) ] || fail "--packets 5000 --len 64: $(bytes "$dir/a") bytes"
"$gen" --packets 1 --len 65535 "$dir/a" || fail "--len 65535"
[ "$(bytes "$dir/a")" = $((24 + 16 + 65535)) ] || fail "--len 65535: $(bytes "$dir/a") bytes"
"$gen" --bytes 3M --flows 50 "$dir/a" || fail "--bytes"
size=$(bytes "$dir/a")
[ "$size" -le 3145728 ] && [ "$size" -gt $((3145728 - 1600)) ] || fail "--bytes 3M: $size bytes"

"$gen" --help | grep -q '^usage: pacf-gen' || fail "--help"

# Wrong arguments: status 2, one line, the input in quotes.
refuse() {
	word=$1
	shift
	"$gen" "$@" "$dir/none" 2>"$dir/err" >"$dir/out"
	status=$?
	[ $status = 2 ] || fail "$*: status $status"
	[ "$(wc -l <"$dir/err")" -eq 1 ] && grep -qF -- "'$word'" "$dir/err" || fail "$*: $(cat "$dir/err")"
	[ ! -e "$dir/none" ] && [ ! -s "$dir/out" ] || fail "$*: wrote something"
}
refuse --colour --colour red
refuse -x -x
refuse 12x --flows 12x
refuse '' --flows ''
refuse 0 --flows 0
refuse -5 --packets -5
refuse 101 --vlan 101
refuse 64Q --bytes 64Q
refuse 99999999999999999999 --seed 99999999999999999999
refuse 20000000000G --bytes 20000000000G
refuse 60 --len 60 --ipv6 50
refuse 65536 --len 65536
refuse 10 --fragments 10 --udp 0
refuse 7 --packets 7 --bytes 1M
refuse "$dir/none" a
refuse "$dir/none" -o a
"$gen" "$dir/x" --flows 2>"$dir/err"
[ $? = 2 ] && grep -qF -- "'--flows'" "$dir/err" || fail "no value: $(cat "$dir/err")"

# What can't be written is told.
"$gen" "$dir/no/such" 2>"$dir/err"
[ $? = 1 ] && grep -qF "'$dir/no/such'" "$dir/err" || fail "no folder: $(cat "$dir/err")"
if [ -c /dev/full ]; then
	for flows in 1 1000; do
		"$gen" --flows $flows -o /dev/full 2>"$dir/err"
		[ $? = 1 ] && grep -q "'/dev/full'.*space" "$dir/err" || fail "disk full: $(cat "$dir/err")"
	done
fi

# The examples of the manual page, as they stand there.
sed -n 's/^\.Dl \$ //p' "$page" >"$dir/examples"
[ -s "$dir/examples" ] || fail "no examples in $page"
path=$(cd "$(dirname "$gen")" && pwd)
while read -r line; do
	case $line in *tcpdump*) command -v tcpdump >/dev/null || continue ;; esac
	(cd "$dir" && PATH=$path:$PATH sh -c "$line") >"$dir/out" 2>&1 || fail "$line: $(cat "$dir/out")"
done <"$dir/examples"
[ -s "$dir/traffic.pcap" ] && [ -s "$dir/small.pcap" ] || fail "the examples wrote nothing"
exit $failed
