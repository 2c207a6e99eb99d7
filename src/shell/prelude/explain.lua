-- shell/explain: how pkteng.explain and `pacf explain` show where a packet goes.
local core, P = ...

local function write(text)
	local ok, why = io.write(text)
	if not ok then
		error("cannot write: " .. why, 0)
	end
end

-- 10.0.0.1:53, [2001:db8::1]:53, 02:00:00:00:00:01
local function endpoint(key, addr, port)
	if not port then
		return addr
	end
	return (key.family == "ipv6" and "[%s]:%d" or "%s:%d"):format(addr, port)
end

local function protocol(key)
	if key.proto then
		return key.protocol and ("%s (%d)"):format(key.protocol, key.proto) or ("protocol %d"):format(key.proto)
	end
	return ("ethertype 0x%04x"):format(key.ethertype)
end

local function endpoints(key)
	if not key.src then
		return "no addresses"
	end
	return endpoint(key, key.src, key.sport) .. " <-> " .. endpoint(key, key.dst, key.dport)
end

P.flow_endpoints, P.flow_protocol = endpoints, protocol

local function layers(p)
	local words = {}
	for _, layer in ipairs(p.layers) do
		words[#words + 1] = ("%s @%d"):format(layer.layer, layer.offset)
	end
	return #words > 0 and table.concat(words, ", ") or "nothing"
end

local function hashed(p)
	local where = p.hashed_offset and ("%s @%d, "):format(p.hashed, p.hashed_offset) or ""
	return where .. (p.tunnels == "inner" and "the innermost flow" or "the outermost flow")
end

-- A group, or a COPY channel.
local function place(g)
	local lines = {}
	if g.group then
		lines[1] = ("  group %s: by %s, digest %s%s"):format(g.group, g.fields, g.digest,
			g.bucket and ", bucket " .. g.bucket or "")
	end
	if g.channel then
		lines[#lines + 1] = (g.group and "    " or "  copy ") ..
			("%s %s"):format(g.delivered == 1 and "->" or "not ->", g.channel)
	end
	if g.snaplen then
		lines[#lines] = lines[#lines] .. (", its first %d bytes"):format(g.snaplen)
	end
	if g.why then
		lines[#lines + 1] = "    " .. g.why
	end
	return table.concat(lines, "\n") .. "\n"
end

function P.explain_packet(p)
	write(("packet %d: %d bytes%s\n"):format(p.number, p.length,
		p.wirelen ~= p.length and (" of %d"):format(p.wirelen) or ""))
	write(("  parsed: %s\n  hashed: %s\n"):format(layers(p), hashed(p)))
	write(("  key:    %s, %s%s\n"):format(endpoints(p.key), protocol(p.key),
		p.key.vlan and ", vlan " .. p.key.vlan or ""))
	write(("  reason: %s: %s\n  digest: %s\n"):format(p.reason, p.why, p.digest))
	if p.dropped_by then
		write(("  dropped by %s\n"):format(p.dropped_by))
	end
	for _, group in ipairs(p.groups) do
		write(place(group))
	end
	for _, copy in ipairs(p.copies) do
		write(place(copy))
	end
end

-- One line: number, endpoints, protocol, hashed layer, reason, digest, bucket.
local function explain_line(p)
	write(("%d %s, %s: %s, %s%s, digest %s, bucket %d\n"):format(p.number, endpoints(p.key), protocol(p.key),
		p.hashed, p.reason, p.follows and " of packet " .. p.follows or "", p.digest, p.groups[1].bucket))
end

function P.explain_file(file, packet)
	local number = packet and math.tointeger(tonumber(packet))
	if packet and not (number and number >= 1) then
		error(("explain: PACKET must be a whole number, 1 or more, not %s"):format(P.quote(packet)), 0)
	end
	local ok, why = core.explain(nil, file, number or 0, number and P.explain_packet or explain_line)
	if not ok then
		error(why, 0)
	end
end
