-- shell/doctor: what the facts of core.doctor mean: findings, each {what, verdict, text, fix}, and their text.
-- verdict: good; note (it would be better otherwise); bad (packets are lost, falsified or cannot be had);
-- unknown (the system does not say).  fix: the command that mends it.
local core, P = ...

local FALSE = {gro = "packets may be joined", ["rx-gro-hw"] = "packets may be joined", lro = "packets may be joined",
	rxvlan = "an afxdp engine sees the outer VLAN tag only if the driver tells it"}
local HUGE_PAGES, MEMLOCK, MTU_ETHERNET = 128, 64 << 20, 1500

local function plural(n, word)
	return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
end

-- Of one interface, in the order in which they are shown: check(facts, host, add).
local checks = {}

function checks.state(d, _, add)
	if d.up == 0 then
		return add("bad", "it is down", ("ip link set %s up"):format(d.ifname))
	elseif d.carrier == 0 then
		return add("bad", "it is up, without a carrier: the other end of the cable is down",
			d.peer and ("ip link set %s up"):format(d.peer))
	end
	add("good", "it is up, with a carrier")
end

function checks.mtu(d, _, add)
	if d.packets == "ethernet" and d.mtu < MTU_ETHERNET then
		return add("note", ("%d bytes: longer packets, which other networks have, may not come in"):format(d.mtu),
			("ip link set %s mtu %d"):format(d.ifname, MTU_ETHERNET))
	end
	add("good", ("%d bytes"):format(d.mtu))
end

