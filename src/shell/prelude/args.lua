-- shell/args: what each command takes, and the checks.  Commands are declared as data here; commands.lua
-- gives them bodies, help.lua and complete.lua read the same tables.  An argument table is never changed.
local _, P = ...

-- A value as an error sentence shows it.
local function quote(value)
	if type(value) == "string" then
		local text = #value <= 200 and value or value:sub(1, 60) .. "..."
		return '"' .. text:gsub("\0", "\\0") .. '"'
	elseif type(value) == "number" or type(value) == "boolean" then
		return tostring(value)
	elseif value == nil then
		return "nothing"
	end
	return "a " .. type(value)
end
P.quote = quote

-- "a, b and c"
local function enumerate(words, last)
	if #words < 2 then
		return words[1] or ""
	end
	return table.concat(words, ", ", 1, #words - 1) .. " " .. last .. " " .. words[#words]
end

-- How many letters to add, remove, change or swap with their neighbour to get from a to b.
local function distance(a, b)
	local before, row = {}, {}
	for j = 0, #b do
		row[j] = j
	end
	for i = 1, #a do
		local new = {[0] = i}
		for j = 1, #b do
			local same = a:byte(i) == b:byte(j)
			new[j] = math.min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (same and 0 or 1))
			if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
				new[j] = math.min(new[j], before[j - 2] + 1)
			end
		end
		before, row = row, new
	end
	return row[#b]
end
P.distance = distance

-- The word of the list that was probably meant, or nil.
function P.nearest(word, words)
	local best, least = nil, math.max(1, math.ceil(#word / 3)) + 1
	for _, candidate in ipairs(words) do
		local d = #word <= 64 and distance(word:lower(), candidate:lower()) or least
		if d < least then
			best, least = candidate, d
		end
	end
	return best
end

local PORTS_MAX = 32 -- CTL_UDP_PORTS

-- Kinds of values: check(value) returns the value to be used, or nil; want: what it must be.
local text = {want = "a string that is not empty", check = function(v)
	return type(v) == "string" and v ~= "" and not v:find("\0", 1, true) and v or nil
end}

local function whole(low, high)
	local want = ("a whole number from %d to %d"):format(low, high)
	return {want = want, check = function(v)
		local n = type(v) == "number" and math.tointeger(v)
		return n and n >= low and n <= high and n or nil
	end}
end

local function number(low)
	return {want = ("a number, %d or more"):format(low), check = function(v)
		return type(v) == "number" and v >= low and v < math.huge and v or nil
	end}
end

local function choice(...)
	local words = {...}
	return {want = enumerate(words, "or"), words = words, check = function(v)
		for _, word in ipairs(words) do
			if type(v) == "string" and v:lower() == word:lower() then
				return word
			end
		end
	end}
end

-- true: for ever (0 for ctl); false: once
local loop = {want = "true, false or a whole number, 1 or more", check = function(v)
	if type(v) == "boolean" then
		return v and 0 or 1
	end
	local n = type(v) == "number" and math.tointeger(v)
	return n and n >= 1 and n or nil
end}

local yes_no = {want = "true or false", check = function(v)
	if type(v) == "boolean" then
		return v
	end
end}

-- A list of UDP ports, all of them, or nothing.
local function ports(v)
	if type(v) ~= "table" or #v > PORTS_MAX then
		return
	end
	local list, n = {}, 0
	for _ in pairs(v) do
		n = n + 1
	end
	for i = 1, n do
		local port = math.type(v[i]) and math.tointeger(v[i])
		if not port or port < 1 or port > 65535 then
			return
		end
		list[i] = port
	end
	return list
end

-- The names are checked by ctl, which knows them.
local udp_tunnels = {want = ("a table of lists of up to %d ports, as in {vxlan = {4789, 8472}}"):format(PORTS_MAX),
	check = function(v)
		local all = {}
		for name, list in pairs(type(v) == "table" and v or {}) do
			all[name] = type(name) == "string" and not name:find("\0", 1, true) and ports(list) or nil
			if not all[name] then
				return
			end
		end
		return type(v) == "table" and all or nil
	end}

-- The words are checked by ctl, which knows them.
local words = {want = 'a list of words, as in {"afxdp"}', check = function(v)
	local n = 0
	for _, word in pairs(type(v) == "table" and v or {false}) do
		n = n + 1
		if type(word) ~= "string" or word:find("\0", 1, true) or v[n] == nil or n > 32 then
			return
		end
	end
	return v
end}

P.kinds = {
	text = text,
	whole = whole,
	yes_no = yes_no,
	seconds = number(0),
	integer = {want = "a whole number", check = function(v)
		return type(v) == "number" and math.tointeger(v) or nil
	end},
}

local function need(name, kind, show)
	return {name = name, kind = kind, needed = true, show = show}
end
local function may(name, kind, show)
	return {name = name, kind = kind, show = show}
end

local engine = need("engine", text, '"e0"')
local CPU_LAST, QUEUE_LAST, FRAMES_LAST, SLOTS_LAST = 4095, 65535, 2^32 - 1, 2^20
local SNAPLEN_LAST, SAMPLE_LAST, TOP_LAST, HOLD_LAST = 262144, 2^31, 16, 2^40
local SECONDS_LAST, FILES_LAST, BUFFER_LAST = 10^9, 65536, 1024

-- In the order of pkteng.help().  single: f("e0") means f{engine="e0"}.
P.commands = {
	{name = "new", args = {need("name", text, '"e0"'), need("type", text, '"pcap"'),
		may("cpu", whole(0, CPU_LAST)), may("buffers", whole(1, FRAMES_LAST)),
		may("tunnels", choice("inner", "outer")), may("udp_tunnels", udp_tunnels)}},
	{name = "delete", single = true, args = {engine}},
	{name = "link", args = {engine, need("ifname", text, '"eth3"'), may("batch", whole(1, 1024)),
		may("qid", whole(0, QUEUE_LAST)), may("speed", number(0)), may("loop", loop),
		may("mode", choice("zerocopy", "native", "generic")), may("busy_poll", yes_no),
		may("offload", choice("report", "fix"))}},
	{name = "unlink", args = {engine, need("ifname", text, '"eth3"')}},
	{name = "open_channel", args = {engine, need("channel", text, '"pacf:eth3{0"'),
		may("action", choice("SAMPLE", "COPY", "DROP")), may("group", text),
		may("fields", choice("5tuple", "3tuple", "2tuple", "vlan+5tuple")), may("filter", text),
		may("snaplen", whole(1, SNAPLEN_LAST)), may("sample", whole(1, SAMPLE_LAST)),
		may("size", whole(1, SLOTS_LAST)), may("when_full", choice("drop", "wait", "drop_oldest")),
		may("when_detached", choice("drop", "wait", "rebalance", "hold")),
		may("hold_bytes", whole(4096, HOLD_LAST)), may("owner", text), may("mode", text),
		may("file_size", number(0)),
		may("rotate_seconds", whole(1, SECONDS_LAST)), may("filecount", whole(1, FILES_LAST)),
		may("compress", choice("zstd", "none")), may("buffer", whole(1, BUFFER_LAST))}},
	{name = "close_channel", args = {engine, need("channel", text, '"pacf:eth3{0"')}},
	{name = "rotate", single = true, args = {may("engine", text), may("channel", text)}},
	{name = "start", single = true, args = {engine}},
	{name = "stop", single = true, args = {engine}},
	{name = "wait", single = true, results = true, args = {engine, may("timeout", P.kinds.seconds)}},
	{name = "show_stats", single = true, args = {engine}},
	{name = "show_top", single = true, args = {engine, may("channel", text), may("n", whole(1, TOP_LAST))}},
	{name = "explain", args = {engine, need("file", text, '"web.pcap"'), may("packet", whole(1, 2^53))}},
	{name = "doctor", results = true, args = {may("ifname", text, '"eth3"')}},
	{name = "stats", single = true, results = true, args = {engine}},
	{name = "top", single = true, results = true, args = {engine, may("channel", text), may("n", whole(1, TOP_LAST))}},
}

-- Those of pacf.* that take a table.
P.guards = {
	{of = "pacf", name = "access", args = {may("group", text), may("mode", text)}},
	{of = "pacf", name = "privileges", args = {may("keep", words), may("seccomp", yes_no)}},
}

function P.find_command(name)
	for _, command in ipairs(P.commands) do
		if command.name == name then
			return command
		end
	end
end

function P.arg_names(command)
	local names = {}
	for _, arg in ipairs(command.args) do
		names[#names + 1] = arg.name
	end
	return names
end

-- pkteng.start{engine="e0"}
local function example(command)
	local parts = {}
	for _, arg in ipairs(command.args) do
		if arg.needed then
			parts[#parts + 1] = arg.name .. "=" .. arg.show
		end
	end
	return ("%s.%s{%s}"):format(command.of or "pkteng", command.name, table.concat(parts, ", "))
end

local function find_arg(command, name)
	for _, arg in ipairs(command.args) do
		if arg.name == name then
			return arg
		end
	end
end

-- The first name in the table that the command does not know, as a sentence.
local function check_names(command, given)
	local strange = {}
	for key in pairs(given) do
		if type(key) ~= "string" then
			return "arguments have names, as in " .. example(command)
		elseif not find_arg(command, key) then
			strange[#strange + 1] = key
		end
	end
	if #strange == 0 then
		return
	end
	table.sort(strange)
	local names = P.arg_names(command)
	local near = P.nearest(strange[1], names)
	return ('unknown argument "%s"; %s'):format(strange[1],
		near and ('did you mean "%s"?'):format(near) or "it takes " .. enumerate(names, "and"))
end

local function check_value(command, arg, value)
	if value == nil then
		return nil, ('argument "%s" is missing, as in %s'):format(arg.name, example(command))
	end
	local good = arg.kind.check(value)
	if good ~= nil then
		return good
	end
	local zero = type(value) == "string" and value:find("\0", 1, true)
	local why = ("%s must be %s, not %s"):format(arg.name, zero and "text without a byte 0" or arg.kind.want,
		quote(value))
	local near = arg.kind.words and type(value) == "string" and P.nearest(value, arg.kind.words)
	return nil, near and ('%s; did you mean "%s"?'):format(why, near) or why
end

-- Checked arguments of a command as a new table; or nil and a sentence.
function P.check(command, count, given)
	local prefix = (command.of or "pkteng") .. "." .. command.name .. ": "
	if count == 1 and command.single and type(given) == "string" then
		given = {engine = given}
	end
	if count == 0 then
		given = {}
	elseif count > 1 or type(given) ~= "table" then
		return nil, ("%sit takes one table of named arguments, as in %s"):format(prefix, example(command))
	end
	local why = check_names(command, given)
	if why then
		return nil, prefix .. why
	end
	local args = {}
	for _, arg in ipairs(command.args) do
		if given[arg.name] ~= nil or arg.needed then
			args[arg.name], why = check_value(command, arg, given[arg.name])
			if why then
				return nil, prefix .. why
			end
		end
	end
	return args
end
