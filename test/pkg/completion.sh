#!/bin/sh
# Completion in bash and zsh, and the scripts of services: they load, offer what there is, and know every option that the
# programs print.
# usage: completion.sh SOURCE_ROOT      PACF, PACFCTL, PACF_GEN: the programs
set -u
cd "$1" || exit 1
bash=pkg/completions/pacf.bash
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

# What bash offers for a command line, the last word of which is being typed; one a line.
offers() {
	bash --norc -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		spec=$(complete -p "$1") || exit 1
		f=${spec#*-F }; "${f%% *}" "$1" "${@: -1}" "${@: -2:1}"; printf "%s\n" "${COMPREPLY[@]}"' "$bash" "$@"
}

offers_are() {
	want=$1
	shift
	have=$(offers "$@" | sort | xargs)
	[ "$have" = "$want" ] || fail "bash offers \"$have\" after: $*; not \"$want\""
}

offers_some() {
	want=$1
	shift
	offers "$@" | grep -qxF -e "$want" || fail "bash does not offer $want after: $*"
}

# Every option of the usage is offered by both shells.
options_known() {
	for option in $("$1" -h | grep -oE '(^| |\[|, )--?[a-zA-Z0-9]+' | tr -d ' [,' | sort -u); do
		offers_some "$option" "$2" -
		grep -qE -e "[({,'*)]$option[],)}'[]" pkg/completions/_pacf || fail "zsh does not know $option of $2"
	done
}

for tool in bash zsh; do
	command -v $tool >/dev/null || { echo "no $tool: skipped"; exit 77; }
done
for program in pacf pacfctl pacf-run pacf-gen; do
	bash --norc -c 'source "$0" && complete -p "$1"' "$bash" $program >/dev/null || fail "bash: nothing for $program"
	head -1 pkg/completions/_pacf | grep -qw -e $program || fail "zsh: nothing for $program"
done
options_known "$PACF" pacf
options_known "$PACF_GEN" pacf-gen
offers_are 'explain' pacf ex
offers_are 'doctor' pacf -e 'print(1)' d
offers_are 'lo' pacf doctor lo
offers_are 'README.md' pacf -f READ
offers_are 'README.md' pacf explain READ
offers_are '' pacf explain README.md READ
offers_are '' pacf -e expl
# pacfctl prints a line of usage for each command.
"$PACFCTL" -h | sed -n 's/^ *pacfctl \([a-z]*\) \(.*\)/\1 \2/p' >"${TMPDIR:-/tmp}/pacf-usage.$$"
[ "$(wc -l <"${TMPDIR:-/tmp}/pacf-usage.$$")" -ge 4 ] || fail 'pacfctl -h is not understood'
while read -r command arguments; do
	offers_some "$command" pacfctl ''
	grep -q "$command\\\\:" pkg/completions/_pacf || fail "zsh does not know pacfctl $command"
	for option in $(echo "$arguments" | grep -oE -e '--?[a-z]+' | sort -u); do
		offers_some "$option" pacfctl "$command" -
		grep -q -e "'$option\[" pkg/completions/_pacf || fail "zsh does not know $option of pacfctl $command"
	done
done <"${TMPDIR:-/tmp}/pacf-usage.$$"
rm -f "${TMPDIR:-/tmp}/pacf-usage.$$"
offers_are 'split stats' pacfctl s
offers_are 'afpacket' pacfctl split lo 2 --type afp
offers_are '--json' pacfctl stats -
offers_are 'lo' pacfctl split lo
offers_are '-h' pacf-run -
offers_some tcpdump pacf-run tcpdu
offers_are 'README.md' pacf-gen READ
offers_are '' pacf-gen --seed READ

# zsh: in a terminal of its own, because completion is part of its line editor.
cat >"${TMPDIR:-/tmp}/pacf-zsh.$$" <<'END'
fpath=($1 $fpath)
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= fpath=($1 \$fpath); autoload -U compinit; compinit -D -u; zstyle ':completion:*' verbose no; print LOADED"
zpty -r -m z line '*LOADED*LOADED*' || exit 1
for try in "pacf ex|explain" "pacf doctor l|lo" "pacfctl top|top" "pacf-gen --fra|--fragments"; do
	zpty -w -n z "${try%%|*}"$'\t'
	zpty -r -m z line "*${try##*|}*" && print "ok: $try"
	zpty -w -n z $'\C-u'
done
zpty -d z
END
zsh -n pkg/completions/_pacf || fail '_pacf: zsh does not parse it'
timeout 60 zsh -f "${TMPDIR:-/tmp}/pacf-zsh.$$" "$PWD/pkg/completions" >"${TMPDIR:-/tmp}/pacf-zsh.$$.out" 2>&1 ||
	fail "zsh: $(cat "${TMPDIR:-/tmp}/pacf-zsh.$$.out")"
[ "$(grep -c '^ok' "${TMPDIR:-/tmp}/pacf-zsh.$$.out")" = 4 ] || fail "zsh: $(cat "${TMPDIR:-/tmp}/pacf-zsh.$$.out")"
rm -f "${TMPDIR:-/tmp}/pacf-zsh.$$" "${TMPDIR:-/tmp}/pacf-zsh.$$.out"

# rc.d, with a stand-in for FreeBSD's rc.subr, which runs command with command_args through eval: pacf knows its options.
cat >"${TMPDIR:-/tmp}/pacf-rc.$$" <<'END'
load_rc_config() { pacf_logfile=/var/log/pacf.log; }
run_rc_command() {
	[ "$1 $name $rcvar $sig_reload $pidfile" = "start pacf pacf_enable HUP /var/run/pacf/pacf.pid" ] || exit 1
	eval "set -- $command_args"
	[ $# = 7 ] && [ "$5" = "pacf.access({group='wheel'})" ] && [ "$7" = "$required_files" ] || exit 1
	exec "$PACF" "$@" -V
}
END
sed "s,^\. /etc/rc.subr,. ${TMPDIR:-/tmp}/pacf-rc.$$," pkg/freebsd/rc.d/pacf | sh -s start | grep -q '^pacf [0-9]' || fail 'rc.d/pacf start'
rm -f "${TMPDIR:-/tmp}/pacf-rc.$$"
sh -n pkg/freebsd/rc.d/pacf || fail 'rc.d/pacf'
for script in pkg/debian/pacf.postinst pkg/debian/pacf.postrm tools/deb.sh; do
	sh -n "$script" || fail "$script"
done
exit $failed
