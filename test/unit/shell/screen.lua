-- Test of shell/draw, screen and watch, on the fake control plane: pictures of every size have that size, colours change no
-- text, and what is told is what there is.  Run by pacf-fake -f.
pkteng.new({name="e0", type="pcap", cpu=1})
pkteng.new({name="e1", type="pcap"})
pkteng.link({engine="e0", ifname="so\xffme.pcap"})
for i = 0, 2 do
	pkteng.open_channel({engine="e0", channel="pacf:eth3{" .. i, action="SAMPLE"})
end
pkteng.open_channel({engine="e0", channel="pacf:\u{e9}\n\u{20ac}{0", action="COPY"})
pkteng.start("e0")

local write = io.write
local function picture(args)
	local text = ""
	io.write = function(...)
		text = text .. table.concat({...})
	end
	local ok, why = pcall(pacf.top_screen, args)
	io.write = write
	assert(ok, why)
	assert(text:sub(-1) == "\n")
	return text
end

local function lines_of(text)
	local lines = {}
	for line in text:gmatch("([^\n]*)\n") do
		lines[#lines + 1] = line
	end
	return lines
end

local n = 0
for width = 1, 210, 3 do
	for _, height in ipairs({0, 1, 2, 3, 5, 12, 16, 24, 60}) do
		for _, unicode in ipairs({true, false}) do
			local args = {id="size", width=width, height=height, unicode=unicode, help=n % 7 == 6, sort=n % 5}
			local text = picture(args)
			local lines = lines_of(text)
			assert(height == 0 and #lines > 5 or #lines == height, ("%dx%d has %d lines"):format(width, height, #lines))
			for _, line in ipairs(lines) do
				assert(utf8.len(line), "no UTF-8: " .. line)
				assert(utf8.len(line) <= width, ("%dx%d: %s"):format(width, height, line))
				assert(not line:find("%c"), "a control character in " .. line)
				assert(unicode or not line:find("[\x80-\xff]"), "no ASCII: " .. line)
			end
			if n % 10 == 0 then
				args.colour = true
				local stripped = lines_of((picture(args):gsub("\27%[[0-9;]*m", "")))
				for i, line in ipairs(lines) do -- but for blanks: a bar goes on to the end of the line
					assert(i == 1 or line:gsub(" *$", "") == stripped[i]:gsub(" *$", ""), line)
				end
			end
			n = n + 1
		end
	end
end

-- What is told.
local text = picture({id="told", width=110, height=24})
local function has(what)
	assert(text:find(what, 1, true), what .. " is not in\n" .. text)
end
has("engine 1 of 2")
has("e0  pcap  running  up 0:00:03  mean rates")
has("received 380k pkt/s")
has("lost:  no channel 2.2/s (7)  ring full 1538/s (5000)\n")
has("so?me.pcap reading")
has("pacf:eth3{0 tcpdump 4711")
has("pacf:???{0")
has("lost/s")
has("[2001:db8::1]:1024 <-> [2001:db8::2]:443, tcp (6)")
has("q quit  s sort: order")
-- The second picture is of the same moment in this double: no time has passed.
text = picture({id="told", width=110, height=24, next=1})
has("engine 2 of 2")
has("e1  pcap  stopped")
text = picture({id="told", width=110, height=24, engine="e1", sort=1})
has("engine 2 of 2")
has("sort: rate")
text = picture({id="told", width=110, height=0, unicode=true, help=true})
has("the next engine")
-- Sorted by what is lost: its one loser first.
text = picture({id="told", width=110, height=24, sort=2})
assert(text:find("pacf:eth3{1", 1, true) < text:find("pacf:eth3{0", 1, true), text)
local ok, why = pcall(pacf.top_screen, {id="x", engine="e9"})
assert(not ok and why:find('there is no engine "e9"', 1, true), why)
ok, why = pcall(pacf.top_screen, {})
assert(not ok and why:find('argument "id" is missing', 1, true), why)
pkteng.delete("e0")
pkteng.delete("e1")
text = picture({id="told"})
has("No engine yet.")
