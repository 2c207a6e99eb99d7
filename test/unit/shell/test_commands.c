/*
 * The commands of the shell against the fake control plane: which sentence each mistake gets,
 * what ctl is given, what completion finds, when a statement is complete, what the bar shows.
 */
#include "internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct ctl *ctl;
static struct shell *sh;

static int
setup(void **state)
{
	struct ctl_err err;

	(void)state;
	assert_int_equal(ctl_open(&ctl, &err), 0);
	assert_int_equal(shell_open(&sh, ctl, &err), 0);
	assert_int_equal(
		luaL_dostring(sh->lua, "pkteng.new{name='e0', type='pcap', cpu=1}\n"
				       "pkteng.new{name='e17', type='pcap'}\n"
				       "pkteng.link{engine='e0', ifname='a.pcap'}\n"
				       "for i = 0, 2 do pkteng.open_channel{engine='e0',\n"
				       "channel='pacf:eth3{' .. i} end\n"),
		LUA_OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shell_close(sh);
	ctl_close(ctl);
	return 0;
}

/* Runs Lua that must fail with exactly this text. */
static void
assert_fails(const char *lua, const char *why)
{
	const char *text;

	if (luaL_loadbufferx(sh->lua, lua, strlen(lua), EVAL_CHUNK, "t") == LUA_OK &&
		lua_pcall(sh->lua, 0, 0, 0) == LUA_OK)
		fail_msg("%s did not fail", lua);
	text = lua_tostring(sh->lua, -1);
	if (strncmp(text, "shell:1: ", 9) == 0)
		text += 9;
	assert_string_equal(text, why);
	lua_pop(sh->lua, 1);
}

/* Runs a Lua expression that must give this string. */
static void
assert_gives(const char *lua, const char *expected)
{
	assert_int_equal(luaL_dostring(sh->lua, lua), LUA_OK);
	assert_string_equal(lua_tostring(sh->lua, -1), expected);
	lua_settop(sh->lua, 0);
}

static const struct {
	const char *lua, *why;
} mistakes[] = {
	{"pkteng.link{engine='e0', ifnam='x'}",
		"pkteng.link: unknown argument \"ifnam\"; did you mean \"ifname\"?"},
	{"pkteng.link({engine='e0', ifname='x', batch='x'})",
		"pkteng.link: batch must be a whole number from 1 to 1024, not \"x\""},
	{"pkteng.link{engine='e0', ifname='x', batch=1025}",
		"pkteng.link: batch must be a whole number from 1 to 1024, not 1025"},
	{"pkteng.link{engine='e0', ifname='x', batch=1.5}",
		"pkteng.link: batch must be a whole number from 1 to 1024, not 1.5"},
	{"pkteng.link{engine='e0', ifname='x', batch=false}",
		"pkteng.link: batch must be a whole number from 1 to 1024, not false"},
	{"pkteng.link{engine='e0', ifname='x', speed=-1}",
		"pkteng.link: speed must be a number, 0 or more, not -1"},
	{"pkteng.link{engine='e0', ifname='x', speed=1/0}",
		"pkteng.link: speed must be a number, 0 or more, not inf"},
	{"pkteng.link{engine='e0', ifname='x', loop=0}",
		"pkteng.link: loop must be true, false or a whole number, 1 or more, not 0"},
	{"pkteng.link{engine='e0'}", "pkteng.link: argument \"ifname\" is missing, as in "
				     "pkteng.link{engine=\"e0\", ifname=\"eth3\"}"},
	{"pkteng.new{name='', type='pcap'}",
		"pkteng.new: name must be a string that is not empty, not \"\""},
	{"pkteng.new{name=5, type='pcap'}",
		"pkteng.new: name must be a string that is not empty, not 5"},
	{"pkteng.new{name={}, type='pcap'}",
		"pkteng.new: name must be a string that is not empty, not a table"},
	{"pkteng.link{engine='e0', ifname='a\\0b'}",
		"pkteng.link: ifname must be text without a byte 0, not \"a\\0b\""},
	{"pacf.stats('e0')", "pacf.stats: it takes no argument, not \"e0\""},
	{"pacf.show_stats('e0')", "pacf.show_stats: it takes no argument, not \"e0\""},
	{"pacf.print_status{engine='e0'}",
		"pacf.print_status: it takes no argument, not a table"},
	{"pkteng.list(5)", "pkteng.list: it takes no argument, not 5"},
	{"pacf.shutdown(nil, 1)", "pacf.shutdown: it takes no argument, not nothing"},
	{"pkteng.new('e1')", "pkteng.new: it takes one table of named arguments, as in "
			     "pkteng.new{name=\"e0\", type=\"pcap\"}"},
	{"pkteng.start{'e0'}",
		"pkteng.start: arguments have names, as in pkteng.start{engine=\"e0\"}"},
	{"pkteng.start()", "pkteng.start: argument \"engine\" is missing, as in "
			   "pkteng.start{engine=\"e0\"}"},
	{"pkteng:start{engine='e0'}",
		"pkteng.start: it takes one table of named arguments, as in "
		"pkteng.start{engine=\"e0\"}"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', action='SAMPEL'}",
		"pkteng.open_channel: action must be SAMPLE, COPY or DROP, not \"SAMPEL\"; did "
		"you "
		"mean \"SAMPLE\"?"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', action='zzzzz'}",
		"pkteng.open_channel: action must be SAMPLE, COPY or DROP, not \"zzzzz\""},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', color='tcp'}",
		"pkteng.open_channel: unknown argument \"color\"; it takes engine, channel, "
		"action, group, fields, filter, snaplen, sample, size, when_full, "
		"when_detached, hold_bytes, owner, mode, file_size, rotate_seconds, filecount, "
		"compress "
		"and buffer"},
	{"pkteng.open_channel{engine='e0', channel='pcap:x', compress='zst'}",
		"pkteng.open_channel: compress must be zstd or none, not \"zst\"; did you mean "
		"\"zstd\"?"},
	{"pkteng.open_channel{engine='e0', channel='pcap:x', rotate_seconds=0.5}",
		"pkteng.open_channel: rotate_seconds must be a whole number from 1 to "
		"1000000000, "
		"not 0.5"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', fliter='tcp'}",
		"pkteng.open_channel: unknown argument \"fliter\"; did you mean \"filter\"?"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', filter=''}",
		"pkteng.open_channel: filter must be a string that is not empty, not \"\""},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', snaplen=0}",
		"pkteng.open_channel: snaplen must be a whole number from 1 to 262144, not 0"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', snaplen=262145}",
		"pkteng.open_channel: snaplen must be a whole number from 1 to 262144, not "
		"262145"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', sample=2^31 + 1}",
		"pkteng.open_channel: sample must be a whole number from 1 to 2147483648, not "
		"2147483649.0"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', fields='4tuple'}",
		"pkteng.open_channel: fields must be 5tuple, 3tuple, 2tuple or vlan+5tuple, "
		"not \"4tuple\"; did you mean \"5tuple\"?"},
	{"pkteng.open_channel{engine='e0', channel='pacf:x{0', when_detached='rebalanced'}",
		"pkteng.open_channel: when_detached must be drop, wait, rebalance or hold, not "
		"\"rebalanced\"; did you mean \"rebalance\"?"},
	{"pkteng.new{name='x', type='pcap', tunnels='iner'}",
		"pkteng.new: tunnels must be inner or outer, not \"iner\"; did you mean "
		"\"inner\"?"},
	{"pkteng.new{name='x', type='pcap', udp_tunnels={vxlan=4789}}",
		"pkteng.new: udp_tunnels must be a table of lists of up to 32 ports, as in "
		"{vxlan = {4789, 8472}}, not a table"},
	{"pkteng.new{name='x', type='pcap', udp_tunnels={vxlan={4789, 65536}}}",
		"pkteng.new: udp_tunnels must be a table of lists of up to 32 ports, as in "
		"{vxlan = {4789, 8472}}, not a table"},
	{"pkteng.new{name='x', type='pcap', udp_tunnels={vxlan={4789, a=1}}}",
		"pkteng.new: udp_tunnels must be a table of lists of up to 32 ports, as in "
		"{vxlan = {4789, 8472}}, not a table"},
	{"pkteng.new{name='x', type='pcap', udp_tunnels={{4789}}}",
		"pkteng.new: udp_tunnels must be a table of lists of up to 32 ports, as in "
		"{vxlan = {4789, 8472}}, not a table"},
	{"pkteng.new{name='x', type='pcap', udp_tunnels='vxlan'}",
		"pkteng.new: udp_tunnels must be a table of lists of up to 32 ports, as in "
		"{vxlan = {4789, 8472}}, not \"vxlan\""},
	{"pkteng.wait{engine='e0', timeout='soon'}",
		"pkteng.wait: timeout must be a number, 0 or more, not \"soon\""},
	{"pkteng.start('e9')", "there is no engine \"e9\""},
	{"pkteng.stats('e9')", "there is no engine \"e9\""},
	{"pkteng.show_stats('e9')", "there is no engine \"e9\""},
	{"pkteng.unlink{engine='e0', ifname='b'}", "engine \"e0\" has no link \"b\""},
	{"pacf.sleep('x')", "pacf.sleep: seconds must be a number, 0 or more, not \"x\""},
	{"pacf.sleep()", "pacf.sleep: seconds must be a number, 0 or more, not nothing"},
	{"pacf.hash_key(1.5)", "pacf.hash_key: the key must be a whole number, not 1.5"},
	{"pacf.access{group='none', mode='0660'}", "no group \"none\", mode 0660"},
	{"pacf.access{mode=660}",
		"pacf.access: mode must be a string that is not empty, not 660"},
	{"pacf.access{groop='x'}",
		"pacf.access: unknown argument \"groop\"; did you mean \"group\"?"},
	{"pacf.privileges{keep={'afxdp', 'nothing'}}", "keep 2, filter -1"},
	{"pacf.privileges{keep={'nothing'}, seccomp=false}", "keep 1, filter 0"},
	{"pacf.privileges{keep='afxdp'}", "pacf.privileges: keep must be a list of words, as "
					  "in {\"afxdp\"}, not \"afxdp\""},
	{"pacf.privileges{keep={afxdp=true}}", "pacf.privileges: keep must be a list of words, "
					       "as in {\"afxdp\"}, not a table"},
	{"os.exit('x')",
		"os.exit: the status must be true, false or a whole number, not \"x\""},
};

