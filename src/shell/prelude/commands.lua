-- shell/commands: pkteng.* and pacf.*, made of the checks in args.lua and the functions of core.
-- A body returns nil and a sentence when it fails; the error carries the place of the caller.
local core, P = ...

local TOP_FLOWS = 10
local bodies = {}
P.bodies = bodies

function bodies.new(a)
	return core.engine_new(a.name, a.type, a.cpu or -1, a.buffers or 0, a.tunnels, a.udp_tunnels)
end
function bodies.delete(a)
	return core.engine_delete(a.engine)
end
function bodies.start(a)
	return core.engine_start(a.engine)
end
function bodies.stop(a)
	return core.engine_stop(a.engine)
end
function bodies.link(a)
	-- loop = false is what happens anyway, so a live interface may be given it too
	local offline = a.speed ~= nil or (a.loop ~= nil and a.loop ~= 1)
	local live = a.qid ~= nil or a.mode ~= nil or a.busy_poll ~= nil or a.offload ~= nil
	local ok, why = core.link(a.engine, a.ifname, a.batch or 0, a.qid or -1, a.speed or 0, a.loop or 1, offline,
		live, a.mode, a.busy_poll, a.offload)
	local stats = ok and core.stats(a.engine)
	if stats and stats.auto and #stats.links == 1 then
		io.write(P.render_auto(stats.auto, a.ifname))
	end
	return ok, why
end
function bodies.unlink(a)
	return core.unlink(a.engine, a.ifname)
end
function bodies.open_channel(a)
	return core.open_channel(a.engine, a.channel, a.action, a.group, a.size or 0, a.when_full,
		a.when_detached, a.filter, a.snaplen or 0, a.sample or 0, a.fields, a.owner, a.mode, a.hold_bytes or 0,
		a.file_size or 0, a.rotate_seconds or 0, a.filecount or 0, a.compress, a.buffer or 0)
end
function bodies.close_channel(a)
	return core.close_channel(a.engine, a.channel)
end
function bodies.rotate(a)
	return core.rotate(a.engine, a.channel)
end
function bodies.wait(a)
	return core.wait(a.engine, a.timeout or -1)
end
function bodies.stats(a)
	return core.stats(a.engine)
end
function bodies.show_stats(a)
	local stats, why = core.stats(a.engine)
	if not stats then
		return nil, why
	end
	io.write(P.render_engine(stats))
	return true
end

function bodies.top(a)
	local top, why = core.top(a.engine, a.channel, a.n or TOP_FLOWS)
	return top and P.list(top), why
end
function bodies.show_top(a)
	local top, why = core.top(a.engine, a.channel, a.n or TOP_FLOWS)
	if not top then
		return nil, why
	end
	io.write(P.render_top(top))
	return true
end

function bodies.explain(a)
	return core.explain(a.engine, a.file, a.packet or 1, P.explain_packet)
end

function bodies.doctor(a)
	return P.doctor(a.ifname)
end

-- error() at level 2 names the line that called the function which error() is called from.
local function make(command)
	local body = bodies[command.name]
	return function(...)
		local args, why = P.check(command, select("#", ...), (...))
		if not args then
			error(why, 2)
		end
		local result, more = body(args)
		if result == nil then
			error(more, 2)
		elseif command.results and more ~= nil then
			return result, more
		elseif command.results then
			return result
		end
	end
end

pkteng = {}
for _, command in ipairs(P.commands) do
	pkteng[command.name] = make(command)
end

function pkteng.list()
	return P.list(core.names("engines"))
end

function pkteng.help()
	io.write(P.help_pkteng())
end

pacf = {}

function pacf.help()
	io.write(P.help_pacf())
end

function pacf.version()
	return (core.about())
end

function pacf.stats()
	local stats, why = core.stats()
	if not stats then
		error(why, 2)
	end
	return stats
end

function pacf.json(value)
	local text, why = P.json(value)
	if not text then
		error("pacf.json: " .. why, 2)
	end
	return text
end

function pacf.show_stats()
	local stats, why = core.stats()
	if not stats then
		error(why, 2)
	end
	io.write(P.render_all(stats, core.names("engines")))
end

function pacf.print_status()
	local stats, why = core.stats()
	if not stats then
		error(why, 2)
	end
	io.write(P.render_status(stats, core.names("engines"), core.about()))
end

function pacf.sleep(seconds)
	local s = P.kinds.seconds.check(seconds)
	if not s then
		error(("pacf.sleep: seconds must be %s, not %s"):format(P.kinds.seconds.want, P.quote(seconds)), 2)
	end
	local ok, why = core.sleep(s)
	if not ok then
		error(why, 2)
	end
end

function pacf.hash_key(number)
	local key = P.kinds.integer.check(number)
	if not key then
		error(("pacf.hash_key: the key must be %s, not %s"):format(P.kinds.integer.want, P.quote(number)), 2)
	end
	core.hash_key(key)
end

function bodies.access(a)
	return core.access(a.group, a.mode)
end
function bodies.privileges(a)
	return core.privileges(a.keep or {}, a.seccomp)
end
for _, command in ipairs(P.guards) do
	pacf[command.name] = make(command)
end

function pacf.confine()
	local ok, why = core.confine()
	if not ok then
		error("pacf.confine: " .. why, 2)
	elseif why then
		io.stderr:write("pacf: ", why, "\n")
	end
end

-- In a daemon that is up the system refuses these, but not in words.
local function unless_filtered(name, run)
	return function(...)
		if core.filtered() then
			error(("%s: this daemon runs no programs any more; do it in its start-up script, or put " ..
				"pacf.privileges{seccomp=false} there"):format(name), 2)
		end
		return run(...)
	end
end
os.execute = unless_filtered("os.execute", os.execute)
io.popen = unless_filtered("io.popen", io.popen)

-- The error only unwinds what is running: the shell knows that it is left and shows nothing.
function pacf.shutdown()
	core.leave()
	error("shutdown", 0)
end

-- What takes no argument says so: pacf.stats("e0") is not the statistics of e0.
local function alone(module, name)
	local run = _G[module][name]
	_G[module][name] = function(...)
		local given = ...
		if select("#", ...) > 1 or (given ~= nil and (type(given) ~= "table" or next(given) ~= nil)) then
			error(("%s.%s: it takes no argument, not %s"):format(module, name, P.quote(given)), 2)
		end
		return run()
	end
end
for _, name in ipairs{"list", "help"} do
	alone("pkteng", name)
end
for _, name in ipairs{"help", "version", "stats", "show_stats", "print_status", "confine", "shutdown"} do
	alone("pacf", name)
end

-- os.exit as everybody knows it, but engines are stopped and sockets removed first.
function os.exit(code)
	if code == nil or code == true then
		code = 0
	elseif code == false then
		code = 1
	elseif not math.tointeger(code) then
		error(("os.exit: the status must be true, false or a whole number, not %s"):format(P.quote(code)), 2)
	end
	core.leave(math.tointeger(code))
	error("exit", 0)
end
