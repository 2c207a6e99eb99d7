#!/bin/sh
# Lint: clang-format would change nothing.  Skipped (77) where there is none.
# usage: format.sh SOURCE_ROOT
set -eu
cd "$1"
command -v clang-format >/dev/null || { echo "clang-format is missing: skipped"; exit 77; }
files=$(find src include test examples -name '*.[ch]')
[ -n "$files" ] || { echo "no C files below $1"; exit 1; }
echo "$files" | xargs clang-format --dry-run -Werror
