#!/bin/sh
# Lint: no include climbs out of its folder, so the build's include paths are what enforces the layers.
# usage: includes.sh SOURCE_ROOT
set -eu
cd "$1"
files=$(find src include test examples -name '*.[ch]')
[ -n "$files" ] || { echo "no C files below $1"; exit 1; }
if echo "$files" | xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](\.\./|.*/\.\./)'; then
	echo "name the header alone; the include path of the layer finds it"
	exit 1
fi
