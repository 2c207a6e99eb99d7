-- demo.lua: the main job, on a capture: one file is split over four unmodified tcpdumps, each of which
-- writes what it gets to a file; then the packets in the four files are counted.
--
--     PACF_CAPTURE=some.pcap bin/pacf -f scripts/demo.lua < /dev/null
--
-- PACF_BIN is the folder with pacf-run (default: bin), PACF_DEMO_DIR the folder for the four files (default: a
-- temporary one, removed at the end).  Exit status 1 if the parts do not add up.  `make demo` runs this.

local CHANNELS = 4
local START_SECONDS, RUN_SECONDS, END_SECONDS = 10, 40, 10

local function quote(text)
	return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function output_of(command)
	local pipe = assert(io.popen(command))
	local text = pipe:read("a")
	pipe:close()
	return (text:gsub("%s+$", ""))
end

local function read_all(path)
	local file = io.open(path)
	if not file then
		return nil
	end
	local text = file:read("a")
	file:close()
	return text
end

-- Packets in a pcap file, read from an open handle; nil and a sentence if it is none or is cut off.
local function count_packets(file)
	local head = file:read(24)
	if not head or #head < 24 then
		return nil, "it has no pcap header"
	end
	local magic = ("<I4"):unpack(head)
	local order = (magic == 0xa1b2c3d4 or magic == 0xa1b23c4d) and "<" or ">"
	local count = 0
	while true do
		local record = file:read(16)
		if not record then
			return count
		end
		local bytes = #record == 16 and (order .. "I4"):unpack(record, 9)
		if not bytes or (bytes > 0 and #(file:read(bytes) or "") < bytes) then
			return nil, ("it ends within packet %d"):format(count + 1)
		end
		count = count + 1
	end
end

local capture = os.getenv("PACF_CAPTURE")
if not capture or capture == "" then
	error("name a capture file: PACF_CAPTURE=some.pcap bin/pacf -f scripts/demo.lua", 0)
end
local bin = os.getenv("PACF_BIN") or "bin"
local dir, temporary = os.getenv("PACF_DEMO_DIR"), false
if not dir then
	dir, temporary = output_of("mktemp -d"), true
end
-- tcpdump as root becomes another user, who may not write here
local user = output_of("id -u") == "0" and "-Z root " or ""

local function leave(status)
	if temporary then
		os.execute("rm -rf " .. quote(dir))
	end
	os.exit(status)
end

local function path(id, what)
	return ("%s/demo%d.%s"):format(dir, id, what)
end

local function give_up(id, why)
	io.stderr:write(("error: tcpdump %d %s:\n%s\n"):format(id, why, read_all(path(id, "log")) or "(no output)"))
	leave(1)
end

-- tcpdump in the background; when it has ended, its exit status is in a file.
local function start_tcpdump(id)
	os.remove(path(id, "status"))
	os.remove(path(id, "pcap"))
	local command = ("%s tcpdump -n %s-i %s -w %s"):format(quote(bin .. "/pacf-run"), user,
		quote(("pacf:demo}%d"):format(id)), quote(path(id, "pcap")))
	os.execute(("{ %s; echo $? >%s; } >%s 2>&1 </dev/null &"):format(command,
		quote(path(id, "status")), quote(path(id, "log"))))
end

-- nil: still running; else its exit status
local function status_of(id)
	return tonumber(read_all(path(id, "status")) or "")
end

-- Waits until test(id) is true for every channel; a tcpdump that failed ends the demo.
local function wait_for_all(seconds, test, why)
	for id = 0, CHANNELS - 1 do
		while not test(id) do
			if (status_of(id) or 0) ~= 0 then
				give_up(id, "failed")
			elseif seconds <= 0 then
				give_up(id, why)
			end
			pacf.sleep(0.05)
			seconds = seconds - 0.05
		end
		if (status_of(id) or 0) ~= 0 then
			give_up(id, "failed")
		end
	end
end

print(("Splitting %s over %d tcpdumps"):format(capture, CHANNELS))
pkteng.new({name = "demo", type = "pcap"})
pkteng.link({engine = "demo", ifname = capture})
for id = 0, CHANNELS - 1 do
	pkteng.open_channel({engine = "demo", channel = ("pacf:demo{%d"):format(id), action = "SAMPLE"})
end
for id = 0, CHANNELS - 1 do
	start_tcpdump(id)
end
pkteng.start({engine = "demo"})

wait_for_all(START_SECONDS, function(id)
	return status_of(id) or pkteng.stats({engine = "demo"}).channels[id + 1].pid ~= 0
end, ("has not opened its channel within %d s"):format(START_SECONDS))
if not pkteng.wait({engine = "demo", timeout = RUN_SECONDS}) then
	io.stderr:write(("error: the capture is not through after %d s\n"):format(RUN_SECONDS))
	pkteng.show_stats({engine = "demo"})
	leave(1)
end
pkteng.show_stats({engine = "demo"})
wait_for_all(END_SECONDS, status_of, ("has not ended within %d s after the capture"):format(END_SECONDS))

-- Counted from the files alone, the whole by tcpdump's own reading of the capture.
local pipe = assert(io.popen(("tcpdump %s-r %s -w - 2>/dev/null"):format(user, quote(capture))))
local whole, why = count_packets(pipe)
pipe:close()
if not whole then
	io.stderr:write(("error: %s can't be counted with tcpdump: %s\n"):format(capture, why))
	leave(1)
end
local sum, ok = 0, true
print(("\n  %-12s  %s"):format("channel", "packets in the file"))
for id = 0, CHANNELS - 1 do
	local file <close> = assert(io.open(path(id, "pcap"), "rb"))
	local count
	count, why = count_packets(file)
	ok = ok and count ~= nil
	sum = sum + (count or 0)
	print(("  pacf:demo{%d  %19s"):format(id, count or path(id, "pcap") .. ": " .. why))
end
print(("  the four parts add up to %d of %d packets"):format(sum, whole))
if not temporary then
	print(("  the files are in %s"):format(dir))
end
leave(ok and sum == whole and 0 or 1)
