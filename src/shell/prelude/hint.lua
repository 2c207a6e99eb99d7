-- shell/hint: what was probably meant by a name that nothing has.  Called for each error that a command ends with.
local _, P = ...

local MODULES = {"pkteng", "pacf"}

-- The function of ours whose name is nearest, as "pkteng.start"; or nil.
local function nearest_command(name)
	local names, owner = {}, {}
	for _, module in ipairs(MODULES) do
		for key, value in pairs(type(_G[module]) == "table" and _G[module] or {}) do
			if type(value) == "function" and not owner[key] then
				names[#names + 1], owner[key] = key, module
			end
		end
	end
	table.sort(names)
	local near = P.nearest(name, names)
	return near and owner[near] .. "." .. near
end

-- The error as it should read; nil: as it is.
function P.hint(text)
	local place, verb, kind, name = text:match("^(.-)attempt to (%l+) a nil value %((%l+) '([%w_]+)'%)$")
	if not place or (kind ~= "field" and kind ~= "global") then
		return
	end
	local near
	if verb == "call" then
		near = nearest_command(name)
	elseif verb == "index" and kind == "global" then
		near = P.nearest(name, MODULES)
	end
	return near and ('%sthere is no "%s"; did you mean %s?'):format(place, name, near)
end