static void
test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		assert_fails(mistakes[i].lua, mistakes[i].why);
}

/* The fake answers with what it was given. */
static void
test_arguments_reach_ctl(void **state)
{
	(void)state;
	assert_fails("pkteng.link{engine='e0', ifname='show'}",
		"batch 0 qid -1 speed 0 loop 1 offline 0");
	assert_fails("pkteng.link{engine='e0', ifname='show', loop=false}",
		"batch 0 qid -1 speed 0 loop 1 offline 0");
	assert_fails(
		"pkteng.link{engine='e0', ifname='show', batch=8, qid=3, speed=0.5, loop=true}",
		"batch 8 qid 3 speed 0.5 loop 0 offline 1 live");
	assert_fails("pkteng.link{engine='e0', ifname='show', loop=7}",
		"batch 0 qid -1 speed 0 loop 7 offline 1");
	assert_fails("pkteng.open_channel{engine='e0', channel='show'}", "- - 0 - - - 0 0 -");
	assert_fails(
		"pkteng.open_channel{engine='e0', channel='show', action='copy', group='g',\n"
		"size=64, when_full='wait', when_detached='drop'}",
		"COPY g 64 wait drop - 0 0 -");
	assert_fails("pkteng.open_channel{engine='e0', channel='show', filter='tcp port 80',\n"
		     "snaplen=262144, sample=2^31, fields='VLAN+5tuple',\n"
		     "when_detached='rebalance'}",
		"- - 0 - rebalance tcp port 80 262144 2147483648 vlan+5tuple");
	assert_fails("pkteng.open_channel{engine='e0', channel='record'}", "0 0 0 - 0");
	assert_fails("pkteng.open_channel{engine='e0', channel='record', file_size=0.5,\n"
		     "rotate_seconds=60, filecount=7, compress='ZSTD', buffer=64}",
		"0.5 60 7 zstd 64");
	assert_fails("pkteng.rotate{engine='e0', channel='show'}", "rotate e0 show");
	assert_fails("pkteng.rotate{channel='show'}", "rotate - show");
	assert_fails("pkteng.new{name='show', type='pcap'}", "-");
	assert_fails("pkteng.new{name='show', type='pcap', tunnels='outer', udp_tunnels={}}",
		"outer");
	assert_fails("pkteng.new{name='show', type='pcap', udp_tunnels={vxlan={4789, 8472}}}",
		"- vxlan:4789:8472");
	assert_fails(
		"pkteng.new{name='show', type='pcap', udp_tunnels={teredo={}}}", "- teredo");
}

