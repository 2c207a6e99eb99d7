-- shell/top: the flows that fill channels, as pkteng.show_top prints them.  Pure: a table goes in, a
-- string comes out.
local _, P = ...

local function flow_rows(channel)
	local rows = {{"packets", "share", "bytes", "flow"}}
	for i, f in ipairs(channel.flows) do
		local pkts = P.commas(f.pkts)
		if f.error_pkts ~= 0 then
			pkts = ("%s to %s"):format(P.commas(f.pkts - f.error_pkts), pkts)
		end
		rows[i + 1] = {pkts, ("%.1f %%"):format(100 * f.share), P.commas(f.bytes),
			P.flow_endpoints(f) .. ", " .. P.flow_protocol(f)}
	end
	return rows
end

local function render_channel(channel)
	local text = ("%s: %s packets"):format(channel.channel, P.commas(channel.pkts))
	if #channel.flows == 0 then
		return text .. "\n"
	end
	if channel.bound_pkts ~= 0 then
		text = text .. (", no flow that is not told has more than %s"):format(P.commas(channel.bound_pkts))
	end
	return text .. "\n" .. P.grid(flow_rows(channel), {true, true, true, false})
end

function P.render_top(channels)
	local parts = {}
	for i, channel in ipairs(channels) do
		parts[i] = render_channel(channel)
	end
	return #parts > 0 and table.concat(parts, "\n") or "No channel that packets go to.\n"
end
