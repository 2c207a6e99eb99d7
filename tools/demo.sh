#!/bin/sh
# The main job, shown: one capture is split over four tcpdumps (scripts/demo.lua).  Run by `make demo`
# from the top of the source, with an optional capture file; without one, a capture is generated.
# Everything happens in a private folder, which is gone afterwards.
set -eu

dir=$(mktemp -d "${TMPDIR:-/tmp}/pacf-demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -m 700 "$dir/run"

capture=${1:-}
if [ -z "$capture" ]; then
	capture=$dir/demo.pcap
	bin/pacf-gen -o "$capture"
fi
# demo.lua makes its folder for the parts in TMPDIR.
PACF_CAPTURE=$capture PACF_BIN=bin TMPDIR=$dir PACF_RUNDIR=$dir/run \
	bin/pacf -f scripts/demo.lua </dev/null