static void
test_results(void **state)
{
	(void)state;
	assert_gives("return table.concat(pkteng.list(), ' ')", "e0 e17");
	assert_gives("return select('#', pkteng.start('e0'))", "0");
	assert_gives("return tostring(pkteng.wait('e0'))", "true");
	assert_gives("pkteng.link{engine='e17', ifname='endless'}\n"
		     "local a, b = pkteng.wait{engine='e17', timeout=0.1}\n"
		     "return tostring(a) .. b",
		"falsetimeout");
	assert_gives("return pkteng.stats{engine='e0'}.channels[2].channel", "pacf:eth3{1");
	assert_gives("return pkteng.stats('e0').counters.received_pkts", "1234567");
	assert_gives("return pacf.stats().e17.links[1].ifname", "endless");
	assert_gives("return math.type(pkteng.stats('e0').links[1].rate_pps)", "float");
	assert_gives("return pacf.version()", PACF_VERSION);
	assert_gives("pkteng.unlink{engine='e17', ifname='endless'}\n"
		     "pkteng.link{engine='e17', ifname='broken'}\n"
		     "return select(2, pcall(pkteng.wait, 'e17'))",
		"broken: the file ends inside packet 7");
}

static void
test_error_names_the_callers_line(void **state)
{
	(void)state;
	assert_int_equal(
		luaL_loadstring(sh->lua, "\nlocal function f()\n pkteng.start{}\nend f()"),
		LUA_OK);
	assert_int_equal(lua_pcall(sh->lua, 0, 0, 0), LUA_ERRRUN);
	assert_non_null(strstr(lua_tostring(sh->lua, -1), ":3: pkteng.start: argument"));
	lua_settop(sh->lua, 0);
}

