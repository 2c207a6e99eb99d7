#!/bin/sh
# What `meson install` puts below DESTDIR is complete, works from there, and goes away again.
#
# usage: install.sh BUILD     SRC: the source tree
# Nothing is built; the build folder's own record of its last installation is put back.
set -u

build=$1
dir=$(mktemp -d)
dest=$dir/dest
log=$build/meson-logs/install-log.txt
daemon=
trap 'clean_up' EXIT
trap 'exit 1' INT TERM
export PACF_RUNDIR="$dir/run" LC_ALL=C TZ=UTC
unset PACF_SHIM LD_PRELOAD LD_LIBRARY_PATH
PATH=$PATH:/usr/sbin:/sbin
failed=0

clean_up() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
	rm -f "$log"
	[ ! -f "$dir/install-log.txt" ] || mv "$dir/install-log.txt" "$log"
	rm -rf "$dir"
}

fail() {
	echo "FAILED: $*"
	failed=1
}

# same WHAT: $dir/want and $dir/have, sorted
same() {
	sort "$dir/want" >"$dir/want.sorted"
	sort "$dir/have" >"$dir/have.sorted"
	diff "$dir/want.sorted" "$dir/have.sorted" >"$dir/diff" || { cat "$dir/diff"; fail "$1"; }
}

build_files() {
	find "$build" -path "$build/meson-logs" -prune -o -type f -print | grep -v -e '/\.ninja_' -e '\.pyc$' | sort
}

# What must be there: of scripts and manual pages, all that there are.
expected() {
	cat <<END
bin/pacf
bin/pacf-gen
bin/pacf-run
bin/pacfctl
include/pacf.h
lib/libpacf.so
lib/libpacf.so.1
lib/libpacf.so.1.0.0
lib/pacf/libpacf-pcap.so
lib/pkgconfig/libpacf.pc
share/bash-completion/completions/pacf
share/bash-completion/completions/pacf-gen
share/bash-completion/completions/pacf-run
share/bash-completion/completions/pacfctl
share/doc/host-pacf/examples/count.c
share/pacf/grafana/pacf.json
share/pacf/prometheus/pacf.rules.yml
share/zsh/site-functions/_pacf
END
	for script in "$SRC"/scripts/*.lua; do
		echo "share/pacf/scripts/${script##*/}"
	done
	for page in "$SRC"/man/*.[1-9]; do
		page=${page##*/}
		echo "share/man/man${page##*.}/$page"
	done
}

test_files() {
	expected >"$dir/want"
	(cd "$prefix" && find . ! -type d) | sed "s,^\./,,; s,^$libdir/,lib/," >"$dir/have"
	same "other files are installed (>) than should be (<)"
	find "$dest" ! -type l \( ! -perm -a=r -o -perm /022 \) >"$dir/have"
	[ ! -s "$dir/have" ] || fail "not readable, or writable, by all: $(cat "$dir/have")"
	for program in pacf pacf-gen pacf-run pacfctl; do
		[ -x "$prefix/bin/$program" ] || fail "$program is not executable"
	done
	if [ -n "$(command -v mandoc)" ]; then
		for page in "$prefix"/share/man/man*/*; do
			mandoc -T lint -W error "$page" || fail "$page"
		done
	fi
}

# The library exports what its header declares, the shim libpcap's names, and ioctl().
test_symbols() {
	grep -o 'pacf_[a-z]*(' "$prefix/include/pacf.h" | tr -d '(' | sort -u >"$dir/want"
	nm -D --defined-only "$prefix/$libdir/libpacf.so" | sed -n 's/.* [TDBRVW] \([^@]*\).*/\1/p' >"$dir/have"
	[ -s "$dir/want" ] || fail "no functions in pacf.h"
	same "libpacf exports (>) other names than pacf.h declares (<)"
	nm -D --defined-only "$prefix/$libdir/pacf/libpacf-pcap.so" | awk '{print $3}' >"$dir/have"
	grep -q '^pcap_open_live$' "$dir/have" || fail "the shim has no pcap_open_live"
	sed -e '/^pcap_/d' -e '/^ioctl$/d' "$dir/have" >"$dir/extra"
	[ ! -s "$dir/extra" ] || fail "the shim exports $(cat "$dir/extra")"
}

# The example of the installed library, as its first lines say.
test_example() {
	example=$prefix/share/doc/host-pacf/examples/count.c
	[ "$(wc -l <"$example")" -lt 60 ] || fail "count.c is not under 60 lines"
	export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest"
	if ! flags=$(pkg-config --cflags --libs libpacf); then
		fail "pkg-config does not know libpacf"
		return
	fi
	# shellcheck disable=SC2086 # $flags is several words
	"${CC:-cc}" -std=c11 -Wall -Wextra -Werror "$example" $flags -o "$dir/count" || fail "count.c does not compile"
	if [ -n "$(command -v c++)" ]; then
		c++ -Wall -Wextra -Werror -fsyntax-only -x c++ "$prefix/include/pacf.h" || fail "pacf.h is not C++"
	fi
}

