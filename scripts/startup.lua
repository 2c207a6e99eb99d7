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

---------------------------------------------------------------------------------------------
-- What to change
---------------------------------------------------------------------------------------------

-- The capture file to read.  pcap and pcapng both do.
CAPTURE = CAPTURE or os.getenv("PACF_CAPTURE")

-- How many applications share the traffic, and the name of their channels.  The daemon's end of a
-- channel is written with {, the application's end with }: an application opens pacf:capture}0.
APPLICATIONS = 4
NAME = "capture"

-- For a live interface, nothing below needs to change: once this build has an engine type for
-- interfaces (pkteng.new names the types it knows when you give it another), call for instance
--
--     setup("netmap", "eth3")
--
-- as root instead of setup("pcap", ...).  The differences to a file:
--   * a live interface does not wait: an application that is too slow, or absent, loses packets, and
--     status() says how many.  A file waits, so that nothing is lost; when_full and
--     when_detached of pkteng.open_channel choose between "wait" and "drop";
--   * a file ends and applications see its end; an interface is read until pkteng.stop.

---------------------------------------------------------------------------------------------
-- The two set-ups
---------------------------------------------------------------------------------------------

-- Opens the channels on one engine.  Called once per engine: engines that open the same
-- channel feed the same application.
local function open_channels(engine)
	for id = 0, APPLICATIONS - 1 do
		pkteng.open_channel({
			engine = engine,
			channel = ("pacf:%s{%d"):format(NAME, id),
			-- SAMPLE: the flows are split among the channels.
			-- COPY: this channel gets every packet.  DROP: nothing goes out at all.
			action = "SAMPLE",
		})
	end
end

local function say_what_next()
	print("Set up. Now start the applications, for instance, in another terminal:")
	for id = 0, APPLICATIONS - 1 do
		print(("    bin/pacf-run tcpdump -n -i 'pacf:%s}%d' &"):format(NAME, id))
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
	open_channels("e0")
	say_what_next()
end

-- Four engines e0 .. e3 on one interface: engine i reads the interface's receive queue i (qid) and runs
-- on the i-th of cpus.  setup4("netmap", "eth3", {0, 1, 2, 3})
--
-- A file has no queues: give four files, setup4("pcap", {"a.pcap", "b.pcap", "c.pcap", "d.pcap"}).
-- All four engines feed the same four applications.
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
		open_channels(engine)
	end
	say_what_next()
end

---------------------------------------------------------------------------------------------
-- Every day
---------------------------------------------------------------------------------------------

function start()
	for _, engine in ipairs(pkteng.list()) do
		pkteng.start({engine = engine})
	end
end

-- The same as pacf.show_stats().  pkteng.stats({engine="e0"}) gives the figures as a Lua table.
function status()
	pacf.show_stats()
end

function teardown()
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
