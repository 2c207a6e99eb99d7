-- shell/spread: pacf.split and pacf.copy, what most users want in one line: an engine that reads an interface or a file, and
-- n channels for applications, which share its flows or get a copy each.
local core, P = ...

local K = P.kinds
local CHANNELS_LAST, NAME_LAST = 255, 31
local WAYS = {
	split = {action = "SAMPLE", told = "share its flows"},
	copy = {action = "COPY", told = "get all its packets each"},
}

local function command_of(name)
	return {of = "pacf", name = name, args = {{name = "ifname", kind = K.text, needed = true, show = '"eth3"'},
		{name = "n", kind = K.whole(1, CHANNELS_LAST), needed = true, show = "4"}, {name = "type", kind = K.text},
		{name = "engine", kind = K.text}}}
end

-- What an engine and channels are called after it: of a file its name without folder and kind.
local function name_of(ifname)
	local name = ifname:match("([^/]*)/*$"):gsub("%.pcapn?g?$", "")
	name = name:gsub("[^%w_.-]", "_"):sub(1, NAME_LAST)
	return name ~= "" and name or "e"
end

local function channel_name(name, i)
	return ("pacf:%s{%d"):format(name, i)
end

-- Is the engine what would be made?
local function is_same(e, a, name, way)
	if #e.links ~= 1 or e.links[1].ifname ~= a.ifname or #e.channels ~= a.n then
		return false
	end
	for i, c in ipairs(e.channels) do
		if c.channel ~= channel_name(name, i - 1) or c.action ~= way.action then
			return false
		end
	end
	return true
end

-- A name may be in several engines, but an application would get the packets of all.
local function taken_by(all, a, name)
	for engine, e in pairs(all) do
		for _, c in ipairs(e.channels) do
			for i = 0, a.n - 1 do
				if c.channel == channel_name(name, i) then
					return c.channel, engine
				end
			end
		end
	end
end

local function build(a, engine, name, way)
	local ok, why = P.bodies.new({name = engine, type = a.type or "auto"})
	if not ok then
		return nil, why
	end
	ok, why = P.bodies.link({engine = engine, ifname = a.ifname})
	for i = 0, ok and a.n - 1 or -1 do
		if ok then
			ok, why = P.bodies.open_channel({engine = engine, channel = channel_name(name, i), action = way.action})
		end
	end
	if ok then
		ok, why = P.bodies.start({engine = engine})
	end
	if not ok then
		P.bodies.delete({engine = engine}) -- with all that it has
	end
	return ok, why
end

local function tell(e, name, way, already)
	local link = e.links[1]
	local text = ("Engine %s %sreads %s (%s%s), and is %s. %s:\n"):format(e.name, already and "is there already: it " or "",
		link.ifname, e.type, link.mode and ", " .. link.mode or "", e.state,
		#e.channels == 1 and "One channel gets all its packets" or ("%d channels %s"):format(#e.channels, way.told))
	for i = 0, #e.channels - 1 do
		text = text .. ("  pacf-run tcpdump -i 'pacf:%s}%d'\n"):format(name, i)
	end
	io.write(text)
end

local function spread(a, way)
	local name = name_of(a.ifname)
	local engine = a.engine or name
	local all, why = core.stats()
	if not all then
		return nil, why
	end
	local e = all[engine]
	if e and is_same(e, a, name, way) then
		tell(e, name, way, true)
		return true
	elseif e then
		return nil, ('engine "%s" is there already, and is another: pkteng.delete({engine="%s"}) first, or give engine= ' ..
			"another name"):format(engine, engine)
	end
	local channel, other = taken_by(all, a, name)
	if channel then
		return nil, ('channel "%s" is in engine "%s" already: pkteng.delete({engine="%s"}) first'):format(channel, other, other)
	end
	local ok
	ok, why = build(a, engine, name, way)
	if not ok then
		return nil, why
	end
	tell(core.stats(engine), name, way, false)
	return true
end

for name, way in pairs(WAYS) do
	local command = command_of(name)
	pacf[name] = function(...)
		local args, why = P.check(command, select("#", ...), (...))
		local ok
		if args then
			ok, why = spread(args, way)
		end
		if not ok then
			error(why, 2)
		end
	end
end