channels_are() {
	[ "$(LD_LIBRARY_PATH=$prefix/$libdir "$prefix/bin/pacf-run" tcpdump -D 2>/dev/null | grep -c 'pacf:')" = "$1" ]
}

# The port's list of files is what is installed, where FreeBSD has it.
test_plist() {
	sed -e '/^@sample/d' "$SRC/pkg/freebsd/port/pkg-plist" >"$dir/want"
	expected | sed 's,^lib/pkgconfig,libdata/pkgconfig,' >"$dir/have"
	same "pkg/freebsd/port/pkg-plist lists other files (<) than are installed (>)"
}

# A reader each for the library and for the shim; both get the whole capture.
test_run() {
	"$prefix/bin/pacf-gen" --flows 100 --packets 5000 "$dir/in.pcap" 2>"$dir/gen.log" || fail "pacf-gen"
	"$prefix/bin/pacf" -e "pkteng.new{name='e', type='pcap'}
		pkteng.link{engine='e', ifname='$dir/in.pcap'}
		for i = 0, 1 do pkteng.open_channel{engine='e', channel='pacf:e{' .. i, action='COPY'} end
		pkteng.start{engine='e'}
		pkteng.wait{engine='e', timeout=30}" </dev/null >"$dir/pacf.log" 2>&1 &
	daemon=$!
	tries=0
	until channels_are 2; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { cat "$dir/pacf.log"; fail "the channels did not appear"; return; }
		sleep 0.1
	done
	"$prefix/bin/pacf-run" tcpdump -i 'pacf:e}1' -w "$dir/out.pcap" 2>"$dir/tcpdump.log" &
	reader=$!
	LD_LIBRARY_PATH=$prefix/$libdir "$dir/count" 'pacf:e}0' >"$dir/count.out" 2>&1 || fail "count"
	wait $reader || { cat "$dir/tcpdump.log"; fail "tcpdump"; }
	wait $daemon || { cat "$dir/pacf.log"; fail "pacf"; }
	daemon=
	grep -q '^5000 packets, [0-9]* bytes, 0 lost$' "$dir/count.out" || fail "count says: $(cat "$dir/count.out")"
	tcpdump -r "$dir/in.pcap" -w "$dir/want.pcap" 2>/dev/null
	cmp "$dir/want.pcap" "$dir/out.pcap" || fail "tcpdump got other packets"
}

# Nothing of the build folder is used: not by the shim, nor by what it is loaded into.
test_own_files() {
	shim=$("$prefix/bin/pacf-run" printenv LD_PRELOAD)
	case $shim in
	"$prefix"/*) ;;
	*) fail "pacf-run loads $shim" ;;
	esac
	env LD_PRELOAD="$shim" ldd "$(command -v tcpdump)" >"$dir/have"
	grep -q "libpacf.so.1 => $prefix/" "$dir/have" || { cat "$dir/have"; fail "the shim uses another libpacf"; }
	for file in bin/pacf "$libdir/libpacf.so" "$libdir/pacf/libpacf-pcap.so"; do
		readelf -d "$prefix/$file" | grep -E 'R(UN)?PATH' | grep -F "$build" && fail "$file knows the build folder"
	done
}

for tool in meson ninja pkg-config tcpdump nm readelf; do
	[ -n "$(command -v $tool)" ] || { echo "$tool is not installed: skipped"; exit 77; }
done
mkdir -m 700 "$PACF_RUNDIR"
[ ! -f "$log" ] || cp "$log" "$dir/install-log.txt"
build_files >"$dir/want"
(umask 022 && meson install -C "$build" --no-rebuild --quiet --destdir "$dest") >"$dir/install.log" 2>&1 ||
	{ cat "$dir/install.log"; fail "meson install"; exit 1; }
build_files >"$dir/have"
same "meson install changed the build folder"
header=$(find "$dest" -name pacf.h)
prefix=${header%/include/pacf.h}
libdir=$(cd "$prefix" && find lib* -name libpacf.so)
libdir=${libdir%/libpacf.so}
for part in files plist symbols example run own_files; do
	before=$failed
	failed=0
	"test_$part"
	[ $failed = 0 ] && echo "ok: $part"
	[ $before = 0 ] || failed=1
done
ninja -C "$build" uninstall >"$dir/uninstall.log" 2>&1 || { cat "$dir/uninstall.log"; fail "ninja uninstall"; }
[ ! -e "$dest" ] || find "$dest" ! -type d >"$dir/left"
[ ! -s "$dir/left" ] || fail "after ninja uninstall there is still: $(cat "$dir/left")"
exit $failed
