-- shell/stats: show_stats and print_status as text a person can read, made from the tables of
-- core.stats.  Pure: a table goes in, a string comes out.
local _, P = ...

-- 1234567 -> "1,234,567"
local function commas(n)
	local digits = ("%d"):format(n)
	local head = #digits % 3
	local text = digits:sub(1, head) .. digits:sub(head + 1):gsub("%d%d%d", ",%0")
	return (text:gsub("^,", ""))
end
P.commas = commas

local function count(n)
	return commas(math.tointeger(n) or math.floor((n or 0) + 0.5))
end

-- A sentence of figures in lines of at most 100 columns, broken before " + " or " = " and after ", ".
local function wrap(text)
	local lines, line = {}, ""
	local marked = text:gsub(" ([+=] )", "\n %1"):gsub(", ", ",\n ")
	for piece in marked:gmatch("[^\n]+") do
		if #line + #piece > 100 and line ~= "" then
			lines[#lines + 1] = line
			line = "    " .. piece:gsub("^ ", "")
		else
			line = line .. piece
		end
	end
	lines[#lines + 1] = line
	return table.concat(lines, "\n") .. "\n"
end

-- Rows (the first is the heading) in columns two apart; right: set of columns with numbers.
local function grid(rows, right)
	local widths, lines = {}, {}
	for _, row in ipairs(rows) do
		for i, cell in ipairs(row) do
			widths[i] = math.max(widths[i] or 0, utf8.len(cell) or #cell)
		end
	end
	for _, row in ipairs(rows) do
		local cells = {}
		for i, cell in ipairs(row) do
			local fill = (" "):rep(widths[i] - (utf8.len(cell) or #cell))
			cells[i] = right[i] and fill .. cell or cell .. fill
		end
		lines[#lines + 1] = ("  " .. table.concat(cells, "  ")):gsub("%s+$", "")
	end
	return table.concat(lines, "\n") .. "\n"
end
P.grid = grid

local CAUSES = {
	{"drop_ring_full_pkts", "ring full"},
	{"drop_no_consumer_pkts", "no consumer"},
	{"drop_disk_slow_pkts", "slow disk"},
	{"drop_sink_error_pkts", "sink error"},
	{"drop_large_full_pkts", "large frames full"},
	{"drop_hold_full_pkts", "hold full"},
}

local function dropped(channel)
	local sum = 0
	for _, cause in ipairs(CAUSES) do
		sum = sum + (channel[cause[1]] or 0)
	end
	return sum
end

-- "120 ring full, 3 no consumer"
local function causes_of(channel)
	local parts = {}
	for _, cause in ipairs(CAUSES) do
		local n = channel[cause[1]] or 0
		if n ~= 0 then
			parts[#parts + 1] = count(n) .. " " .. cause[2]
		end
	end
	return table.concat(parts, ", ")
end

-- " + filtered 3 + not sampled 4 + held 5": what a channel received and was not for it, or is kept for its
-- next application; "" if there is none.
local function others_of(filtered, unsampled, held)
	return (filtered ~= 0 and (" + filtered %s"):format(count(filtered)) or "")
		.. (unsampled ~= 0 and (" + not sampled %s"):format(count(unsampled)) or "")
		.. (held ~= 0 and (" + held %s"):format(count(held)) or "")
end

local function render_links(links)
	local rows = {{"link", "state", "packets", "bytes", "packets/s", "source drops"}}
	local notes = {}
	for _, l in ipairs(links) do
		rows[#rows + 1] = {l.ifname, l.state or "-", count(l.received_pkts), count(l.received_bytes),
			count(l.rate_pps), count(l.source_drop_pkts)}
		if l.note then
			notes[#notes + 1] = ("    %s: %s\n"):format(l.ifname, l.note)
		end
		for key, why in pairs({no_frame_pkts = "no buffer was free", oversize_pkts = "too long for a buffer"}) do
			if (l[key] or 0) ~= 0 then
				notes[#notes + 1] = ("    %s: %s lost at the source, %s\n"):format(l.ifname, count(l[key]), why)
			end
		end
	end
	table.sort(notes)
	return grid(rows, {false, false, true, true, true, true}) .. table.concat(notes)
end

local function consumer(channel)
	if channel.kind == "netdev" and channel.state ~= "closed" then
		return "interface " .. channel.state
	elseif (channel.pid or 0) == 0 then
		return "-"
	end
	return ("%d %s"):format(channel.pid, channel.program or "?")
end

-- What a channel asks for, unless that is everything.
local function rules_of(c)
	local parts = {}
	if c.filter then
		parts[1] = (c.action == "DROP" and 'drops "%s"' or 'filter "%s"'):format((c.filter:gsub("%c", " ")))
	end
	if c.sample then
		parts[#parts + 1] = ("1 in %s flows"):format(count(c.sample))
	end
	if c.snaplen then
		parts[#parts + 1] = ("%d bytes of a packet"):format(c.snaplen)
	end
	return table.concat(parts, ", ")
end

local function render_channels(channels)
	local rows = {{"channel", "action", "group", "consumer", "received", "delivered", "dropped", "waiting"}}
	local notes = {}
	for _, c in ipairs(channels) do
		local sample = c.action == "SAMPLE"
		rows[#rows + 1] = {c.channel, c.action, sample and c.group or "-", consumer(c),
			count(c.received_pkts), count(c.delivered_pkts), count(dropped(c)), count(c.waiting)}
		if (c.note or "") ~= "" and c.state ~= "closed" then
			notes[#notes + 1] = ("    %s: %s\n"):format(c.channel, c.note)
		end
		if rules_of(c) ~= "" then
			notes[#notes + 1] = ("    %s: %s\n"):format(c.channel, rules_of(c))
		end
		if dropped(c) ~= 0 then
			notes[#notes + 1] = ("    %s dropped %s: %s\n"):format(c.channel, count(dropped(c)), causes_of(c))
		end
		local others = others_of(c.filtered_pkts or 0, c.unsampled_pkts or 0, c.held or 0)
		if others ~= "" then
			notes[#notes + 1] = ("    %s: received = delivered + dropped%s\n"):format(c.channel, others)
		end
		if (c.unread_pkts or 0) ~= 0 and c.kind == "pcap" then
			notes[#notes + 1] = ("    %s: %s of the delivered could not be written before the file's end\n")
				:format(c.channel, count(c.unread_pkts))
		elseif (c.unread_pkts or 0) ~= 0 then
			notes[#notes + 1] = ("    %s: %s of the delivered were left unread by a consumer that went away\n")
				:format(c.channel, count(c.unread_pkts))
		end
	end
	return grid(rows, {false, false, false, false, true, true, true, true}) .. table.concat(notes)
end

-- How a sum compares with its parts; while packets move the two are read a moment apart.
local function verdict(whole, parts, running)
	if whole == parts then
		return "adds up"
	end
	return running and ("%s in progress"):format(count(math.abs(whole - parts)))
		or ("DOES NOT ADD UP: %s"):format(count(whole - parts))
end

local function members_of(e, group)
	local members = {}
	for _, channel in ipairs(e.channels or {}) do
		if channel.action == "SAMPLE" and channel.group == group then
			members[#members + 1] = channel
		end
	end
	return members
end

local function sum_of(channels, key)
	local sum = 0
	for _, channel in ipairs(channels) do
		sum = sum + (channel[key] or 0)
	end
	return sum
end

-- How evenly a group's packets and bytes are dealt to the channels that it has now.
local function render_shares(group, members)
	local pkts, bytes = sum_of(members, "received_pkts"), sum_of(members, "received_bytes")
	if #members < 2 or pkts == 0 then
		return ""
	end
	local rows = {{"  share of group " .. group, "packets", "bytes"}}
	local most_pkts, most_bytes = 0, 0
	local function percent(part, whole)
		return whole == 0 and "-" or ("%.1f %%"):format(100 * part / whole)
	end
	for i, c in ipairs(members) do
		local p, b = c.received_pkts or 0, c.received_bytes or 0
		rows[i + 1] = {"  " .. c.channel, percent(p, pkts), percent(b, bytes)}
		most_pkts, most_bytes = math.max(most_pkts, p), math.max(most_bytes, b)
	end
	rows[#rows + 1] = {"  max/mean", ("%.2f"):format(most_pkts * #members / pkts),
		bytes == 0 and "-" or ("%.2f"):format(most_bytes * #members / bytes)}
	return grid(rows, {false, true, true})
end

local function render_group(g, members, running)
	local delivered, lost = sum_of(members, "delivered_pkts"), 0
	local filtered, unsampled = sum_of(members, "filtered_pkts"), sum_of(members, "unsampled_pkts")
	local held = sum_of(members, "held")
	local closed = g.closed and g.closed.received_pkts or 0
	for _, channel in ipairs(members) do
		lost = lost + dropped(channel)
	end
	return wrap(("  group %s: received %s = delivered %s%s + dropped %s%s (%s)"):format(g.group,
		count(g.received_pkts), count(delivered), others_of(filtered, unsampled, held), count(lost),
		closed ~= 0 and (" + by closed channels %s"):format(count(closed)) or "",
		verdict(g.received_pkts or 0, delivered + filtered + unsampled + held + lost + closed, running)))
end

local function render_totals(e)
	local c, running = e.counters or {}, e.state == "running" or e.state == "stalled"
	local parts = {c.distributed_pkts or 0, c.drop_rule_pkts or 0, c.drop_no_channel_pkts or 0}
	local received = c.received_pkts or 0
	local lines = {wrap(("  total: received %s = distributed %s + dropped by rule %s + no channel %s (%s)"):format(
		count(received), count(parts[1]), count(parts[2]), count(parts[3]),
		verdict(received, parts[1] + parts[2] + parts[3], running)))}
	for _, g in ipairs(e.groups or {}) do
		local members = members_of(e, g.group)
		lines[#lines + 1] = render_group(g, members, running) .. render_shares(g.group, members)
	end
	return table.concat(lines)
end

local FRAGMENTS = {
	{"frag_first_pkts", "first"},
	{"frag_followed_pkts", "followed"},
	{"frag_orphan_pkts", "without a first one"},
	{"frag_held_pkts", "held for a while"},
	{"frag_forgotten_pkts", "forgotten"},
}

-- "first 12, followed 20, held for a while 3"
local function render_fragments(counters)
	local parts = {}
	for _, f in ipairs(FRAGMENTS) do
		local n = counters[f[1]] or 0
		if n ~= 0 then
			parts[#parts + 1] = f[2] .. " " .. count(n)
		end
	end
	return #parts > 0 and wrap("  fragments: " .. table.concat(parts, ", ")) or ""
end

-- What came too late to be put in order, of one of several streams.
local function render_late(counters)
	local n = counters.late_pkts or 0
	return n ~= 0 and wrap(("  late, and so not in the order of their time stamps: %s"):format(count(n))) or ""
end

-- What the packets were split by, where that is not addresses and ports.
local function render_reasons(reasons)
	local names, parts = {}, {}
	for name, n in pairs(reasons or {}) do
		if name ~= "ok" and name ~= "first_fragment" and n ~= 0 then
			names[#names + 1] = name
		end
	end
	if #names == 0 then
		return ""
	end
	table.sort(names)
	for i, name in ipairs(names) do
		parts[i] = ("%s %s"):format(name, count(reasons[name]))
	end
	return wrap("  not split by their own addresses and ports: " .. table.concat(parts, ", "))
end

local function cpu(e)
	local asked = e.cpu and e.cpu >= 0 and e.cpu or nil
	if asked and e.memory and e.cpu_actual ~= asked then -- it runs, and somebody has moved it
		return ("%d (but runs on %s)"):format(asked, e.cpu_actual and ("%d"):format(e.cpu_actual) or "several")
	end
	return asked and ("%d"):format(asked) or "any"
end

-- The sources that could have read a link, a line each: the first is what reads it.
function P.render_auto(rows, ifname)
	local lines = {}
	for i, row in ipairs(rows) do
		local usable = row.usable == "yes"
		local text = ("  auto: %s "):format(row.type)
		if usable and i == 1 then
			text = text .. ("reads %s: %s"):format(ifname, row.got)
			text = text .. (row.why ~= "" and "; not better: " .. row.why or "")
		elseif usable then
			text = text .. ("passed over, it would get less: %s"):format(row.got)
		else
			text = text .. "passed over: " .. row.why
		end
		lines[i] = text .. (row.fix ~= "" and "; to mend that: " .. row.fix or "") .. "\n"
	end
	return table.concat(lines)
end

-- "running", or in capitals that its thread is held up.
local function state(e)
	return e.state == "stalled" and ("STALLED for %.1f s"):format(e.heartbeat_age_s or 0) or e.state
end

function P.render_engine(e)
	local text = ("Engine %s: %s, %s, cpu %s"):format(e.name, e.type, state(e), cpu(e))
	if e.uptime_s and e.uptime_s > 0 then
		text = text .. (", up %.1f s"):format(e.uptime_s)
	end
	text = text .. "\n"
	if e.memory then
		text = text .. ("  buffers: %s, %s\n"):format(count(e.buffers), e.memory)
	end
	if e.error and e.error ~= "" then
		text = text .. "  source failed: " .. e.error .. "\n"
	end
	text = text .. (#(e.links or {}) > 0 and render_links(e.links) or "  no link\n")
	text = text .. (e.auto and #e.auto > 0 and P.render_auto(e.auto, e.links[1].ifname) or "")
	text = text .. (#(e.channels or {}) > 0 and render_channels(e.channels) or "  no channel\n")
	return text .. render_totals(e) .. render_fragments(e.counters or {})
		.. render_late(e.counters or {}) .. render_reasons(e.reasons)
end

function P.render_all(all, names)
	local parts = {}
	for _, name in ipairs(names) do
		parts[#parts + 1] = all[name] and P.render_engine(all[name])
	end
	return #parts > 0 and table.concat(parts, "\n") or "No engine yet; pkteng.help() lists the commands.\n"
end

function P.render_status(all, names, version, pid, rundir)
	local text = ("Host PACF %s, process %d, sockets in %s\n"):format(version, pid, rundir or "no folder")
	local rows = {{"engine", "type", "state", "cpu", "links", "channels", "packets"}}
	for _, name in ipairs(names) do
		local e = all[name]
		rows[#rows + 1] = e and {e.name, e.type, state(e), cpu(e), tostring(#(e.links or {})),
			tostring(#(e.channels or {})), count((e.counters or {}).received_pkts)}
	end
	if #rows == 1 then
		return text .. "No engine yet; pkteng.help() lists the commands.\n"
	end
	return text .. grid(rows, {false, false, false, true, true, true, true})
end
