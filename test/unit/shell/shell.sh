#!/bin/sh
# The program `pacf` as a user calls it: options, scripts, standard input, exit status, signals.
# usage: shell.sh PACF, where PACF may be the real one or the one with the fake control plane.
set -u
pacf=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export PACF_RUNDIR="$dir/run" XDG_STATE_HOME="$dir/state"
failed=0

# check NAME STATUS OUT ERR: compares with what the last run() gave
run() {
	"$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
check() {
	if [ "$status" != "$2" ] || [ "$(cat "$dir/out")" != "$3" ] || [ "$(cat "$dir/err")" != "$4" ]; then
		failed=1
		echo "FAILED: $1: status $status, wanted $2"
		echo "  output: $(cat "$dir/out")"
		echo "  wanted: $3"
		echo "  errors: $(cat "$dir/err")"
		echo "  wanted: $4"
	else
		echo "ok: $1"
	fi
}
input() {
	printf '%s\n' "$@" >"$dir/in"
	run "$pacf" <"$dir/in"
}

run "$pacf" -V
check "-V" 0 "$(sed -n 's/^/pacf /p' <<END
$("$pacf" -e 'print(pacf.version())' </dev/null)
END
)" ""
run "$pacf" -h
check "-h" 0 "$("$pacf" --help)" ""
grep -q '^usage: pacf \[-f SCRIPT\]' "$dir/out" || { echo "FAILED: -h text"; failed=1; }
grep -q '^       pacf explain FILE \[PACKET\]$' "$dir/out" || { echo "FAILED: -h lacks explain"; failed=1; }
grep -q '^       pacf doctor \[INTERFACE\]$' "$dir/out" || { echo "FAILED: -h lacks doctor"; failed=1; }
run "$pacf" explain
check "explain nothing" 2 "" "pacf: explain needs a capture file: pacf explain FILE [PACKET]"
run "$pacf" doctor eth3 eth4
check "doctor of two" 2 "" 'pacf: unexpected argument "eth4"; doctor takes one interface: pacf doctor eth3'
run "$pacf" -x
check "unknown option" 2 "" "pacf: unknown option -x; pacf -h lists the options"
run "$pacf" --frob
check "unknown long option" 2 "" "pacf: unknown option --frob; pacf -h lists the options"
run "$pacf" -f
check "missing argument" 2 "" "pacf: option -f needs an argument; pacf -h lists the options"
run "$pacf" a.lua
check "operand" 2 "" 'pacf: unexpected argument "a.lua"; to run a script: pacf -f a.lua'
run "$pacf" -e 'print(1)' -x
check "nothing runs before a wrong option" 2 "" "pacf: unknown option -x; pacf -h lists the options"

input 'pkteng.strt{engine="e"}' 'shutdwn()' 'pkeng.new{}' 'local t = {} t.frobnicate()' 'local t = {} t.x.y = 1'
check "names that nothing has" 1 "" 'error: there is no "strt"; did you mean pkteng.start?
error: there is no "shutdwn"; did you mean pacf.shutdown?
error: there is no "pkeng"; did you mean pkteng?
error: attempt to call a nil value (field '"'frobnicate'"')
error: attempt to index a nil value (field '"'x'"')'

input 'x = 6' '=x * 7' 'x' 'nil' 'print("p")' '"a", nil' 'function f()' '  return {1, a = "b"}' 'end' 'f()'
check "commands on standard input" 0 '42
6
p
a	nil
{1, a = "b"}' ""
input 'nosuch()' '=1 + 1' 'x = = 1'
check "errors on standard input" 1 "2" "error: attempt to call a nil value (global 'nosuch')
error: unexpected symbol near '='"
input 'for i = 1, 2 do'
check "statement cut off by the end" 1 "" "error: 'end' expected (to close 'for' at line 1) near <eof>"
printf '=7' >"$dir/in"
run "$pacf" <"$dir/in"
check "no newline at the end" 0 "7" ""
input 'io.read()' 'this line is data'
check "io.read takes the next line" 0 "this line is data" ""
input 'pacf.shutdown()' 'print("not reached")'
check "shutdown" 0 "Goodbye!" ""
input 'pcall(pacf.shutdown)' 'print("not reached")'
check "shutdown within pcall" 0 "Goodbye!" ""
input 'error()' 'error({})' 'error(setmetatable({}, {__tostring = function() return "mine" end}))' 'error("a\nb", 0)'
sed 's/0x[0-9a-f]*/ADDRESS/' "$dir/err" >"$dir/err2" && mv "$dir/err2" "$dir/err"
check "errors that are no strings" 1 "" "error: nil
error: table: ADDRESS
error: mine
error: a
b"
run "$pacf" </dev/null
check "empty input" 0 "" ""

