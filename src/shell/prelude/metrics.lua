-- shell/metrics: pacf.metrics.  Its argument is checked as those of pkteng are.
local core, P = ...

local listen = {want = 'an address and a port, as in "127.0.0.1:9464", or false', check = function(v)
	if v == false or type(v) == "string" and v ~= "" and not v:find("\0", 1, true) then
		return v
	end
end}
local command = {of = "pacf", name = "metrics",
	args = {{name = "listen", kind = listen, needed = true, show = '"127.0.0.1:9464"'}}}

function pacf.metrics(...)
	local args, why = P.check(command, select("#", ...), (...))
	if not args then
		error(why, 2)
	end
	local address
	address, why = core.metrics(args.listen or nil)
	if not address then
		error(why, 2)
	elseif args.listen then
		return address
	end
end
