#!/bin/sh
# What pacf prints of engines and channels, with the fake control plane, whose figures are known.
# usage: fake.sh PACF-WITH-FAKE
set -u
pacf=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export PACF_RUNDIR="$dir/run" XDG_STATE_HOME="$dir/state"

cat >"$dir/set.lua" <<'END'
pkteng.new({name="e0", type="pcap", cpu=1})
pkteng.link({engine="e0", ifname="some.pcap"})
for i = 0, 3 do
	pkteng.open_channel({engine="e0", channel="pacf:eth3{" .. i, action="SAMPLE"})
end
pkteng.open_channel({engine="e0", channel="pacf:all{0", action="COPY", filter="tcp port 80",
	snaplen=64, sample=10})
pkteng.open_channel({engine="e0", channel="pacf:no{0", action="DROP", filter="arp"})
END
"$pacf" -f "$dir/set.lua" -e 'pkteng.show_stats({engine="e0"})' -e 'pacf.print_status()' >"$dir/out" 2>&1 </dev/null
cat >"$dir/wanted" <<END
Engine e0: pcap, stopped, cpu 1, up 3.2 s
  link       state    packets        bytes  packets/s  source drops
  some.pcap  idle   1,234,567  123,456,700      1,235             0
    some.pcap: 2 lost at the source, too long for a buffer
  channel      action  group    consumer       received  delivered  dropped  waiting
  pacf:eth3{0  SAMPLE  default  4711 tcpdump  1,000,000  1,000,000        0        3
  pacf:eth3{1  SAMPLE  default  -             1,000,001    995,001    5,000        3
  pacf:eth3{2  SAMPLE  default  -             1,000,002  1,000,002        0        3
  pacf:eth3{3  SAMPLE  default  -             1,000,003    797,003        0        3
  pacf:all{0   COPY    -        -             1,000,004  1,000,004        0        3
  pacf:no{0    DROP    -        -             1,000,005  1,000,005        0        3
    pacf:eth3{1 dropped 5,000: 5,000 ring full
    pacf:eth3{3: received = delivered + dropped + filtered 200,000 + not sampled 3,000
    pacf:all{0: filter "tcp port 80", 1 in 10 flows, 64 bytes of a packet
    pacf:no{0: drops "arp"
  total: received 1,234,567 = distributed 1,234,500 + dropped by rule 60 + no channel 7 (adds up)
  group default: received 4,000,006 = delivered 3,792,006 + filtered 200,000 + not sampled 3,000
    + dropped 5,000 (adds up)
    share of group default  packets   bytes
    pacf:eth3{0              25.0 %  16.7 %
    pacf:eth3{1              25.0 %  16.7 %
    pacf:eth3{2              25.0 %  50.0 %
    pacf:eth3{3              25.0 %  16.7 %
    max/mean                   1.00    2.00
  fragments: first 270, followed 560, without a first one 7, held for a while 30
  not split by their own addresses and ports: fragment 567
Host PACF $("$pacf" -V | cut -d' ' -f2), process PID, sockets in $dir/run
engine  type  state    cpu  links  channels    packets
e0      pcap  stopped    1      1         6  1,234,567
END
sed -i.bak -e 's/process [0-9]*/process PID/' -e '/^  engine  type/,$s/^  //' "$dir/out"
diff -u "$dir/wanted" "$dir/out" || exit 1
awk 'length($0) > 100 { print "FAILED: wider than 100 columns: " $0; bad = 1 } END { exit bad }' "$dir/out" || exit 1

# The control plane is closed at the end, however that comes.
for lua in 'x = 1' 'pacf.shutdown()' 'os.exit(3)' 'error("e")'; do
	FAKE_CTL_SAYS_CLOSED=1 "$pacf" -e "$lua" >/dev/null 2>"$dir/err" </dev/null
	tail -1 "$dir/err" | grep -q '^ctl closed$' || { echo "FAILED: not closed after $lua"; exit 1; }
done
# No progress bar where there is no terminal.
"$pacf" -e 'pkteng.new{name="e0", type="pcap"} pkteng.link{engine="e0", ifname="slow"}' \
	-e 'pkteng.wait("e0")' >"$dir/out" 2>"$dir/err" </dev/null || exit 1
[ ! -s "$dir/err" ] && [ "$(cat "$dir/out")" = true ] || { echo "FAILED: wait printed:"; cat "$dir/out" "$dir/err"; exit 1; }
