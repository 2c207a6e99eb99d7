-- startup.lua: a set-up to read, to use and to change.
--
--     PACF_CAPTURE=some.pcap bin/pacf -f scripts/startup.lua
--
-- loads this file and then opens the shell.  It defines five functions, to be called from there:
--
--     setup(type, ifname)          one engine (one thread), four applications
--     setup4(type, ifname, cpus)   four engines (four threads), the same four applications
--     start()                      the engines begin to read
--     status()                     who got how much
--     teardown()                   stops and deletes the engines
--
-- With a capture file named below or in the environment, setup() is called for you.
--
-- What setup() does, as a picture:
--
--                           pacf:capture{0  ---  application 1
--     interface             pacf:capture{1  ---  application 2
--     or file  ---  e0  --<
--                           pacf:capture{2  ---  application 3
--                           pacf:capture{3  ---  application 4
--
-- Each connection goes to one of the four, with all its packets of both directions.
--
-- With type "netmap" the channels are netmap pipes, named after what is read: setup("netmap", "eth3") opens
-- netmap:eth3{0 to netmap:eth3{3, and netmap applications open netmap:eth3}0 to netmap:eth3}3.

---------------------------------------------------------------------------------------------
-- What to change
---------------------------------------------------------------------------------------------

-- The capture file to read.  pcap and pcapng both do.
CAPTURE = CAPTURE or os.getenv("PACF_CAPTURE")

-- How many applications share the traffic, and the name of their channels.  The daemon's end of a
-- channel is written with {, the application's end with }: an application opens pacf:capture}0.
APPLICATIONS = 4
NAME = "capture"

-- For a live interface, nothing below needs to change: call for instance setup("auto", "eth3"), or
-- setup("netmap", "eth3") where there is netmap, as root, instead of setup("pcap", ...).  The differences
-- to a file:
--   * a live interface does not wait: an application that is too slow, or absent, loses packets, and
--     status() says how many.  A file waits, so that nothing is lost; when_full and
--     when_detached of pkteng.open_channel choose between "wait" and "drop";
--   * a file ends and applications see its end; an interface is read until pkteng.stop.

---------------------------------------------------------------------------------------------
-- The two set-ups
---------------------------------------------------------------------------------------------

-- The daemon's end of channel `id`.
local function channel_name(type, ifname, id)
	if type == "netmap" then
		return ("netmap:%s{%d"):format(ifname, id)
	end
	return ("pacf:%s{%d"):format(NAME, id)
end

-- Opens channels first .. last on one engine.
local function open_channels(engine, type, ifname, first, last)
	for id = first, last do
		pkteng.open_channel({
			engine = engine,
			channel = channel_name(type, ifname, id),
			-- SAMPLE: the flows are split among the channels.
			-- COPY: this channel gets every packet.  DROP: nothing goes out at all.
			action = "SAMPLE",
		})
	end
end

-- Undoes what netmap_memory did.
local put_back = function() end

-- A VALE port of netmap ("vale0:a") is made, at the start, with memory for four pipes, unless netmap's own
-- parameters ask for more then.  This raises them for n pipes, which takes root; start() puts them back.
-- An interface's pipes have the memory of all interfaces, and need none of this.
local function netmap_memory(ifname, n)
	local before = {}
	local function put(name, value)
		if io.open("/sys/module/netmap") then -- Linux
			local file, why = io.open("/sys/module/netmap/parameters/" .. name, "w")
			return file and file:write(value) and file:close(), why
		end
		return os.execute(("sysctl dev.netmap.%s=%d >/dev/null"):format(name, value)) -- FreeBSD
	end
	local function get(name)
		local file = io.open("/sys/module/netmap/parameters/" .. name)
			or io.popen("sysctl -n dev.netmap." .. name)
		return file:read("n") or 0
	end
	put_back = function()
		for name, value in pairs(before) do
			put(name, value)
		end
		before = {}
	end
	if not ifname:match("^vale") or n <= 4 then
		return
	end
	local needed = {priv_if_num = 2 + 4 * n, priv_ring_num = 4 + 8 * n, priv_buf_num = 8192 * n + 40000}
	for name, value in pairs(needed) do
		local now = get(name)
		if now < value then
			local ok, why = put(name, value)
			if not ok then
				put_back()
				error(("%d pipes of %s need netmap's parameter %s to be %d, not %d, and it cannot be set (%s); "
					.. "run pacf as root"):format(n, ifname, name, value, now, why or "sysctl"), 0)
			end
			before[name] = now
		end
	end
end

local function say_what_next(type, ifname)
	print("Set up. Now start the applications, for instance, in another terminal:")
	for id = 0, APPLICATIONS - 1 do
		local name = channel_name(type, ifname, id):gsub("{", "}")
		if type == "netmap" then
			print(("    pkt-gen -f rx -i '%s' &"):format(name))
		else
			print(("    bin/pacf-run tcpdump -n -i '%s' &"):format(name))
		end
	end
	print("then, here: start(), status(), and at the end teardown().")
end

-- One engine.  setup("pcap", "some.pcap")
function setup(type, ifname)
	-- An engine is one thread.  cpu=1 would bind it to CPU 1.
	pkteng.new({name = "e0", type = type})
	-- What it reads.  batch=1024 would read up to 1024 packets at a time.  With a file, speed=1
	-- replays it as fast as it was recorded and loop=true begins again at its end.
	pkteng.link({engine = "e0", ifname = ifname})
	open_channels("e0", type, ifname, 0, APPLICATIONS - 1)
	if type == "netmap" then
		netmap_memory(ifname, APPLICATIONS)
	end
	say_what_next(type, ifname)
end

-- Four engines e0 .. e3 on one interface: engine i reads the interface's receive queue i (qid) and runs
-- on the i-th of cpus.  setup4("netmap", "eth3", {0, 1, 2, 3})
--
-- A file has no queues: give four files, setup4("pcap", {"a.pcap", "b.pcap", "c.pcap", "d.pcap"}).
-- All four engines feed the same four applications, each connection goes to one of them; but a netmap pipe has
-- one writer, so with type "netmap" engine i feeds application i, and which connections these are is for the
-- interface to decide (its RSS).
function setup4(type, ifname, cpus)
	local files = _G.type(ifname) == "table" and ifname
	if type == "pcap" and not files then
		error('setup4: a file has no queues; give four files: setup4("pcap", {"a.pcap", "b.pcap", ...})', 2)
	end
	for i = 0, 3 do
		local engine = "e" .. i
		pkteng.new({name = engine, type = type, cpu = cpus and cpus[i + 1]})
		pkteng.link({
			engine = engine,
			ifname = files and files[i + 1] or ifname,
			qid = not files and i or nil,
		})
		if type == "netmap" then
			open_channels(engine, type, ifname, i, i)
		else
			open_channels(engine, type, ifname, 0, APPLICATIONS - 1)
		end
	end
	say_what_next(type, ifname)
end

---------------------------------------------------------------------------------------------
-- Every day
---------------------------------------------------------------------------------------------

function start()
	local ok, why = pcall(function()
		for _, engine in ipairs(pkteng.list()) do
			pkteng.start({engine = engine})
		end
	end)
	put_back()
	if not ok then
		error(why, 0)
	end
end

-- The same as pacf.show_stats().  pkteng.stats({engine="e0"}) gives the figures as a Lua table.
function status()
	pacf.show_stats()
end

function teardown()
	put_back()
	for _, engine in ipairs(pkteng.list()) do
		if pkteng.stats({engine = engine}).state ~= "stopped" then
			pkteng.stop({engine = engine})
		end
		pkteng.delete({engine = engine})
	end
end

---------------------------------------------------------------------------------------------
-- Out of the box
---------------------------------------------------------------------------------------------

if CAPTURE and CAPTURE ~= "" then
	setup("pcap", CAPTURE)
else
	print('No capture file yet. Name one, here: setup("pcap", "some.pcap")')
	print("or before the start: PACF_CAPTURE=some.pcap bin/pacf -f scripts/startup.lua")
end