static void
assert_completes(const char *line, const char *insert, const char *names)
{
	char all[512] = "";

	lua_pushstring(sh->lua, line);
	assert_true(eval_prelude(&sh->local, "complete", 1, 2));
	assert_string_equal(lua_tostring(sh->lua, -2), insert);
	for (lua_Unsigned i = 1; i <= lua_rawlen(sh->lua, -1); i++) {
		lua_rawgeti(sh->lua, -1, (lua_Integer)i);
		strcat(all, lua_tostring(sh->lua, -1));
		strcat(all, " ");
		lua_pop(sh->lua, 1);
	}
	if (names != NULL)
		assert_string_equal(all, names);
	lua_settop(sh->lua, 0);
}

static void
test_completion(void **state)
{
	(void)state;
	assert_completes("pkt", "eng", "pkteng ");
	assert_completes("pacf.sh", "", "show_stats shutdown ");
	assert_completes("pacf.show", "_stats", "show_stats ");
	assert_completes("pkteng.st", "", "start stats stop ");
	assert_completes("x = pkteng.un", "link", "unlink ");
	assert_completes("pkteng.start({engine=\"", "e", "e0 e17 ");
	assert_completes("pkteng.start({engine=\"e1", "7\"", "e17 ");
	assert_completes("pkteng.start('e1", "7'", "e17 ");
	assert_completes("pkteng.close_channel{engine=\"e0\", channel=\"p", "acf:eth3{",
		"pacf:eth3{0 pacf:eth3{1 pacf:eth3{2 ");
	assert_completes("pkteng.close_channel{engine=\"e17\", channel=\"p", "", "");
	assert_completes("pkteng.unlink{engine='e0', ifname='", "a.pcap'", "a.pcap ");
	assert_completes("pkteng.open_channel{engine='e0', action='S", "AMPLE'", "SAMPLE ");
	assert_completes("pkteng.open_channel{engine='e0', fields='2", "tuple'", "2tuple ");
	assert_completes(
		"pkteng.open_channel{engine='e0', when_detached='re", "balance'", "rebalance ");
	assert_completes("pkteng.open_channel{engine='e0', fi", "",
		"fields file_size filecount filter ");
	assert_completes("pkteng.new{name='e0', udp", "_tunnels=", "udp_tunnels ");
	assert_completes("pkteng.link{engine='e0', if", "name=", "ifname ");
	assert_completes("pkteng.wait({", "", "engine timeout ");
	assert_completes("no_such_table.x", "", "");
	assert_completes("whi", "le", "while ");
	assert_completes("", "", NULL);
}

