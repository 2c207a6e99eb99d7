# bash completion for pacf, pacfctl, pacf-run and pacf-gen: options, commands, files, interfaces.

_pacf_interfaces() {
	ls /sys/class/net 2>/dev/null || ifconfig -l 2>/dev/null
}

# Words that are not options, before the one at the cursor; $1: the options that take a value.
_pacf_words() {
	local i takes=" $1 "
	words_before=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ $takes == *" ${COMP_WORDS[i]} "* ]]; then
			((i++))
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			words_before+=("${COMP_WORDS[i]}")
		fi
	done
}

_pacf_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_pacf() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words_before
	COMPREPLY=()
	_pacf_words '-f -e -l -u'
	case $previous in
	-f | -l) _pacf_files "$current"; return ;;
	-u) mapfile -t COMPREPLY < <(compgen -u -- "$current"); return ;;
	-e) return ;;
	esac
	case ${words_before[0]-} in
	explain) [[ ${#words_before[@]} -gt 1 ]] || _pacf_files "$current" ;;
	doctor) mapfile -t COMPREPLY < <(compgen -W "$(_pacf_interfaces)" -- "$current") ;;
	'') mapfile -t COMPREPLY < <(compgen -W '-f -e -d -F -l -u -h -V --help --version explain doctor' -- "$current") ;;
	esac
}

# The engines of the running daemon.
_pacf_engines() {
	pacfctl -e 'for _, name in ipairs(pkteng.list()) do print(name) end' 2>/dev/null </dev/null
}

_pacfctl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words_before
	COMPREPLY=()
	_pacf_words '-f -e -n -s --type --engine'
	case $previous in
	-f) _pacf_files "$current"; return ;;
	--type) mapfile -t COMPREPLY < <(compgen -W 'auto afxdp afpacket netmap pcap' -- "$current"); return ;;
	-e | -n | -s | --engine) return ;;
	esac
	case ${words_before[0]-}${current:0:1} in
	stats*) mapfile -t COMPREPLY < <(compgen -W '--json' -- "$current") ;;
	top-) mapfile -t COMPREPLY < <(compgen -W '-b -n -s' -- "$current") ;;
	top*) mapfile -t COMPREPLY < <(compgen -W "$(_pacf_engines)" -- "$current") ;;
	split- | copy-) mapfile -t COMPREPLY < <(compgen -W '--type --engine' -- "$current") ;;
	split* | copy*)
		[[ ${#words_before[@]} -gt 1 ]] ||
			mapfile -t COMPREPLY < <(compgen -W "$(_pacf_interfaces)" -- "$current")
		;;
	*) [[ ${#words_before[@]} -gt 0 ]] ||
		mapfile -t COMPREPLY < <(compgen -W '-f -e -h -V stats top split copy' -- "$current") ;;
	esac
}

# A command line of its own begins after pacf-run.
_pacf_run() {
	local current=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	if [[ $COMP_CWORD -eq 1 && $current == -* ]]; then
		COMPREPLY=(-h)
	elif declare -F _command_offset >/dev/null; then
		_command_offset 1
	elif [[ $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
	else
		_pacf_files "$current"
	fi
}

_pacf_gen() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	case $previous in
	--flows | --seed | --packets | --bytes | --len | --vlan | --ipv6 | --udp | --fragments | --rate) return ;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-o --output --flows --seed --packets --bytes --len --vlan --ipv6
			--udp --fragments --rate --nano -h --help' -- "$current")
	else
		_pacf_files "$current"
	fi
}

complete -F _pacf pacf
complete -F _pacfctl pacfctl
complete -F _pacf_run pacf-run
complete -F _pacf_gen pacf-gen
