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

local CAUSES = {
	{"drop_ring_full_pkts", "ring full"},
	{"drop_no_consumer_pkts", "no consumer"},
	{"drop_sink_error_pkts", "sink error"},
	{"drop_large_full_pkts", "large frames full"},
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

local function render_links(links)
	local rows = {{"link", "state", "packets", "bytes", "packets/s", "source drops"}}
	local notes = {}
	for _, l in ipairs(links) do
		rows[#rows + 1] = {l.ifname, l.state or "-", count(l.received_pkts), count(l.received_bytes),
			count(l.rate_pps), count(l.source_drop_pkts)}
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
	if (channel.pid or 0) == 0 then
		return "-"
	end
	return ("%d %s"):format(channel.pid, channel.program or "?")
end

-- What a channel gets of the packets that are for it, as far as that is not all of them.
local function rules_of(c)
	local parts = {}
	if (c.filter or "") ~= "" then
		parts[#parts + 1] = ('filter "%s" left out %s'):format(c.filter, count(c.filtered_pkts))
	end
	if (c.sample or 0) > 1 then
		parts[#parts + 1] = ("1 in %s flows left out %s"):format(count(c.sample), count(c.unsampled_pkts))
	end
	if (c.snaplen or 0) ~= 0 then
		parts[#parts + 1] = ("snaplen %d"):format(c.snaplen)
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
		if c.action == "DROP" and (c.filter or "") ~= "" then
			notes[#notes + 1] = ('    %s drops what matches "%s"\n'):format(c.channel, c.filter)
		elseif rules_of(c) ~= "" then
			notes[#notes + 1] = ("    %s: %s\n"):format(c.channel, rules_of(c))
		end
		if dropped(c) ~= 0 then
			notes[#notes + 1] = ("    %s dropped %s: %s\n"):format(c.channel, count(dropped(c)), causes_of(c))
		end
		if (c.unread_pkts or 0) ~= 0 then
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

local function render_totals(e)
	local c, running = e.counters or {}, e.state == "running"
	local parts = {c.distributed_pkts or 0, c.drop_rule_pkts or 0, c.drop_no_channel_pkts or 0}
	local received = c.received_pkts or 0
	local lines = {("  total: received %s = distributed %s + dropped by rule %s + no channel %s (%s)\n"):format(
		count(received), count(parts[1]), count(parts[2]), count(parts[3]),
		verdict(received, parts[1] + parts[2] + parts[3], running))}
	for _, g in ipairs(e.groups or {}) do
		local delivered, lost, refused = 0, 0, 0
		for _, channel in ipairs(e.channels or {}) do
			if channel.action == "SAMPLE" and channel.group == g.group then
				delivered = delivered + (channel.delivered_pkts or 0)
				lost = lost + dropped(channel)
				refused = refused + (channel.filtered_pkts or 0) + (channel.unsampled_pkts or 0)
			end
		end
		local closed = g.closed and g.closed.received_pkts or 0
		lines[#lines + 1] = ("  group %s%s: received %s = delivered %s + dropped %s%s%s (%s)\n"):format(g.group,
			g.fields and g.fields ~= "5tuple" and (" (by %s)"):format(g.fields) or "",
			count(g.received_pkts), count(delivered), count(lost),
			refused ~= 0 and (" + not wanted %s"):format(count(refused)) or "",
			closed ~= 0 and (" + by closed channels %s"):format(count(closed)) or "",
			verdict(g.received_pkts or 0, delivered + lost + refused + closed, running))
	end
	return table.concat(lines)
end

-- What the packets were split by, where that is not addresses and ports.
local function render_reasons(reasons)
	local names, parts = {}, {}
	for name, n in pairs(reasons or {}) do
		if name:lower() ~= "ok" and n ~= 0 then
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
	return "  not split by their own addresses and ports: " .. table.concat(parts, ", ") .. "\n"
end

local function cpu(e)
	return e.cpu and e.cpu >= 0 and ("%d"):format(e.cpu) or "any"
end

function P.render_engine(e)
	local text = ("Engine %s: %s, %s, cpu %s"):format(e.name, e.type, e.state, cpu(e))
	if e.uptime_s and e.uptime_s > 0 then
		text = text .. (", up %.1f s"):format(e.uptime_s)
	end
	text = text .. "\n"
	if e.error and e.error ~= "" then
		text = text .. "  source failed: " .. e.error .. "\n"
	end
	text = text .. (#(e.links or {}) > 0 and render_links(e.links) or "  no link\n")
	text = text .. (#(e.channels or {}) > 0 and render_channels(e.channels) or "  no channel\n")
	return text .. render_totals(e) .. render_reasons(e.reasons)
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
		rows[#rows + 1] = e and {e.name, e.type, e.state, cpu(e), tostring(#(e.links or {})),
			tostring(#(e.channels or {})), count((e.counters or {}).received_pkts)}
	end
	if #rows == 1 then
		return text .. "No engine yet; pkteng.help() lists the commands.\n"
	end
	return text .. grid(rows, {false, false, false, true, true, true, true})
end
