-- shell/draw: lines of text on a terminal: figures in few columns, names that may be any bytes, bars, tables that fit.
-- Pure.  A view v says how: width in columns, unicode and colour (booleans); see screen.lua.
local _, P = ...

local CODES = {good = "32", bad = "1;31", warn = "33", dim = "2", head = "1", bar = "7", cool = "36"}
local EIGHTHS = {"▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}
local LEVELS = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
local ASCII_LEVELS = {"_", ".", "-", "=", "+", "*", "%", "#"}

-- 1234567 -> "1.23M"; at most 5 columns.
local function short(n)
	if not n then
		return "-"
	end
	local units = {"", "k", "M", "G", "T", "P", "E"}
	local i = 1
	while n >= (i == 1 and 9999.5 or 999.5) and i < #units do
		n, i = n / 1000, i + 1
	end
	if i == 1 then
		return n > 0 and n < 9.95 and n % 1 ~= 0 and ("%.1f"):format(n) or ("%.0f"):format(n)
	end
	return ((n < 9.995 and "%.2f" or n < 99.95 and "%.1f" or "%.0f") .. units[i]):format(n)
end

local function duration(s)
	s = math.floor(s)
	if s >= 86400 then
		return ("%dd %d:%02d"):format(s // 86400, s // 3600 % 24, s // 60 % 60)
	end
	return ("%d:%02d:%02d"):format(s // 3600, s // 60 % 60, s % 60)
end

-- Text that takes one column a character: names may be any bytes.
local function plain(text, unicode)
	if not utf8.len(text) then
		text = text:gsub("[\x80-\xff]", "?")
	elseif not unicode then
		text = text:gsub(utf8.charpattern, function(c)
			return #c > 1 and "?" or c
		end)
	end
	return (text:gsub("%c", "?"))
end

local function columns_of(text)
	return utf8.len(text) or #text
end

local function cut(text, width, unicode)
	if columns_of(text) <= width then
		return text
	end
	local mark = unicode and "…" or "~"
	return width > 1 and text:sub(1, utf8.offset(text, width) - 1) .. mark or mark:rep(width)
end

local function pad(text, width, right, unicode)
	text = cut(text, width, unicode)
	local fill = (" "):rep(width - columns_of(text))
	return right and fill .. text or text .. fill
end

-- A line of pieces {text, colour}, cut at the view's width.
local function line(v, pieces, fill)
	local parts, left = {}, v.width
	for _, piece in ipairs(pieces) do
		local text = cut(piece[1], left, v.unicode)
		left = left - columns_of(text)
		if text ~= "" then
			local code = v.colour and CODES[piece[2]]
			parts[#parts + 1] = code and ("\27[%sm%s\27[0m"):format(code, text) or text
		end
	end
	if fill and left > 0 then
		local code = v.colour and CODES[fill]
		parts[#parts + 1] = code and ("\27[%sm%s\27[0m"):format(code, (" "):rep(left)) or ""
	end
	return table.concat(parts)
end

-- Phrases {text, colour} in as few lines as it takes, none broken if it need not be; most: no more lines than that.
local function phrases(v, lines, list, most)
	local pieces, used = {}, 0
	most = most and #lines + most
	for _, phrase in ipairs(list) do
		local long = columns_of(phrase[1])
		if used > 0 and used + 2 + long > v.width then
			lines[#lines + 1] = line(v, pieces)
			pieces, used = {}, 0
			if most and #lines >= most then
				return
			end
		end
		if used > 0 then
			pieces[#pieces + 1] = {"  "}
			used = used + 2
		end
		pieces[#pieces + 1] = phrase
		used = used + long
	end
	lines[#lines + 1] = line(v, pieces)
end

-- A part of width columns: filled by eighths.
local function bar(v, part, width)
	part = math.max(0, math.min(1, part or 0))
	if not v.unicode then
		local full = math.floor(part * width + 0.5)
		return ("#"):rep(full) .. ("."):rep(width - full)
	end
	local eighths = math.floor(part * width * 8 + 0.5)
	local text = ("█"):rep(eighths // 8) .. (EIGHTHS[eighths % 8] or "")
	return text .. ("·"):rep(width - columns_of(text))
end

-- The last width rates, each as high as it is beside the highest.
local function sparkline(v, rates, width)
	local most, parts, levels = 0, {}, v.unicode and LEVELS or ASCII_LEVELS
	for i = math.max(1, #rates - width + 1), #rates do
		most = math.max(most, rates[i])
		parts[#parts + 1] = rates[i]
	end
	for i, rate in ipairs(parts) do
		parts[i] = most == 0 and levels[1] or levels[1 + math.floor(rate / most * 7 + 0.5)]
	end
	return (" "):rep(width - #parts) .. table.concat(parts)
end

local function percent(part)
	return part and (part >= 0.9995 and "100%" or ("%.1f%%"):format(100 * part)) or "-"
end

-- Which columns fit, by their order of importance, and how wide they get: the first takes what its cells need, others
-- grow up to `most` in the order in which they stand.
local function fit(v, columns, rows)
	local chosen, left, need = {}, v.width, 0
	for _, row in ipairs(rows) do
		need = math.max(need, columns_of(row[1][1]))
	end
	columns[1].most = math.max(need, columns_of(columns[1].title))
	columns[1].width = math.min(columns[1].width, columns[1].most)
	local order = {}
	for i = 1, #columns do
		order[i] = i
	end
	table.sort(order, function(a, b)
		return columns[a].rank < columns[b].rank
	end)
	for _, i in ipairs(order) do
		local width = columns[i].width + (i > 1 and 1 or 0)
		if width <= left then
			chosen[i], left = columns[i].width, left - width
		end
	end
	for i, c in ipairs(columns) do
		local more = chosen[i] and c.most and math.min(left, c.most - chosen[i]) or 0
		if more > 0 then
			chosen[i], left = chosen[i] + more, left - more
		end
	end
	return chosen
end

-- Rows of cells {text or function(width), colour} under their titles.
local function grid(v, lines, columns, rows)
	local chosen = fit(v, columns, rows)
	local function put(cells)
		local pieces = {}
		for i, c in ipairs(columns) do
			if chosen[i] then
				local cell = cells[i]
				local text = type(cell[1]) == "function" and cell[1](chosen[i]) or cell[1]
				pieces[#pieces + 1] = {(i > 1 and " " or "")}
				pieces[#pieces + 1] = {pad(text, chosen[i], c.right, v.unicode), cell[2]}
			end
		end
		lines[#lines + 1] = line(v, pieces)
	end
	local titles = {}
	for i, c in ipairs(columns) do
		titles[i] = {c.title, "head"}
	end
	put(titles)
	for _, row in ipairs(rows) do
		put(row)
	end
end

P.draw = {short = short, duration = duration, percent = percent, plain = plain, line = line, phrases = phrases, grid = grid,
	bar = bar, sparkline = sparkline}