static void
test_completeness(void **state)
{
	static const char *const more[] = {"for i = 1, 2 do\n", "f(\n", "x = {1,\n", "= {1,\n",
		"[[ab\n", "if x then", "--[[ c", "pkteng.new({name=\"e9\",\n"};
	static const char *const ok[] = {"", "\n", "-- c\n", "x = 1", "= 1 + 1 == 2 and nil",
		"x", "for i = 1, 2 do\nend", "local y", "return"};
	static const char *const wrong[] = {
		"x x", "= x x", "for for", "error('e')", "nosuch()", ")"};

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		assert_int_equal(eval_text(&sh->local, more[i], false), EVAL_MORE);
		assert_int_equal(eval_text(&sh->local, more[i], true), EVAL_FAILED);
	}
	for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++)
		assert_int_equal(eval_text(&sh->local, ok[i], false), EVAL_OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(eval_text(&sh->local, wrong[i], false), EVAL_FAILED);
	assert_int_equal(lua_gettop(sh->lua), 0);
}

static void
test_progress(void **state)
{
	struct progress bar = {0};
	struct ctl_progress p = {0, 1000, 0};
	char text[256];

	(void)state;
	progress_update(&bar, &p, 1000000000);
	p = (struct ctl_progress){250, 1000, 5000};
	progress_update(&bar, &p, 2000000000);
	progress_format(text, sizeof(text), 79, &bar, &p, 2000000000);
	assert_string_equal(text,
		"[##########..............................]  25%, 5.0 k packets/s, 0:03 left");
	progress_format(text, sizeof(text), 50, &bar, &p, 2000000000);
	assert_int_equal(strlen(text), 50);
	progress_format(text, sizeof(text), 10, &bar, &p, 2000000000);
	assert_string_equal(text, " 25%, 5.0 ");
	p.total_bytes = 0;
	progress_format(text, sizeof(text), 79, &bar, &p, 2000000000);
	assert_string_equal(text, "5000 packets, 5.0 k packets/s");
	/* A file that grew while it was read. */
	p = (struct ctl_progress){2000, 1000, 5000};
	progress_format(text, sizeof(text), 79, &bar, &p, 2000000000);
	assert_string_equal(
		text, "[########################################] 100%, 5.0 k packets/s");
}

static void
test_hook_stops_endless_lua(void **state)
{
	(void)state;
	sh->local.leaving = true; /* as a signal would */
	assert_int_equal(
		eval_text(&sh->local, "while true do pcall(error) end", true), EVAL_OK);
	assert_int_equal(eval_text(&sh->local,
				 "local function f() while true do end end\n"
				 "while true do pcall(f) end",
				 true),
		EVAL_OK);
	assert_int_equal(eval_text(&sh->local,
				 "local function f() while true do end end\n"
				 "while true do pcall(coroutine.wrap(f)) end",
				 true),
		EVAL_OK);
	assert_int_equal(eval_text(&sh->local,
				 "coroutine.wrap(function() while true do end end)()", true),
		EVAL_OK);
	sh->local.leaving = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
		cmocka_unit_test_setup_teardown(test_completeness, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments_reach_ctl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_results, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_error_names_the_callers_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_completion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hook_stops_endless_lua, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