function checks.driver(d, _, add)
	local card = d.card or {}
	local parts = {card.driver or d.kind, card.version, card.bus and "at " .. card.bus}
	local words = {}
	for i = 1, 3 do
		words[#words + 1] = parts[i]
	end
	if #words == 0 then
		return add("unknown")
	end
	add("good", table.concat(words, " "))
end

function checks.queues(d, host, add)
	local card = d.card or {}
	local n, most = card.queues or d.rx_queues, card.queues_max
	local wish = math.min(most or n, host.cpus)
	local text = plural(n, "receive queue") .. (most and (" of at most %d"):format(most) or "")
	if n < wish then
		return add("note", text .. (", with %s"):format(plural(host.cpus, "CPU")),
			("ethtool -L %s %s %d"):format(d.ifname, card.queues_paired == 1 and "combined" or "rx", wish))
	end
	add("good", text)
end

function checks.rss(d, _, add)
	local card = d.card or {}
	if (card.queues or d.rx_queues) == 1 then
		return add("good", "one queue: nothing to spread")
	elseif not card.rss_entries and not card.rss then
		return add("unknown")
	end
	local text = card.rss_entries and ("%s over %s"):format(plural(card.rss_entries, "entry"):gsub("entrys", "entries"),
		plural(card.rss_queues or 0, "queue")) or "no table"
	if card.rss == "one-sided" then
		return add("note", text .. "; both directions of a connection come in on different queues, " ..
			"and are put in order by their time stamps",
			("ethtool -X %s hkey %s"):format(d.ifname, ("6d:5a:"):rep(card.rss_key_bytes // 2):sub(1, -2)))
	end
	add("good", text .. (card.rss and "; symmetric" or ""))
end

function checks.rings(d, _, add)
	local card = d.card or {}
	if not card.rx_ring_max then
		return add("unknown")
	elseif (card.rx_ring or 0) < card.rx_ring_max then
		return add("note", ("%d packets of at most %d"):format(card.rx_ring or 0, card.rx_ring_max),
			("ethtool -G %s rx %d"):format(d.ifname, card.rx_ring_max))
	end
	add("good", ("%d packets, the most there can be"):format(card.rx_ring))
end

local function offloads_on(list, wanted)
	local on, can, fixed = {}, {}, {}
	for _, o in ipairs(list) do
		if o.on == 1 and wanted[o.offload] then
			on[#on + 1] = o.offload
			local into = o.changeable == 1 and can or fixed
			into[#into + 1] = o.offload
		end
	end
	return on, can, fixed
end

function checks.offloads(d, _, add)
	if not d.offloads then
		return add("unknown")
	end
	local on, can, fixed = offloads_on(d.offloads, FALSE)
	if #on == 0 then
		return add("good", "nothing that falsifies packets is on")
	end
	local why, said = {}, {}
	for _, name in ipairs(on) do
		if not said[FALSE[name]] then
			why[#why + 1], said[FALSE[name]] = FALSE[name], true
		end
	end
	local text = table.concat(on, ", ") .. (#on == 1 and " is" or " are") .. " on: " .. table.concat(why, ", ")
	if #fixed > 0 then
		text = text .. ("; the driver does not let %s be switched off"):format(table.concat(fixed, ", "))
	end
	if #can > 0 then
		text = text .. "; pkteng.link{..., offload=\"fix\"}, or"
	end
	-- rxvlan alone is for some engines only
	add(#on == 1 and on[1] == "rxvlan" and "note" or "bad", text,
		#can > 0 and ("ethtool -K %s %s off"):format(d.ifname, table.concat(can, " off ")) or nil)
end

-- What its peer leaves undone, as sender, a veth hands over as it is.
function checks.peer(d, _, add)
	if d.kind ~= "veth" then
		return
	elseif not d.peer_offloads then
		return add("unknown", "the other end is in another network namespace: what it leaves undone is not known here",
			"ethtool -K PEER tso off gso off tx off")
	end
	local on, can = offloads_on(d.peer_offloads, {tso = true, gso = true, tx = true})
	if #on == 0 then
		return add("good", ("%s sends packets as they would be on a wire"):format(d.peer))
	end
	add("note", ("%s has %s on: its own packets may be longer than the MTU and lack checksums"):format(d.peer,
		table.concat(on, ", ")), #can > 0 and ("ethtool -K %s %s off"):format(d.peer, table.concat(can, " off ")) or nil)
end

function checks.losses(d, _, add)
	local c = d.counters
	if not c then
		return add("unknown")
	elseif c.rx_missed > 0 then
		return add("note", ("%d received; %d that the card had no room for"):format(c.rx_packets, c.rx_missed))
	end
	add("good", ("%d received, %d dropped by the system, none missed by the card"):format(c.rx_packets, c.rx_dropped))
end

function checks.interrupts(d, host, add)
	if not d.irqs or #d.irqs == 0 then
		return add("unknown", d.kind and "a virtual interface has none" or nil)
	end
	local parts, places, some = {}, 0, {}
	for _, irq in ipairs(d.irqs) do
		local cpus = irq.cpus or "?"
		parts[#parts + 1] = ("%d on CPU %s"):format(irq.irq, cpus)
		places = places + (some[cpus] and 0 or 1)
		some[cpus] = true
	end
	local text = table.concat(parts, ", ", 1, math.min(#parts, 8)) .. (#parts > 8 and ", ..." or "")
	if (d.card and d.card.queues or d.rx_queues) > 1 and host.cpus > 1 and places == 1 then
		return add("note", text .. ": all on the same", ("echo 1 >/proc/irq/%d/smp_affinity_list"):format(
			d.irqs[#d.irqs].irq))
	end
	add("good", text)
end

function checks.numa(d, host, add)
	local card = d.card or {}
	if (host.nodes or 1) < 2 then
		return add("good", "the machine has one node")
	elseif not card.node then
		return add("unknown")
	end
	add("good", ("node %d; pin its engines there: cpu = one of %s"):format(card.node, card.node_cpus or "its CPUs"))
end

function checks.xdp(d, _, add)
	local xdp = d.xdp
	if not xdp then
		return add("good", "no XDP program is attached")
	end
	local how = {generic = "xdpgeneric", offloaded = "xdpoffload"}
	add("note", ("XDP program %d%s is attached (%s): afxdp leaves it alone"):format(xdp.id,
		xdp.name and (' "%s"'):format(xdp.name) or "", xdp.mode or "?"),
		("ip link set dev %s %s off"):format(d.ifname, how[xdp.mode] or "xdpdrv"))
end

function checks.promiscuous(d, _, add)
	if not d.promiscuous then
		return add("unknown")
	end
	add("good", d.promiscuous == 0 and "not now; engines see to it" or "already")
end

local ORDER = {"state", "mtu", "driver", "queues", "rss", "rings", "offloads", "peer", "losses", "interrupts", "numa",
	"xdp", "promiscuous"}

-- Of the machine and of us.
local host_checks = {}

function host_checks.rights(host, add)
	local lacks = {}
	for _, cap in ipairs({"net_raw", "net_admin", "bpf"}) do
		if host[cap] == 0 then
			lacks[#lacks + 1] = (host.capabilities == 1 and "cap_" or "") .. cap
		end
	end
	if #lacks == 0 then
		return add("good", "all that engines need")
	elseif host.capabilities ~= 1 then
		return add("bad", "we are not root")
	end
	add("bad", ("%s %s missing"):format(table.concat(lacks, ", "):upper(), #lacks == 1 and "is" or "are"),
		("setcap cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock+ep %s, or run it as root")
		:format(host.program or "pacf"))
end

function host_checks.locked(host, add)
	if host.ipc_lock == 1 or not host.memlock_bytes then
		return add("good", "as much memory as there is may be locked")
	end
	local text = ("%d KiB of memory may be locked"):format(host.memlock_bytes >> 10)
	if host.memlock_bytes < MEMLOCK then
		return add("note", text .. "; an afxdp engine locks its buffers on older kernels", "ulimit -l unlimited")
	end
	add("good", text)
end

function host_checks.huge(host, add)
	if not host.huge_page_bytes then
		return add("unknown")
	end
	local text = ("%d of %d free, of %d KiB each"):format(host.huge_pages_free, host.huge_pages,
		host.huge_page_bytes >> 10)
	if host.huge_pages_free == 0 then
		return add("note", text .. ": buffers are in small pages",
			("sysctl vm.nr_hugepages=%d"):format(host.huge_pages + HUGE_PAGES))
	end
	add("good", text)
end

function host_checks.cpus(host, add)
	add("good", plural(host.cpus, "CPU"))
end

function host_checks.netmap(host, add)
	if host.netmap == 1 then
		return add("good", "/dev/netmap is there")
	end
	add("note", "/dev/netmap is missing; only type=\"netmap\" needs the kernel module, which is to be built for the kernel",
		"modprobe netmap")
end

local HOST_ORDER = {"rights", "locked", "huge", "cpus", "netmap"}

local function engine_finding(engine)
	local usable = engine.usable == 1
	local parts = {}
	for _, word in ipairs({engine.got or (usable and "works" or nil), engine.why}) do
		parts[#parts + 1] = word
	end
	if not engine.got and not usable then
		parts = {engine.why or "does not work"}
	end
	return {what = engine.type, verdict = usable and "good" or "bad", text = table.concat(parts, "; "), fix = engine.fix}
end

-- Adds findings and usable (does any engine work?) to the facts of one interface.
local function judge(d, host)
	d.findings, d.usable = {}, false
	for _, engine in ipairs(d.engines or {}) do
		d.usable = d.usable or engine.usable == 1
		d.findings[#d.findings + 1] = engine_finding(engine)
	end
	for _, what in ipairs(ORDER) do
		checks[what](d, host, function(verdict, text, fix)
			d.findings[#d.findings + 1] = {what = what, verdict = verdict, text = text or "not known on this system",
				fix = fix}
		end)
	end
end

local function judge_host(host)
	host.findings = {}
	for _, what in ipairs(HOST_ORDER) do
		if what ~= "rights" or host.net_raw then
			host_checks[what](host, function(verdict, text, fix)
				host.findings[#host.findings + 1] = {what = what, verdict = verdict,
					text = text or "not known on this system", fix = fix}
			end)
		end
	end
end

local MARKS = {good = "ok", note = "note", bad = "BAD", unknown = "?"}

local function lines_of(findings)
	local lines = {}
	for _, f in ipairs(findings) do
		lines[#lines + 1] = ("  %-4s  %-11s  %s\n"):format(MARKS[f.verdict], f.what, f.text)
		if f.fix then
			lines[#lines + 1] = ("  %17s  $ %s\n"):format("", f.fix)
		end
	end
	return table.concat(lines)
end

local function engine_words(d)
	local good = {}
	for _, engine in ipairs(d.engines or {}) do
		if engine.usable == 1 then
			good[#good + 1] = engine.type
		end
	end
	return #good > 0 and table.concat(good, ", ") or "no engine can read it"
end

-- __tostring of what pkteng.doctor returns.
local function text_one(d)
	return ("%s: %s\n%sThis machine%s:\n%s"):format(d.ifname, engine_words(d), lines_of(d.findings),
		d.host.system and ", " .. d.host.system or "", lines_of(d.host.findings)):gsub("\n$", "")
end

local function text_line(d)
	local state = d.up == 0 and "down" or d.carrier == 0 and "no carrier" or "up"
	return ("%-15s  %-12s  %-10s  %-9s  %-9s  %s"):format(d.ifname, d.card and d.card.driver or d.kind or "?", state,
		plural((d.card and d.card.queues) or d.rx_queues, "queue"), "MTU " .. d.mtu, engine_words(d))
end

local function text_all(all)
	local lines = {}
	for _, d in ipairs(all.interfaces) do
		lines[#lines + 1] = text_line(d)
	end
	return table.concat(lines, "\n")
end

local ONE = {__tostring = function(d) return (text_one(d)) end}
local ALL = {__tostring = text_all}

local function near_name(ifname)
	local all = core.doctor()
	local names = {}
	for _, d in ipairs(all and all.interfaces or {}) do
		names[#names + 1] = d.ifname
	end
	return P.nearest(ifname, names)
end

-- A table that prints as text; or nil and a sentence.
function P.doctor(ifname)
	local d, why = core.doctor(ifname)
	if not d then
		local near = near_name(ifname)
		return nil, near and ('%s; did you mean "%s"?'):format(why, near) or why
	end
	judge_host(d.host)
	for _, face in ipairs(d.interfaces or {d}) do
		judge(face, d.host)
	end
	return setmetatable(d, ifname and ONE or ALL)
end

-- pacf doctor [INTERFACE]: does anything work?
function P.doctor_print(ifname)
	local d, why = P.doctor(ifname)
	if not d then
		error(why, 0)
	end
	io.write(tostring(d), "\n")
	if ifname then
		return d.usable
	end
	for _, face in ipairs(d.interfaces) do
		if face.usable then
			return true
		end
	end
	return false
end
