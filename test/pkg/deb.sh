#!/bin/sh
# The Debian packages: they build, lintian finds no error, and in a copy of this system they are installed, work, are removed
# and purged, after which every file is as it was before.
#
# usage: deb.sh SOURCE_ROOT BUILD_ROOT     root: the copy is an overlay of /, in a mount namespace of its own
set -u
source=$1
out=$2/deb
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

for tool in dpkg-buildpackage dh lintian unshare chroot; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || { echo "no $tool: skipped"; exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$source" && find . -path './build*' -prune -o -path ./.git -prune -o -print | sort) >"$dir/before"
# Packages of debugging symbols take as long as all the rest.
DEB_BUILD_OPTIONS=noautodbgsym sh "$source/tools/deb.sh" "$source" "$out" >"$dir/deb.log" || { fail 'the packages do not build'; exit 1; }
(cd "$source" && find . -path './build*' -prune -o -path ./.git -prune -o -print | sort) >"$dir/after"
diff "$dir/before" "$dir/after" || fail 'the build has changed the source'
for package in pacf libpacf1 libpacf-dev; do
	[ -n "$(ls "$out/$package"_*.deb 2>/dev/null)" ] || fail "there is no package $package"
done
lintian --fail-on error "$out"/*.changes || fail lintian

[ "$(id -u)" = 0 ] || { echo 'not root: what is installed is not tested'; exit $((failed ? 1 : 77)); }
mkdir "$dir/copy" "$dir/out"
unshare --mount --pid --fork --kill-child sh "$source/test/pkg/installed.sh" "$dir/copy" "$out" || fail 'as installed'

# systemd gets control groups of its own, below ours.
groups=$(sed -n -e 's,^[0-9]*:name=systemd:,/sys/fs/cgroup/systemd,p' -e 's,^0::,/sys/fs/cgroup/unified,p' /proc/self/cgroup)
grep -q name=systemd /proc/self/cgroup || groups=$(sed -n 's,^0::,/sys/fs/cgroup,p' /proc/self/cgroup)
sh -c 'for group in $1; do mkdir "$group/pacf-test" && echo $$ >"$group/pacf-test/cgroup.procs" || exit 77; done
	exec timeout 120 unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh "$2" "$3" "$4" "$5"' \
	sh "$groups" "$source/test/pkg/service.sh" "$dir/copy" "$out" "$dir/out" </dev/null
for group in $groups; do
	find "$group/pacf-test" -depth -type d -exec rmdir {} \; 2>/dev/null
done
cat "$dir/out/said" 2>/dev/null || echo 'no control groups of its own'
[ "$(tail -1 "$dir/out/said" 2>/dev/null)" = 'all is well' ] || fail 'as a service'
[ $failed = 0 ] || exit 1
