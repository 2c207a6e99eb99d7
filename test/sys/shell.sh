#!/bin/sh
# The shell with the real engines: program, prompt, manual, and the two scripts that come with it.
# env: PACF, PACF_GEN, PACF_RUN (the programs), SRC (root of the source)
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export PACF_RUNDIR="$dir/run" XDG_STATE_HOME="$dir/state"
unset PACF_CAPTURE

fail() {
	echo "FAILED: $1"
	[ -f "$dir/out" ] && cat "$dir/out"
	exit 1
}

sh "$SRC/test/unit/shell/shell.sh" "$PACF" || fail "program"
sh "$SRC/test/unit/shell/man.sh" "$PACF" "$SRC/man" "$PACF_GEN" || fail "manual"
if command -v expect >/dev/null; then
	expect "$SRC/test/unit/shell/interactive.exp" "$PACF" || fail "prompt"
fi
"$PACF_GEN" "$dir/gen.pcap" || fail "no capture"

# startup.lua, without and with a capture; the four applications are four files here.
"$PACF" -f "$SRC/scripts/startup.lua" </dev/null >"$dir/out" 2>&1 || fail "startup.lua"
grep -q 'setup("pcap", "some.pcap")' "$dir/out" || fail "startup.lua says not what to do"
PACF_CAPTURE="$dir/gen.pcap" "$PACF" -f "$SRC/scripts/startup.lua" -e 'start()' -e 'status()' \
	-e 'assert(not pkteng.wait{engine="e0", timeout=0.2}, "nobody reads, and yet it ends")' \
	-e 'teardown()' -e 'assert(#pkteng.list() == 0)' </dev/null >"$dir/out" 2>&1 || fail "startup.lua with a capture"
grep -q 'pacf:capture{3' "$dir/out" || fail "status() shows no fourth channel"
for i in 0 1 2 3; do
	cp "$dir/gen.pcap" "$dir/gen$i.pcap"
done
cat >"$dir/four.lua" <<END
setup4("pcap", {"$dir/gen0.pcap", "$dir/gen1.pcap", "$dir/gen2.pcap", "$dir/gen3.pcap"})
assert(#pkteng.list() == 4 and #pkteng.stats("e3").channels == 4)
start()
teardown()
setup4("pcap", "$dir/gen.pcap")
END
"$PACF" -f "$SRC/scripts/startup.lua" -f "$dir/four.lua" </dev/null >"$dir/out" 2>&1 && fail "setup4 with one file"
grep -q '^error: .*four.lua:5: setup4: a file has no queues' "$dir/out" || fail "setup4"

# Type "auto": what reads a link is said at once, by a line, and in the figures.
"$PACF" -e "pkteng.new{name='e', type='auto'} pkteng.link{engine='e', ifname='$dir/gen.pcap'}" \
	-e "assert(pkteng.stats('e').auto[1].type == 'pcap')" </dev/null >"$dir/out" 2>&1 || fail "auto"
grep -qxF "  auto: pcap reads $dir/gen.pcap: a capture file" "$dir/out" || fail "auto says something else"
"$PACF" -e "pkteng.new{name='e', type='auto'} pkteng.link{engine='e', ifname='none0'}" </dev/null >"$dir/out" 2>&1 &&
	fail "auto without an interface"
grep -q 'none0" is neither an interface of this machine nor a capture file' "$dir/out" || fail "auto: why not"

# A closed channel's share stays in the ledger of its group.
cat >"$dir/closed.lua" <<END
pkteng.new{name="e", type="pcap"}
pkteng.link{engine="e", ifname="$dir/gen.pcap"}
for i = 1, 3 do pkteng.open_channel{engine="e", channel="pcap:$dir/closed" .. i} end
pkteng.start{engine="e"}
pkteng.wait{engine="e"}
local before = pkteng.stats("e").channels[2].delivered_pkts
pkteng.close_channel{engine="e", channel="pcap:$dir/closed2"}
local closed = pkteng.stats("e").groups[1].closed
assert(before > 0 and closed.delivered_pkts == before and closed.received_pkts == before)
pkteng.stop{engine="e"}
pkteng.show_stats{engine="e"}
END
"$PACF" -f "$dir/closed.lua" </dev/null >"$dir/out" 2>&1 || fail "closed channel"
grep -q 'group default: .* + by closed channels [1-9].*(adds up)' "$dir/out" || fail "closed channel in the ledger"

# demo.lua: the main job.  Needs tcpdump, and the shim, which a sanitized build does not have.
"$PACF" -f "$SRC/scripts/demo.lua" </dev/null >"$dir/out" 2>&1 && fail "demo.lua without a capture"
grep -q '^error: name a capture file' "$dir/out" || fail "demo.lua says not what is missing"
if [ -n "${PACF_RUN-}" ] && command -v tcpdump >/dev/null; then
	mkdir "$dir/demo"
	PACF_CAPTURE="$dir/gen.pcap" PACF_BIN=$(dirname "$PACF_RUN") PACF_DEMO_DIR="$dir/demo" \
		"$PACF" -f "$SRC/scripts/demo.lua" </dev/null >"$dir/out" 2>&1 || fail "demo.lua"
	grep -q 'add up to \([0-9]*\) of \1 packets' "$dir/out" || fail "demo.lua does not add up"
	cat "$dir/out"
	PACF_CAPTURE="$dir/gen.pcap" PACF_BIN="$dir/none" "$PACF" -f "$SRC/scripts/demo.lua" \
		</dev/null >"$dir/out" 2>&1 && fail "demo.lua without pacf-run"
	grep -q '^error: tcpdump 0 failed' "$dir/out" || fail "demo.lua hides a failed tcpdump"
fi
