#!/bin/sh
# Lint: what only Linux has stays in the files that only Linux builds; nothing else includes a header that FreeBSD lacks, or
# names a call or constant of Linux's own.  freebsd-compile.sh knows better, but needs a compiler for FreeBSD.
# usage: freebsd.sh SOURCE_ROOT
set -eu
cd "$1"
# As the meson.build of the folders choose them.
linux_only='^src/os/([a-z_]*_)?linux\.c$|^src/io/(linux|xdp)/|^src/io/(afpacket_[a-z]*|source_af[a-z_]*|xdp_[a-z]*|sink_netdev)\.[ch]$|^src/shim/linux\.c$'
freebsd_only='^src/os/([a-z_]*_)?freebsd\.c$|^src/io/freebsd/'

# Headers: ISO C and POSIX, those of both systems, our libraries'.  Ours are in quotes.
headers='assert ctype errno float inttypes limits locale math setjmp signal stdalign stdarg stdatomic stdbool stddef stdint
	stdio stdlib stdnoreturn string time wchar
	arpa/inet dirent grp pwd dlfcn fcntl glob libgen net/if netinet/in poll pthread sched semaphore strings sys/mman sys/resource
	sys/select sys/socket sys/stat sys/time sys/types sys/uio sys/un sys/utsname sys/wait termios unistd
	getopt ifaddrs syslog sys/file sys/ioctl sys/param sys/queue
	langinfo microhttpd netdb
	histedit lauxlib lua lualib pacf pcap/bpf pcap/pcap zstd'

# Calls and constants that come in by headers of both systems.
calls='epoll_[a-z0-9_]+|eventfd|inotify_[a-z0-9_]+|signalfd|timerfd_[a-z]+|prctl|arch_prctl|syscall|gettid|tgkill|unshare|setns'
calls="$calls|mremap|mbind|set_mempolicy|get_mempolicy|numa_[a-z_]+|fallocate|splice|vmsplice|tee|renameat2|statx"
calls="$calls|process_vm_[a-z]+|memfd_create|sched_[gs]etaffinity|pthread_[gs]et(affinity|name)_np|secure_getenv|strchrnul"
calls="$calls|mempcpy|canonicalize_file_name|get_nprocs|get_nprocs_conf|sysinfo|fopencookie|strverscmp"
names='(AF|PF)_PACKET|(AF|PF)_NETLINK|(AF|PF)_XDP|SO_PEERCRED|SO_BINDTODEVICE|SO_ATTACH_[A-Z_]+|SO_RXQ_OVFL|SO_BUSY_POLL'
names="$names|SO_(RCV|SND)BUFFORCE|SO_TIMESTAMPNS|SO_TIMESTAMPING|SCM_CREDENTIALS|SOL_PACKET|MSG_MORE|MSG_ERRQUEUE"
names="$names|MAP_(NORESERVE|POPULATE|HUGETLB|HUGE_[A-Z0-9]+|LOCKED|FIXED_NOREPLACE|GROWSDOWN)|MADV_(HUGEPAGE|DONTFORK|DONTDUMP)"
names="$names|MFD_[A-Z_]+|F_(ADD|GET)_SEALS|F_SEAL_[A-Z_]+|F_SETPIPE_SZ|F_OFD_[A-Z]+|O_(PATH|TMPFILE|NOATIME|LARGEFILE)"
names="$names|POLLRDHUP|EPOLL[A-Z]+|EFD_[A-Z]+|CLOCK_(BOOTTIME|MONOTONIC_RAW|MONOTONIC_COARSE|REALTIME_COARSE|TAI)"
names="$names|SIOC(ETHTOOL|GIFHWADDR|GIFINDEX|GIFTXQLEN)|RTLD_DEEPBIND|SIGPOLL|SIGPWR|SIGSTKFLT|E(BADFD|COMM)"
names="$names|DLT_HHDLC|program_invocation_[a-z_]+|struct (ucred|tpacket[a-z0-9_]*|sockaddr_(ll|nl|xdp))"
paths='"/(proc|sys)/|"/run/'

files=$(find src include examples -name '*.[ch]' | grep -vE "$linux_only" | sort)
shared=$(echo "$files" | grep -vE "$freebsd_only")
[ "$(echo "$shared" | wc -l)" -gt 50 ] || { echo "hardly any C files below $1"; exit 1; }
status=0

bad_headers() {
	# shellcheck disable=SC2086
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' $1 | awk -v known="$2" '
		BEGIN { n = split(known, list, /[ \t\n]+/); for (i = 1; i <= n; i++) ok[list[i] ".h"] = 1 }
		{ name = $0; sub(/^[^<]*</, "", name); sub(/>.*/, "", name); if (!(name in ok)) print }'
}

# Words in code, not in comments: those are blanked, with their lines kept.
bad_words() {
	for file in $1; do
		awk -v file="$file" -v words="$2" '
			{
				line = $0; out = ""
				while (line != "") {
					if (inside) {
						at = index(line, "*/")
						if (!at) break
						line = substr(line, at + 2); inside = 0
					} else {
						at = index(line, "/*")
						if (!at) { out = out line; break }
						out = out substr(line, 1, at - 1) " "; line = substr(line, at + 2); inside = 1
					}
				}
				if ((" " out " ") ~ words) print file ":" FNR ": " $0
			}' "$file"
	done
}

report() {
	[ -n "$2" ] || return 0
	echo "$2"
	echo "$1"
	status=1
}

report "not on FreeBSD, or not known to be: see $0" "$(bad_headers "$shared" "$headers")"
report 'of Linux, in a file that FreeBSD builds: it belongs in src/os' \
	"$(bad_words "$shared" "[^A-Za-z0-9_.>]($calls)[ ]?[(]|[^A-Za-z0-9_]($names)[^A-Za-z0-9_]|$paths")"
report 'a header of Linux, in a file of FreeBSD' "$(echo "$files" | grep -E "$freebsd_only" | while read -r file; do
	grep -nHE '#[[:space:]]*include[[:space:]]*<(linux/|sys/(epoll|prctl|signalfd|timerfd|inotify|syscall)\.h|malloc\.h)' "$file"
done || true)"
exit $status
