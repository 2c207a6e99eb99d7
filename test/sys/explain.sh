#!/bin/sh
# pacf explain and pkteng.explain: the channel that they name is where each packet really went.
# env: PACF, PACF_GEN (the programs)
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export PACF_RUNDIR="$dir/run" XDG_STATE_HOME="$dir/state"

fail() {
	echo "FAILED: $1"
	[ -f "$dir/out" ] && tail -40 "$dir/out"
	exit 1
}

# Short frames of many flows: fragments (some with the last one first), VLAN tags, IPv6.
"$PACF_GEN" --packets 900 --flows 100 --fragments 40 --udp 60 --vlan 30 --ipv6 25 "$dir/in.pcap" || fail "no capture"

# From the command line: a line for each packet; early fragments come after others; all say which packet they follow.
"$PACF" explain "$dir/in.pcap" >"$dir/out" 2>&1 || fail "pacf explain"
[ "$(cut -d' ' -f1 "$dir/out" | sort -nu | wc -l)" -eq 900 ] || fail "a line for each packet"
sort -nc "$dir/out" 2>/dev/null && fail "no fragment came before its first one: this capture tests too little"
# The digest of a fragment is its first one's.
awk '{ match($0, /digest [0-9a-f]+/); digest[$1] = substr($0, RSTART, RLENGTH) }
	match($0, /of packet [0-9]+/) { first[$1] = substr($0, RSTART + 10, RLENGTH - 10) + 0 }
	END { for (p in first) { n++; early += first[p] > p; if (digest[p] != digest[first[p]]) exit 1 }
		exit n < 50 || early < 2 }' "$dir/out" || fail "fragments follow"
grep -q '\[2001:db8:' "$dir/out" || fail "no IPv6"

# One packet says the same as its line, and more.
line=$(grep '^7 ' "$dir/out")
"$PACF" explain "$dir/in.pcap" 7 >"$dir/seven" 2>&1 || fail "one packet"
grep -q '^packet 7: ' "$dir/seven" || fail "one packet: number"
grep -q '^  parsed: ethernet @0, ' "$dir/seven" || fail "one packet: layers"
grep -q "bucket ${line##* }\$" "$dir/seven" || fail "one packet: bucket"

# What cannot be explained.
refused() {
	want=$1 text=$2
	shift 2
	"$PACF" explain "$@" >"$dir/out" 2>&1
	[ $? = "$want" ] || fail "explain $*: exit status"
	grep -qF "$text" "$dir/out" || fail "explain $*: $text"
}
refused 2 "needs a capture file"
refused 2 "takes a file and a packet" "$dir/in.pcap" 1 2
refused 1 "PACKET must be a whole number" "$dir/in.pcap" 0
refused 1 "PACKET must be a whole number" "$dir/in.pcap" seven
refused 1 "has 900 packets" "$dir/in.pcap" 901
refused 1 "cannot be opened" "$dir/nothing.pcap"

# In an engine, before it is started, while it runs, and after: the same, and the truth.  A packet's
# bytes and time stamp say which one it is.
cat >"$dir/truth.lua" <<END
local function records(path)
	local f = assert(io.open(path, "rb"))
	local text, list, at = f:read("a"), {}, 25
	f:close()
	while at <= #text do
		local len = string.unpack("<I4", text, at + 8)
		list[#list + 1] = text:sub(at, at + 15 + len)
		at = at + 16 + len
	end
	return list
end

-- What explain prints, as text.
local function explained(packet)
	local parts, write = {}, io.write
	io.write = function(text) parts[#parts + 1] = text return io.stdout end
	local ok, why = pcall(pkteng.explain, {engine="e", file="$dir/in.pcap", packet=packet})
	io.write = write
	assert(ok, why)
	return table.concat(parts)
end

pacf.hash_key(4711)
pkteng.new{name="e", type="pcap"}
pkteng.link{engine="e", ifname="$dir/in.pcap"}
for i = 0, 3 do pkteng.open_channel{engine="e", channel="pcap:$dir/out" .. i .. ".pcap"} end
local before = explained(5)
local input = records("$dir/in.pcap")
local said = {}
for i = 1, #input do
	said[i] = explained(i):match("group default: .-\\n    %-> pcap:[^\\n]*/out(%d).pcap\\n")
	assert(said[i], "packet " .. i .. ": no channel is named")
end
pkteng.start{engine="e"}
pkteng.wait{engine="e"}
assert(explained(5) == before, "running: another answer")
pkteng.stop{engine="e"}
assert(explained(5) == before, "stopped: another answer")

local went, sizes = {}, {}
for i = 0, 3 do
	local list = records("$dir/out" .. i .. ".pcap")
	sizes[#sizes + 1] = #list
	for _, record in ipairs(list) do
		assert(not went[record], "a packet twice")
		went[record] = tostring(i)
	end
end
for i, record in ipairs(input) do
	assert(went[record] == said[i], ("packet %d went to %s, not to %s"):format(i, went[record], said[i]))
end
assert(#input == 900 and math.min(table.unpack(sizes)) > 50, "not split: " .. table.concat(sizes, " "))
-- packet 1 is what is explained if none is named
assert(explained(nil) == explained(1))
local write = io.write
io.write = function() return nil, "full" end
local ok, why = pcall(pkteng.explain, {engine="e", file="$dir/in.pcap"})
io.write = write
assert(not ok and why:find("cannot write: full", 1, true), why)
assert(explained(5) == before, "after an error: another answer")
ok, why = pcall(pkteng.explain, {engine="e", file="$dir/in.pcap", packet=901})
assert(not ok and why:find("has 900 packets", 1, true), why)
END
"$PACF" -f "$dir/truth.lua" </dev/null >"$dir/out" 2>&1 || fail "where packets went"
echo "900 packets went where explain said"
