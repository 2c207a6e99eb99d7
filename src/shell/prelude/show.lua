-- shell/show: how the shell prints the values of an expression: tables with their members, nothing
-- for nil.  P.show is called by eval.c.
local _, P = ...

local DEPTH, WIDTH = 5, 80

local function name_of(key)
	if type(key) == "string" then
		return key:match("^[%a_][%w_]*$") or ("[%q]"):format(key)
	end
	return "[" .. tostring(key) .. "]"
end

local function sorted_keys(value)
	local keys = {}
	for key in next, value do
		keys[#keys + 1] = key
	end
	table.sort(keys, function(a, b)
		if type(a) == "number" and type(b) == "number" then
			return a < b
		end
		return tostring(a) < tostring(b)
	end)
	return keys
end

local format

local function format_table(value, indent, seen)
	if seen[value] or #indent >= DEPTH * 2 then
		return "{...}"
	end
	seen[value] = true
	local parts, last = {}, rawlen(value)
	for _, key in ipairs(sorted_keys(value)) do
		local item = format(rawget(value, key), indent .. "  ", seen)
		local listed = math.type(key) == "integer" and key >= 1 and key <= last
		parts[#parts + 1] = listed and item or name_of(key) .. " = " .. item
	end
	seen[value] = nil
	local short = "{" .. table.concat(parts, ", ") .. "}"
	if #short + #indent <= WIDTH and not short:find("\n") then
		return short
	end
	return "{\n  " .. indent .. table.concat(parts, ",\n  " .. indent) .. "\n" .. indent .. "}"
end

function format(value, indent, seen)
	local meta = type(value) == "table" and getmetatable(value)
	if type(value) == "table" and not (type(meta) == "table" and rawget(meta, "__tostring")) then
		return format_table(value, indent, seen)
	elseif type(value) == "string" and indent ~= "" then
		return ("%q"):format(value)
	end
	return tostring(value)
end

function P.show(...)
	local n, parts, any = select("#", ...), {}, false
	if n == 1 and (... == io.stdout or ... == io.stderr) then
		return -- what io.write gives back
	end
	for i = 1, n do
		local value = (select(i, ...))
		any = any or value ~= nil
		parts[i] = format(value, "", {})
	end
	if any then
		io.write(table.concat(parts, "\t"), "\n")
	end
end
