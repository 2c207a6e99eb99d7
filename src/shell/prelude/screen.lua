-- shell/screen: what pacfctl top shows, as lines of text.  Pure: P.screen(view) makes lines of a view, which is what
-- there is now and a moment ago:
--   stats, before (or nil)  of core.stats, all engines;    names  of engines, in order;    engine  which is shown
--   tops  of core.top;    history  {channel = list of rates, newest last};    sort  order, rate, lost, backlog or name
--   width, height (0: as many lines as there are);    unicode, colour, help  booleans;    clock, version  texts
local _, P = ...

local MORE_LINKS, BATCH_FLOWS, LOW = 4, 10, 16 -- LOW: a screen of fewer lines has little room
local D = P.draw
local short, percent, plain, line, phrases, grid, bar = D.short, D.percent, D.plain, D.line, D.phrases, D.grid, D.bar

local function find(list, key, name)
	for _, item in ipairs(list or {}) do
		if item[key] == name then
			return item
		end
	end
end

-- What a counter has grown by in a second; nil: it is not known.
local function rate(v, now, was, key)
	local grown = (now[key] or 0) - (was and was[key] or 0)
	if not v.seconds or grown < 0 or (v.old and not was) then
		return nil
	end
	return grown / v.seconds
end

-- Figures of the channels, with rates; in the order that is asked for.
local function channels_of(v, e)
	local list, groups = {}, {}
	for i, c in ipairs(e.channels or {}) do
		local was = v.old and find(v.old.channels, "channel", c.channel)
		local pkts, bits = rate(v, c, was, "delivered_pkts"), rate(v, c, was, "delivered_bytes")
		local lost, most, why = 0, 0, ""
		for key, n in pairs(c) do
			local cause = key:match("^drop_(.*)_pkts$")
			local grown = cause and (rate(v, c, was, key) or 0)
			lost = lost + (grown or 0)
			if cause and (grown > most or most == 0 and n > 0 and grown == 0 and why == "") then
				most, why = grown, cause:gsub("_", " ")
			end
		end
		local got = rate(v, c, was, "received_pkts")
		if c.action == "SAMPLE" then
			groups[c.group] = (groups[c.group] or 0) + (got or 0)
		end
		list[i] = {c = c, order = i, rate = pkts, bits = bits and bits * 8, got = got, lost = v.seconds and lost, why = why,
			backlog = (c.size or 0) > 0 and (c.waiting or 0) / c.size or nil, name = c.channel}
	end
	for _, item in ipairs(list) do
		local sum = item.c.action == "SAMPLE" and groups[item.c.group] or 0
		item.share = sum > 0 and (item.got or 0) / sum or nil
	end
	local key = v.sort
	table.sort(list, function(a, b)
		local x, y = a[key] or 0, b[key] or 0
		if key == "order" or x == y then
			return a.order < b.order
		end
		return key == "name" and x < y or key ~= "name" and x > y
	end)
	return list
end

local function consumer(v, c)
	if c.program and c.program ~= "" then
		local program = plain(c.program, v.unicode)
		local whole = program .. (c.pid and c.pid ~= 0 and (" %d"):format(c.pid) or "")
		return function(width)
			return #whole <= width and whole or program
		end, "cool"
	elseif c.kind == "pacf" then
		return "nobody", "warn"
	end
	return c.state or "-", (c.state == "down" or c.state == "gone") and "bad" or "dim"
end

local function channel_rows(v, list)
	local rows = {}
	for i, item in ipairs(list) do
		local who, colour = consumer(v, item.c)
		local full = item.backlog
		rows[i] = {{plain(item.name, v.unicode)}, {who, colour}, {short(item.rate)}, {short(item.bits)},
			{short(item.lost), (item.lost or 0) > 0 and "bad" or nil},
			{item.why, (item.lost or 0) > 0 and "bad" or "dim"},
			{function(width)
				return full and bar(v, full, width - 5) .. (" %3.0f%%"):format(100 * full) or "-"
			end, full and (full > 0.8 and "bad" or full > 0.5 and "warn" or "good") or "dim"},
			{function(width)
				return item.share and bar(v, item.share, width - 7) .. (" %6s"):format(percent(item.share))
					or item.c.action or "-"
			end, item.share and "cool" or "dim"},
			{function(width)
				return D.sparkline(v, v.history and v.history[item.name] or {}, width)
			end, "good"}}
	end
	return rows
end

