#!/bin/sh
# Lint: the libraries of the packet path name no function that allocates, formats or logs.
# usage: nolibc.sh LIBRARY.a ...
set -eu
[ $# -gt 0 ] || { echo "usage: $0 LIBRARY.a ..." >&2; exit 2; }
banned='malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|free|strn?dup|v?syslog'
banned="$banned|v?(f|s|sn|d|as)?printf|puts|fputs|putchar|perror|strerror|fwrite|fopen"
status=0
for lib in "$@"; do
	symbols=$(nm -u "$lib")
	[ -n "$symbols" ] || { echo "$lib: nm shows nothing"; status=1; continue; }
	bad=$(echo "$symbols" | grep -E "^([^ ]*:|[[:space:]]*U (__)?($banned)(_chk)?(@.*)?)\$" |
		awk '/:$/ { object = $0; next } { print object, $2 }')
	[ -z "$bad" ] && continue
	echo "$lib: the packet path must not name:"
	echo "$bad"
	status=1
done
exit $status
