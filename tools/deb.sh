#!/bin/sh
# Builds the Debian packages from pkg/debian, in a copy of the source, so that nothing is written into it.
# usage: deb.sh SOURCE_ROOT OUTPUT_FOLDER        called by `make deb` and by test/pkg/deb.sh
set -eu
[ $# = 2 ] || { echo "usage: $0 SOURCE_ROOT OUTPUT_FOLDER" >&2; exit 2; }
source=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
version=$(sed -n "s/^[[:space:]]*version: '\(.*\)',/\1/p" "$source/meson.build")
tree=$out/host-pacf-$version

for tool in dpkg-buildpackage dh meson clang; do
	command -v $tool >/dev/null || { echo "no $tool: apt-get install debhelper dpkg-dev meson clang" >&2; exit 1; }
done
grep -q "^host-pacf ($version) " "$source/pkg/debian/changelog" ||
	{ echo "pkg/debian/changelog does not begin with version $version, which meson.build says" >&2; exit 1; }

rm -rf "$tree" "$out"/*.deb "$out"/host-pacf_*
mkdir "$tree"
# What belongs to the source, not what was built in it or beside it.
(cd "$source" && find . -maxdepth 1 -mindepth 1 ! -name '.git' ! -name 'build*' ! -name bin -exec cp -R {} "$tree" \;)
cp -R "$tree/pkg/debian" "$tree/debian"

# The compiler's cache, if there is one, is found by its caller's home; dh gives the build another.
if command -v ccache >/dev/null; then
	CCACHE_DIR=${CCACHE_DIR:-$(ccache -k cache_dir)}
	export CCACHE_DIR
fi
cd "$tree"
dpkg-buildpackage -b -us -uc >"$out/build.log" 2>&1 || { tail -50 "$out/build.log" >&2; exit 1; }
rm -rf "$tree"
ls "$out"/*.deb
