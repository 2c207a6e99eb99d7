-- shell/complete: Tab.  P.complete(text before the cursor) returns what to insert and the list of
-- names that fit; edit.c shows the list when there is nothing to insert.
local core, P = ...

local KEYWORDS = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto",
	"if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"}

local function common_prefix(words)
	local prefix = words[1] or ""
	for _, word in ipairs(words) do
		while word:sub(1, #prefix) ~= prefix do
			prefix = prefix:sub(1, -2)
		end
	end
	return prefix
end

-- Of words, those that begin with start; closing: what follows when only one is left.
local function choose(words, start, closing)
	local fits, have = {}, {}
	for _, word in ipairs(words) do
		if word:sub(1, #start) == start and not have[word] then
			fits[#fits + 1], have[word] = word, true
		end
	end
	table.sort(fits)
	if #fits == 0 then
		return "", fits
	end
	local insert = common_prefix(fits):sub(#start + 1)
	return #fits == 1 and insert .. closing or insert, fits
end

-- Names that exist: of the engine in the same line, or of all engines.
local function live_names(kind, line)
	local engine = line:match('engine%s*=%s*"([^"]*)"') or line:match("engine%s*=%s*'([^']*)'")
	local engines = engine and {engine} or core.names("engines")
	local names = {}
	for _, name in ipairs(engines) do
		table.move(core.names(kind, name), 1, 1000, #names + 1, names)
	end
	return names
end

local function within_quotes(line)
	local before, mark, start = line:match("^(.*)([\"'])([^\"']*)$")
	local _, quotes = (before or ""):gsub("[\"']", "")
	-- an odd number of quotes before means that the last one closes a string
	if not before or quotes % 2 == 1 then
		return
	end
	local key = before:match("([%a_][%w_]*)%s*=%s*$")
	local command = P.find_command(before:match("pkteng%.([%w_]+)%s*%(?%s*{[^{}]*$")
		or before:match("pkteng%.([%w_]+)%s*%(?%s*$"))
	if key == "engine" or (not key and command and command.single) then
		return choose(core.names("engines"), start, mark)
	elseif key == "channel" then
		return choose(live_names("channels", line), start, mark)
	elseif key == "ifname" or key == "file" then
		return choose(live_names("links", line), start, mark)
	end
	for _, arg in ipairs(command and command.args or {}) do
		if arg.name == key and arg.kind.words then
			return choose(arg.kind.words, start, mark)
		end
	end
	return "", {}
end

local function argument_name(line)
	local name, inside = line:match("pkteng%.([%w_]+)%s*%(?%s*{([^{}]*)$")
	local command = P.find_command(name)
	local start = inside and (inside:match("^%s*([%w_]*)$") or inside:match(",%s*([%w_]*)$"))
	if command and start then
		return choose(P.arg_names(command), start, "=")
	end
end

local function member_name(line)
	local path = line:match("[%w_%.:]*$")
	local words, parent = {}, _G
	local start = path:match("[^%.:]*$")
	for name in path:sub(1, #path - #start):gmatch("[^%.:]+") do
		parent = type(parent) == "table" and rawget(parent, name) or nil
	end
	for key in next, type(parent) == "table" and parent or {} do
		if type(key) == "string" and key:find("^[%a_][%w_]*$") then
			words[#words + 1] = key
		end
	end
	if parent == _G and start == path then
		table.move(KEYWORDS, 1, #KEYWORDS, #words + 1, words)
	end
	return choose(words, start, "")
end

function P.complete(line)
	local insert, names = within_quotes(line)
	if not insert then
		insert, names = argument_name(line)
	end
	if not insert then
		insert, names = member_name(line)
	end
	return insert, names
end