local function put_channels(v, lines, e, room)
	local list = channels_of(v, e)
	local hidden = room > 0 and #list > room and #list - room + 1 or 0
	local shown = table.move(list, 1, #list - hidden, 1, {})
	grid(v, lines, {{title = "channel", width = 12, rank = 1}, {title = "consumer", width = 8, rank = 8, most = 24},
		{title = "pkt/s", width = 6, rank = 2, right = true}, {title = "bit/s", width = 6, rank = 5, right = true},
		{title = "lost/s", width = 6, rank = 3, right = true}, {title = "why", width = 11, rank = 9},
		{title = "backlog", width = 10, rank = 4, most = 15}, {title = "share", width = 12, rank = 6, most = 27},
		{title = "history", width = 10, rank = 7, right = true, most = 60}}, channel_rows(v, shown))
	if hidden > 0 then
		lines[#lines + 1] = line(v, {{("%s %d more"):format(v.unicode and "…" or "...", hidden), "dim"}})
	end
end

local STATES = {up = "good", down = "bad", gone = "bad", failed = "bad", running = "good", stalled = "bad"}

local function put_links(v, lines, e)
	local rows, all = {}, e.links or {}
	for i = 1, math.min(#all, MORE_LINKS) do
		local l = all[i]
		local was = v.old and find(v.old.links, "ifname", l.ifname)
		local bits, lost = rate(v, l, was, "received_bytes"), 0
		for _, key in ipairs({"source_drop_pkts", "no_frame_pkts", "oversize_pkts"}) do
			lost = lost + (rate(v, l, was, key) or 0)
		end
		local read = (l.total_bytes or 0) > 0 and percent((l.done_bytes or 0) / l.total_bytes) .. " read"
		rows[i] = {{plain(l.ifname, v.unicode)}, {l.state or "-", STATES[l.state]}, {short(rate(v, l, was, "received_pkts"))},
			{short(bits and bits * 8)}, {short(v.seconds and lost), lost > 0 and "bad" or nil},
			{plain(read or l.mode or "", v.unicode), "dim"}}
	end
	if #rows == 0 then
		return
	end
	grid(v, lines, {{title = "link", width = 12, rank = 1}, {title = "state", width = 8, rank = 2, most = 8},
		{title = "pkt/s", width = 6, rank = 3, right = true}, {title = "bit/s", width = 6, rank = 4, right = true},
		{title = "lost/s", width = 6, rank = 5, right = true}, {title = "how", width = 12, rank = 6, most = 60}}, rows)
	if #all > #rows then
		lines[#lines + 1] = line(v, {{("%d more links"):format(#all - #rows), "dim"}})
	end
end

-- What is lost by which cause, by the engine and in its channels: causes in order, totals, rates.  What a DROP channel
-- takes out is no loss.
local function losses(v, e)
	local c, was = e.counters or {}, v.old and v.old.counters
	local lost, rates = {}, {}
	local function add(table, old)
		for key, n in pairs(table) do
			local cause = key:match("^drop_(.*)_pkts$")
			if cause and cause ~= "rule" then
				lost[cause] = (lost[cause] or 0) + n
				rates[cause] = (rates[cause] or 0) + (rate(v, table, old, key) or 0)
			end
		end
	end
	add(c, was)
	for _, channel in ipairs(e.channels or {}) do
		add(channel, v.old and find(v.old.channels, "channel", channel.channel))
	end
	local causes = {}
	for cause, n in pairs(lost) do
		causes[#causes + 1] = n > 0 and cause or nil
	end
	table.sort(causes)
	return causes, lost, rates
end

-- Where there is little room, one line for each, and links are told here only: those that are not as they should be.
local function put_state(v, lines, e, few)
	local state = {{plain(e.name, v.unicode), "head"}, {e.type}, {e.state, STATES[e.state] or "warn"}}
	for _, l in ipairs(few and e.links or {}) do
		if l.state ~= "up" and l.state ~= e.state then
			state[#state + 1] = {plain(l.ifname, v.unicode) .. " " .. l.state, "bad"}
		end
	end
	if (e.uptime_s or 0) > 0 then
		state[#state + 1] = {"up " .. D.duration(e.uptime_s)}
	end
	if e.heartbeat_age_s then
		state[#state + 1] = {("heartbeat %.1f s"):format(e.heartbeat_age_s), e.heartbeat_age_s >= 2 and "bad" or nil}
	end
	if not v.old and v.seconds then
		state[#state + 1] = {"mean rates", "dim"}
	end
	if e.error then
		state[#state + 1] = {plain(e.error, v.unicode), "bad"}
	end
	phrases(v, lines, state, few)
end

-- What comes, and what is lost by which cause.
local function put_sums(v, lines, e, few)
	local c, was = e.counters or {}, v.old and v.old.counters
	local pkts, bits = rate(v, c, was, "received_pkts"), rate(v, c, was, "received_bytes")
	local flow = {{("%s%s pkt/s %s bit/s"):format(few and "" or "received ", short(pkts), short(bits and bits * 8))}}
	local causes, lost, rates = losses(v, e)
	local sum = 0
	for _, cause in ipairs(causes) do
		sum = sum + rates[cause]
	end
	if few then
		flow[2] = {("lost %s/s"):format(v.seconds and short(sum) or "-"), sum > 0 and "bad" or "dim"}
		causes = {}
	else
		flow[2] = {#causes == 0 and "nothing lost" or "lost:", #causes == 0 and "good" or nil}
	end
	for _, cause in ipairs(causes) do
		flow[#flow + 1] = {("%s %s/s (%s)"):format(cause:gsub("_", " "), v.seconds and short(rates[cause]) or "-",
			short(lost[cause])), rates[cause] > 0 and "bad" or "dim"}
	end
	phrases(v, lines, flow, few)
end

-- The largest flows of all channels; one that several channels get is told once.
local function flows_of(tops)
	local all, seen = {}, {}
	for _, channel in ipairs(tops or {}) do
		for _, f in ipairs(channel.flows or {}) do
			local name = P.flow_endpoints(f) .. ", " .. P.flow_protocol(f)
			local ends = {(f.src or "") .. " " .. (f.sport or ""), (f.dst or "") .. " " .. (f.dport or "")}
			table.sort(ends) -- whichever came first there
			local key = table.concat(ends, " ") .. P.flow_protocol(f)
			local known = seen[key]
			if not known then
				seen[key] = {name = name, pkts = f.pkts, share = f.share, channel = channel.channel}
				all[#all + 1] = seen[key]
			elseif f.pkts > known.pkts then
				known.pkts = f.pkts
			end
		end
	end
	table.sort(all, function(a, b)
		return a.pkts > b.pkts or a.pkts == b.pkts and a.name < b.name
	end)
	return all
end

local function put_flows(v, lines, flows, n)
	local rows = {}
	for i = 1, math.min(n, #flows) do
		local f = flows[i]
		rows[i] = {{plain(f.name, v.unicode)}, {short(f.pkts)}, {percent(f.share)}, {plain(f.channel, v.unicode), "dim"}}
	end
	grid(v, lines, {{title = "largest flows", width = 24, rank = 1}, {title = "packets", width = 7, rank = 2, right = true},
		{title = "share", width = 6, rank = 3, right = true}, {title = "of channel", width = 12, rank = 4, most = 40}}, rows)
end

local HELP = [[
q          quit
s          sort by: order, rate, lost, backlog, name
e          the next engine
h          this help, or back

pkt/s      delivered packets a second
lost/s     packets lost by any cause, why by which
backlog    how full the channel is
share      of its group's packets
history    of pkt/s, newest right
read       of a capture file]]

-- How many channels and flows there is room for; room: lines that are left for both, 0: any number.
local function divide(room, nchannels, nflows)
	if nflows == 0 then
		return room, 0
	end
	local flows = math.min(nflows, math.max(room - 1 - nchannels - 1, room >= 12 and 3 or 0))
	return room - (flows > 0 and flows + 1 or 0), math.max(flows, 0)
end

local function body(v, lines, e)
	local few = v.height > 0 and v.height < LOW and 1 or nil
	put_state(v, lines, e, few)
	put_sums(v, lines, e, few)
	if not few then
		put_links(v, lines, e)
	end
	local flows, nchannels = flows_of(v.tops), #(e.channels or {})
	local channels, shown = 0, BATCH_FLOWS
	if v.height > 0 then
		channels, shown = divide(v.height - #lines - 1, nchannels, #flows)
		channels = channels - 1 -- its heading
	end
	if nchannels > 0 and (v.height == 0 or channels > 0) then
		put_channels(v, lines, e, channels)
	elseif nchannels == 0 then
		lines[#lines + 1] = line(v, {{"no channel", "dim"}})
	end
	if #flows > 0 and shown > 0 then
		put_flows(v, lines, flows, shown)
	end
end

function P.screen(v)
	local lines, e = {}, v.stats[v.engine]
	local at = 0
	for i, name in ipairs(v.names) do
		at = name == v.engine and i or at
	end
	v.old = e and v.before and v.before[v.engine]
	v.old = v.old and (v.old.uptime_s or 0) > 0 and v.old.uptime_s < (e.uptime_s or 0) and v.old or nil
	v.seconds = e and (e.uptime_s or 0) > 0 and e.uptime_s - (v.old and v.old.uptime_s or 0) or nil
	local which = e and ("  engine %d of %d"):format(at, #v.names) or ""
	local title = (" Host PACF%s  %s%s"):format(v.width < 50 and "" or " " .. v.version, v.clock, which)
	lines[1] = line(v, {{title, "bar"}}, "bar")
	if v.help then
		for text in HELP:gmatch("[^\n]*") do
			lines[#lines + 1] = line(v, {{text}})
		end
	elseif e then
		body(v, lines, e)
	else
		lines[2] = line(v, {{"No engine yet."}})
	end
	if v.height > 0 then
		while #lines < v.height - 1 do
			lines[#lines + 1] = ""
		end
		lines = table.move(lines, 1, v.height - 1, 1, {})
		lines[v.height] = line(v, {{(" q quit  s sort: %s  e engine  h help"):format(v.sort), "bar"}}, "bar")
	end
	return lines
end
