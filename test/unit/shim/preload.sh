#!/bin/sh
# pacf-run, and the shim in a real tcpdump, without a daemon.  usage: preload.sh PACF-RUN FAKE-SHIM
# The fake shim reads the channel's packets from the file named by FAKE_PACF_FILE.
set -u
run=$1
fake=$(readlink -f -- "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

check() { # NAME COMMAND...: passes if the command succeeds
	name=$1
	shift
	if "$@"; then
		echo "ok: $name"
	else
		echo "FAILED: $name"
		failed=1
	fi
}

# exits STATUS COMMAND...: the command ends with that status; its output is in $dir/out and $dir/err
exits() {
	want=$1
	shift
	"$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ "$got" = "$want" ] || { echo "exit status $got, not $want: $*"; cat "$dir/err"; return 1; }
}

export PACF_SHIM="$fake"
check "no program: usage" exits 2 "$run"
check "usage is on standard error" grep -q '^usage: pacf-run' "$dir/err"
check "unknown option" exits 2 "$run" -x
check "-h" exits 0 "$run" -h
check "help is on standard output" grep -q '^usage: pacf-run' "$dir/out"
check "no such program" exits 127 "$run" no-such-program
check "the program's status" exits 7 "$run" sh -c 'exit 7'
check "arguments" exits 0 "$run" printf '%s|' 'a b' '' '*'
check "arguments arrive as they are" [ "$(cat "$dir/out")" = 'a b||*|' ]
check "the program takes our process" [ "$(sh -c 'echo $$; exec "$0" sh -c "echo \$\$"' "$run" | sort -u | wc -l)" = 1 ]
check "missing library" exits 1 env PACF_SHIM=/no/such/lib.so "$run" true
check "the missing library is named" grep -q '/no/such/lib.so' "$dir/err"

# From a folder of another name, through links: absolute, relative, and a path with a space.
mkdir "$dir/with space" "$dir/bin"
cp "$run" "$dir/with space/pacf-run"
cp "$fake" "$dir/with space/libpacf-pcap.so"
ln -s "../with space/pacf-run" "$dir/bin/first"
ln -s "$dir/bin/first" "$dir/bin/pacf-run"
check "found beside the script, behind links, in a path with a space" \
	exits 0 env -u PACF_SHIM "$dir/bin/pacf-run" sh -c 'grep -q libpacf-pcap.so /proc/self/maps'
check "no complaint from the loader" [ ! -s "$dir/err" ]

if [ -n "$(command -v gcc)" ] && echo 'int main(void) { return 0; }' >"$dir/s.c" &&
	gcc -static -o "$dir/s" "$dir/s.c" 2>/dev/null; then
	check "a static program runs" exits 0 "$run" "$dir/s"
	check "and is warned of" grep -q 'statically linked' "$dir/err"
fi
if [ "$(id -u)" != 0 ]; then
	cp "$(command -v env)" "$dir/setuid"
	chmod u+s "$dir/setuid"
	check "a set-user-ID program runs" exits 0 "$run" "$dir/setuid"
	check "and is warned of" grep -q 'set-user-ID' "$dir/err"
fi

if [ -z "$(command -v tcpdump)" ]; then
	echo "skipped: tcpdump is not installed"
	exit $failed
fi

# A capture of 300 packets: UDP to ports 1024 and up, packet i at i seconds and one millisecond.
awk 'BEGIN { for (i = 0; i < 300; i++) {
	printf "\\%03o\\%03o\\000\\000", i % 256, int(i / 256)	# seconds
	printf "\\350\\003\\000\\000\\052\\000\\000\\000\\052\\000\\000\\000"
	printf "\\002\\000\\000\\000\\000\\001\\002\\000\\000\\000\\000\\002\\010\\000"
	printf "\\105\\000\\000\\034\\000\\000\\000\\000\\100\\021\\000\\000"
	printf "\\012\\000\\000\\001\\012\\000\\000\\002"
	printf "\\003\\350\\%03o\\%03o\\000\\010\\000\\000\n", 4 + int(i / 256), i % 256
} }' >"$dir/packets.txt"
{
	printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\000\000\004\000\001\000\000\000'
	while read -r line; do
		printf "$line"
	done <"$dir/packets.txt"
} >"$dir/in.pcap" 2>/dev/null
export FAKE_PACF_FILE="$dir/in.pcap"
tcpdump -r "$dir/in.pcap" -w "$dir/direct.pcap" 2>/dev/null
check "the capture is whole" [ "$(tcpdump -nr "$dir/in.pcap" 2>/dev/null | wc -l)" = 300 ]
check "tcpdump -w" exits 0 "$run" tcpdump -i 'pacf:fake}0' -w "$dir/shim.pcap"
check "captured and received" grep -q '^300 packets received by filter' "$dir/err"
check "same bytes" cmp "$dir/direct.pcap" "$dir/shim.pcap"
check "tcpdump with a filter and -c" exits 0 env TZ=UTC "$run" tcpdump -nn -i 'pacf:fake}0' -c 5 'dst portrange 1100-1199'
check "five lines" [ "$(wc -l <"$dir/out")" = 5 ]
check "the right ones" grep -q '^00:01:20.*\.1104: UDP' "$dir/out"
check "tcpdump -D lists the channel" exits 0 "$run" tcpdump -D
check "by its name" grep -q 'pacf:fake}0 (fake channel 0) \[Up, Running\]' "$dir/out"
check "wrong brace" exits 1 "$run" tcpdump -i 'pacf:fake{0'
check "is libpacf's sentence" grep -q 'fake sentence about "pacf:fake{0"' "$dir/err"
check "files pass through" exits 0 "$run" tcpdump -nr "$dir/in.pcap"
check "all of it" [ "$(wc -l <"$dir/out")" = 300 ]
check "other names pass through" exits 1 "$run" tcpdump -i no-such-if
check "to libpcap's error" grep -Eiq 'No such device|permi' "$dir/err"
exit $failed
