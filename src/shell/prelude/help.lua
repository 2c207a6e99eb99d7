-- shell/help: what pacf.help() and pkteng.help() print.  The commands of pkteng come from args.lua.
local _, P = ...

function P.help_pacf()
	return [[
PACF Commands:
    help()
    print_status()
    show_stats()
    shutdown()
    stats()
    json(value)
    split({ifname=, n=, [type=], [engine=]})
    copy({ifname=, n=, [type=], [engine=]})
    metrics({listen=})
    top_screen({id=, [width=], [height=], [engine=], [next=], [sort=], [unicode=], [colour=],
                [help=]})
    version()
    sleep(seconds)
    hash_key(number)
    access({[group=], [mode=]})
    privileges({[keep=], [seccomp=]})
    confine()
  Available subsystems within PACF have their own help() methods:
  pkteng
]]
end

-- new({name=, type=, [cpu=], [buffers=]}), folded after 92 columns
local function usage(command)
	local indent = "    "
	local text = indent .. command.name .. "({"
	for i, arg in ipairs(command.args) do
		local word = (arg.needed and "%s=" or "[%s=]"):format(arg.name)
		word = word .. (i < #command.args and ", " or "})")
		local line = text:match("[^\n]*$")
		if #line + #word > 92 then
			text = text:gsub(" $", "") .. "\n" .. indent .. (" "):rep(#command.name + 2)
		end
		text = text .. word
	end
	return text .. "\n"
end

function P.help_pkteng()
	local lines = {"PKTENG Commands:\n", "    help()\n", "    list()\n"}
	for _, command in ipairs(P.commands) do
		lines[#lines + 1] = usage(command)
	end
	lines[#lines + 1] = [[
  Arguments in [] may be left out. A channel's action is SAMPLE (the flows are split
  among the channels of a group), COPY (every packet) or DROP (nothing goes out; with a
  filter: nothing that matches).
  Examples and every argument: man 7 pacf
]]
	return table.concat(lines)
end
