#!/bin/sh
# Lint: nobody blocks all signals but os_signals_block, which leaves the one by which a daemon's threads are told to give
# up their rights: with a thread that is deaf to it, a daemon does not start.
# usage: signals.sh SOURCE_ROOT
set -eu
cd "$1"
files=$(find src -name '*.c' | grep -v '^src/os/')
[ -n "$files" ] || { echo "no C files below $1"; exit 1; }
if echo "$files" | xargs grep -nE 'sigfillset'; then
	echo "around pthread_create: os_signals_block(&before) of os.h"
	exit 1
fi
