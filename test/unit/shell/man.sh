#!/bin/sh
# The manual: mandoc has nothing to say about it, and its examples run as written.
# usage: man.sh PACF MANDIR [PACF-GEN], without PACF-GEN: PACF has the fake control plane.
set -u
absolute() {
	echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}
pacf=$(absolute "$1") man=$(absolute "$2") gen=${3:+$(absolute "$3")}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export PACF_RUNDIR="$dir/run" XDG_STATE_HOME="$dir/state"

if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$man/pacf.7" "$man/pacf.8" || exit 1
fi
cd "$dir" || exit 1
if [ -n "$gen" ]; then
	"$gen" web.pcap || exit 1
fi
# Every call has its example.
awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on' "$man/pacf.7" >examples.lua
for call in $("$pacf" -e 'for n, t in pairs({pacf = pacf, pkteng = pkteng}) do
	for k in pairs(t) do print(n .. "." .. k) end end' </dev/null); do
	grep -q "$call(" examples.lua || { echo "FAILED: no example of $call"; exit 1; }
done
# A build without libmicrohttpd.
"$pacf" -e 'pacf.metrics{listen="127.0.0.1:0"}' </dev/null >out 2>&1 || ! grep -q 'built without libmicrohttpd' out ||
	sed -i '/pacf\.metrics(/d' examples.lua
"$pacf" -f examples.lua </dev/null >out 2>err
status=$?
if [ $status != 0 ] || [ -s err ] || [ "$(tail -1 out)" != "Goodbye!" ]; then
	echo "FAILED: examples of pacf.7: status $status"
	cat out err
	exit 1
fi
# pacf.8: the example in shell.
[ -n "$gen" ] || exit 0
awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on' "$man/pacf.8" >examples.sh
grep -q '^pacf -f /dev/stdin' examples.sh || { echo "FAILED: no example in pacf.8"; exit 1; }
PATH=$(dirname "$pacf"):$PATH sh -e examples.sh || { echo "FAILED: example of pacf.8"; exit 1; }
[ -s part0.pcap ] && [ -s part1.pcap ] || { echo "FAILED: pacf.8 wrote no files"; exit 1; }