cat >"$dir/bad.lua" <<'END'
print("before")

pkteng.start{}
print("after")
END
run "$pacf" -f "$dir/bad.lua" -e 'print("not reached")' </dev/null
check "script stops with file and line" 1 "before" \
	"error: $dir/bad.lua:3: pkteng.start: argument \"engine\" is missing, as in pkteng.start{engine=\"e0\"}"
printf 'x = (' >"$dir/syntax.lua"
run "$pacf" -f "$dir/syntax.lua" </dev/null
check "syntax error in a script" 1 "" "error: $dir/syntax.lua:1: unexpected symbol near <eof>"
run "$pacf" -f "$dir/none.lua" </dev/null
check "no such script" 1 "" "error: cannot open $dir/none.lua: No such file or directory"
echo 'a = (a or 0) + 1; print("script", a)' >"$dir/a.lua"
run "$pacf" -e 'a = 5' -f "$dir/a.lua" -e 'a' -f "$dir/a.lua" <<END
print("not read")
END
check "-e and -f in order, input not read" 0 "script	6
6
script	7" ""
run "$pacf" -e 'os.exit(7)' -e 'print("not reached")'
check "os.exit" 7 "" ""
run "$pacf" -e 'os.exit(false)'
check "os.exit(false)" 1 "" ""
run "$pacf" -e 'for i = 1, 100 do pacf.sleep(0) end print(pcall(pacf.sleep, -1))'
check "sleep" 0 "false	pacf.sleep: seconds must be a number, 0 or more, not -1" ""

run "$pacf" -e 'pacf.help()'
check "pacf.help" 0 "PACF Commands:
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
  pkteng" ""
for command in new delete start stop show_stats wait link unlink open_channel close_channel stats explain doctor list help; do
	run "$pacf" -e "assert(pkteng.$command) pkteng.help()"
	grep -q "^    $command(" "$dir/out" || { echo "FAILED: pkteng.help lacks $command"; failed=1; }
done
run "$pacf" -e 'pacf.show_stats()'
check "show_stats without engines" 0 "No engine yet; pkteng.help() lists the commands." ""

# Output is there before the next command runs.
run "$pacf" -e 'io.write("first ")' -e 'x = os.execute("printf second")'
check "output is flushed after each command" 0 "first second" ""
run sh -c "'$pacf' -e 'for i = 1, 100000 do print(i) end' | head -1; exit 0"
check "reader that goes away" 0 "1" ""

# Signals: waits until the command says that it runs, then signals it.
signal() {
	rm -f "$dir/out"
	"$pacf" -e "$2" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	i=0
	while [ ! -s "$dir/out" ] && [ $i -lt 100 ]; do
		sleep 0.05
		i=$((i + 1))
	done
	kill -"$1" $pid
	wait $pid
	status=$?
}
# Shells start background jobs with SIGINT ignored, nohup all with SIGHUP: give both their meaning.
cat >"$dir/int.py" <<'END'
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
END
wrapped=$pacf
cat >"$dir/int" <<END
#!/bin/sh
exec python3 "$dir/int.py" "$wrapped" "\$@"
END
chmod +x "$dir/int"
pacf="$dir/int"
ready='print("ready") io.flush()'
signal TERM "$ready while true do end"
check "SIGTERM ends endless Lua" 143 "ready" ""
signal TERM "$ready while true do pcall(pacf.sleep, 9) end"
check "SIGTERM ends a sleep, pcall or not" 143 "ready" ""
signal HUP "$ready pacf.sleep(60)"
check "SIGHUP" 129 "ready" ""
signal INT "$ready pacf.sleep(60)"
check "SIGINT in a script" 130 "ready" ""
signal INT "$ready coroutine.wrap(function() while true do end end)()"
check "SIGINT in a coroutine" 130 "ready" ""
exit $failed
