#!/bin/sh
# Lint: what the documents name is there: paths and manual pages, relative links, make's targets, the layers that
# a layer sees; what is there is in the manual: public functions, counters, Lua commands and their arguments.
# usage: docs.sh SOURCE_ROOT PACF
set -eu
pacf=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$1"
documents="README.md INSTALL.md ARCHITECTURE.md CONTRIBUTING.md"
status=0

bad() {
	echo "$*"
	status=1
}

# Every word that starts like a path of the source, from the places where documents name code.
paths_of() {
	tr -s ' `()<>|,;"'"'" '\n' <"$1" | grep -E '^(\.ci|examples|include|man|pkg|scripts|src|test|tools)/' |
		sed 's/[.:]*$//' | sort -u
}

check_document() {
	count=0
	for path in $(paths_of "$1"); do
		count=$((count + 1))
		case $path in *[A-Z][A-Z]*) continue ;; esac # src/io/source_NAME.c
		[ -e "$path" ] || bad "$1: there is no $path"
	done
	[ "$count" -gt 1 ] || bad "$1: no path found in it: this test does not understand it"
	for link in $(grep -oE '\]\([^)]*\)' "$1" | sed 's/^](//; s/)$//; s/#.*//'); do
		case $link in
		*://*) ;;
		*) [ -e "$link" ] || bad "$1: the link to $link leads nowhere" ;;
		esac
	done
	for target in $(grep -oE '(^|[`$] ?)make [a-z]+' "$1" | awk '{ print $NF }' | sort -u); do
		grep -q "^$target:" Makefile || bad "$1: there is no \`make $target\`"
	done
}

# The second column of the table of layers is the include path that the build gives to the layer.
check_layers() {
	for build in src/*/meson.build; do
		layer=$(basename "$(dirname "$build")")
		row=$(grep "^| \`$layer\` |" ARCHITECTURE.md) || { bad "ARCHITECTURE.md: no layer $layer"; continue; }
		said=$(echo "$row" | cut -d'|' -f3 | xargs)
		built=$(tr -d '\n' <"$build" | grep -o "include_directories: \[[^]]*\]" | head -1 |
			grep -oE '[a-z]+_inc' | sed 's/_inc$//' | grep -vxE "$layer|pacf" | xargs) || true
		[ "$said" = "$built" ] || bad "ARCHITECTURE.md: $layer sees \"$said\", but the build says \"$built\""
	done
}

check_pages() {
	for page in man/*.[1-9]; do
		grep -q "'$(basename "$page")'" man/meson.build || bad "man/meson.build: $page is not installed"
		# What it refers to under our name.
		for other in $(sed -n 's/^\.Xr \(.*pacf[^ ]*\) \([1-9]\).*/\1.\2/p' "$page" | sort -u); do
			[ -e "man/$other" ] || bad "$page: there is no man/$other"
		done
	done
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning man/*.[1-9] || status=1
	fi
	functions=$(grep -oE '\bpacf_[a-z]+\(' include/pacf.h | tr -d '(' | sort -u)
	[ -n "$functions" ] || bad "include/pacf.h: no function found"
	for function in $functions; do
		[ -e "man/$function.3" ] || bad "man/$function.3 is missing"
		grep -q "^\.Xr $function 3" man/libpacf.3 || bad "man/libpacf.3 does not name $function"
	done
}

# Without the unit: X_bytes and X_pkts share a line.
check_counters() {
	counters=$(sed -n 's/^DP_[A-Z]*_COUNTER(\([a-z_]*\),.*/\1/p' src/dp/counters.def)
	[ -n "$counters" ] || bad "src/dp/counters.def: no counter found"
	for counter in $counters; do
		sed 's/^\.It Va/ /; t; d' man/pacf.7 | tr ' ,' '\n' | grep -qx "${counter%_bytes}\(_pkts\)*" ||
			bad "man/pacf.7: counter $counter is missing"
	done
}

# One command a line, as name(arguments), from the manual and from what help() prints.
manual_commands() {
	sed -n 's/^\.It Fn '"$1"'\.\([a-z_]*\) *\(.*\)/\1(\2)/p' man/pacf.7 | tr -d '"{} ' | sort
}
help_commands() {
	"$pacf" -e "$1.help()" </dev/null | tr -s ' \n' '  ' | tr -d '={}' | grep -oE '[a-z_]+\([a-z_, []*[]a-z_, []*\)' |
		tr -d ' ' | grep -v '^help()$' | { cat; echo 'help()'; } | sort
}
check_commands() {
	for table in pacf pkteng; do
		said=$(manual_commands $table) printed=$(help_commands $table)
		[ "$said" = "$printed" ] || bad "man/pacf.7: of $table it says:" "$said" "but help() says:" "$printed"
	done
}

for document in $documents; do
	check_document "$document"
done
check_layers
check_pages
check_counters
check_commands
exit $status
