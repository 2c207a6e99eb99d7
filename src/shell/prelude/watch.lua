-- shell/watch: pacf.top_screen, which pacfctl top asks for once a second: what there is now, beside what there was when
-- the same id asked before.
local core, P = ...

local SORTS = {"order", "rate", "lost", "backlog", "name"}
local KEPT_S, RATES = 60, 60 -- a watcher that does not ask for so long is forgotten; rates of a channel that are kept
local watchers = {}

local K = P.kinds
local command = {of = "pacf", name = "top_screen", args = {{name = "id", kind = K.text, needed = true, show = '"me"'},
	{name = "width", kind = K.whole(1, 1000)}, {name = "height", kind = K.whole(0, 1000)}, {name = "engine", kind = K.text},
	{name = "next", kind = K.whole(0, 2^31)}, {name = "sort", kind = K.whole(0, 2^31)}, {name = "unicode", kind = K.yes_no},
	{name = "colour", kind = K.yes_no}, {name = "help", kind = K.yes_no}}}

local function watcher_of(id)
	local now = os.time()
	for other, w in pairs(watchers) do
		if now - w.seen > KEPT_S or now < w.seen then
			watchers[other] = nil
		end
	end
	watchers[id] = watchers[id] or {history = {}}
	watchers[id].seen = now
	return watchers[id]
end

-- The engine that is `further` behind the one named, or behind the first that runs.
local function choose(names, stats, name, further)
	local at = 1
	for i = #names, 1, -1 do
		local state = stats[names[i]] and stats[names[i]].state
		at = (name and names[i] == name or not name and state ~= "stopped") and i or at
	end
	return names[(at - 1 + further) % math.max(#names, 1) + 1]
end

-- Rates since the watcher asked before, of the engine that it looks at.
local function remember(w, view)
	local e, old = view.stats[view.engine], view.before and view.before[view.engine]
	local seconds = e and old and e.uptime_s - old.uptime_s or 0
	if w.engine ~= view.engine then
		w.engine, w.history = view.engine, {}
	end
	local kept = {}
	for _, c in ipairs(e and e.channels or {}) do
		local rates = w.history[c.channel] or {}
		for _, was in ipairs(seconds > 0 and old.channels or {}) do
			if was.channel == c.channel and c.delivered_pkts >= was.delivered_pkts then
				rates[#rates + 1] = (c.delivered_pkts - was.delivered_pkts) / seconds
			end
		end
		if #rates > RATES then
			table.remove(rates, 1)
		end
		kept[c.channel] = rates
	end
	w.history = kept
	return kept
end

local function view_of(a)
	local stats, why = core.stats()
	if not stats then
		return nil, why
	end
	local w = watcher_of(a.id)
	local names = core.names("engines")
	local view = {stats = stats, before = w.stats, names = names, width = a.width or 80, height = a.height or 0,
		unicode = a.unicode or false, colour = a.colour or false, help = a.help or false,
		sort = SORTS[(a.sort or 0) % #SORTS + 1], clock = os.date("%H:%M:%S"), version = core.about(),
		engine = choose(names, stats, a.engine, a.next or 0)}
	view.history = remember(w, view)
	view.tops = view.engine and core.top(view.engine, nil, 10) or {}
	w.stats = stats
	return view
end

function pacf.top_screen(...)
	local args, why = P.check(command, select("#", ...), (...))
	if not args then
		error(why, 2)
	elseif args.engine and not pcall(pkteng.stats, args.engine) then
		error(select(2, core.stats(args.engine)), 2)
	end
	local view
	view, why = view_of(args)
	if not view then
		error(why, 2)
	end
	io.write(table.concat(P.screen(view), "\n"), "\n")
end
