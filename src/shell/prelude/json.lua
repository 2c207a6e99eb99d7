-- shell/json: values as JSON text (RFC 8259).  Pure: a value goes in, a string comes out.  Keys are sorted, so
-- equal tables give equal text; whole numbers are written with all their digits; a byte that is no UTF-8 becomes
-- U+FFFD.
local _, P = ...

local DEPTH = 64
-- Tables of statistics that are lists even if they have no member.
local LISTS = {}
for name in ("links channels groups auto flows layers copies engines interfaces irqs findings"):gmatch("%a+") do
	LISTS[name] = true
end

-- Lists that were made here and may be empty.
local made = setmetatable({}, {__mode = "k"})
function P.list(table)
	made[table] = true
	return table
end

local SHORT = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}

local function escape(c)
	return SHORT[c] or ("\\u%04x"):format(c:byte())
end

local function utf8_only(text)
	local parts, at = {}, 1
	while true do
		local _, bad = utf8.len(text, at)
		if not bad then
			parts[#parts + 1] = text:sub(at)
			return table.concat(parts)
		end
		parts[#parts + 1] = text:sub(at, bad - 1)
		parts[#parts + 1] = "\u{FFFD}"
		at = bad + 1
	end
end

local function string_text(text)
	return '"' .. utf8_only(text):gsub('[%c"\\]', escape) .. '"'
end

-- A real as the shortest text that reads as the same number.
local function number_text(n)
	if math.type(n) == "integer" then
		return ("%d"):format(n)
	elseif n ~= n or n == math.huge or n == -math.huge then
		return "null" -- JSON has none of them
	end
	for digits = 15, 17 do
		local text = ("%." .. digits .. "g"):format(n)
		if tonumber(text) == n then
			return (text:gsub(",", "."))
		end
	end
end

-- Has it the keys 1 to n and no other?
local function is_list(value, key)
	local n = 0
	for _ in next, value do
		n = n + 1
	end
	if n == 0 then
		return made[value] or LISTS[key] or false
	end
	for i = 1, n do
		if rawget(value, i) == nil then
			return false
		end
	end
	return true
end

local function key_text(key)
	if type(key) == "string" or type(key) == "number" then
		return tostring(key)
	end
	error("a key must be a string or a number, not a " .. type(key), 0)
end

local encode

local function object_text(value, seen, depth)
	local members = {}
	for key, member in next, value do
		members[#members + 1] = {key_text(key), member}
	end
	table.sort(members, function(a, b)
		return a[1] < b[1]
	end)
	for i, m in ipairs(members) do
		members[i] = string_text(m[1]) .. ":" .. encode(m[2], m[1], seen, depth)
	end
	return "{" .. table.concat(members, ",") .. "}"
end

local function table_text(value, key, seen, depth)
	if seen[value] or depth > DEPTH then
		error(seen[value] and "a table contains itself" or
			("tables are nested more than %d deep"):format(DEPTH), 0)
	end
	seen[value] = true
	local text
	if is_list(value, key) then
		local parts = {}
		for i = 1, rawlen(value) do
			parts[i] = encode(rawget(value, i), nil, seen, depth)
		end
		text = "[" .. table.concat(parts, ",") .. "]"
	else
		text = object_text(value, seen, depth)
	end
	seen[value] = nil
	return text
end

function encode(value, key, seen, depth)
	local kind = type(value)
	if kind == "table" then
		return table_text(value, key, seen, depth + 1)
	elseif kind == "string" then
		return string_text(value)
	elseif kind == "number" then
		return number_text(value)
	elseif kind == "boolean" then
		return tostring(value)
	elseif kind == "nil" then
		return "null"
	end
	error("a " .. kind .. " has no JSON", 0)
end

-- The text; or nil and a sentence.
function P.json(value)
	local ok, text = pcall(encode, value, nil, {}, 0)
	if ok then
		return text
	end
	return nil, text
end
