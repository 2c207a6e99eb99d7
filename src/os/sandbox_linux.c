/*
 * os/sandbox_linux: see sandbox.h.  libseccomp makes the programs, when the daemon is confined;
 * a thread then enters one by a single call of its own, which is all that a signal handler may
 * do.
 *
 * Both filters are lists of what is allowed.  The control plane's is that of a server which
 * reads and writes files, talks to sockets and steers interfaces; the data plane's what its
 * back ends were seen to do.  What is on no list fails with ENOSYS (control: glibc then falls
 * back to older calls) or EPERM (data), and is logged by the kernel: a call that nobody thought
 * of must not end a daemon.  The process is killed only for calls that no library has a use for
 * here, ever: they are somebody else's code.
 */
#include "sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NETMAP_TXSYNC 0x6994 /* _IO('i', 148) of net/netmap.h */
#define NETMAP_RXSYNC 0x6995

/* What is on no list. */
#define CONTROL_ELSE SCMP_ACT_ERRNO(ENOSYS)
#define DATA_ELSE    SCMP_ACT_ERRNO(EPERM)

/* What a thread needs to live, wait, allocate and end. */
static const char *const basic[] = {"brk", "clock_getres", "clock_gettime", "clock_nanosleep",
	"close", "epoll_pwait", "epoll_wait", "exit", "exit_group", "fdatasync", "flock",
	"fstat", "fstat64", "fsync", "ftruncate", "futex", "futex_time64", "futex_waitv",
	"getpid", "gettid", "gettimeofday", "lseek", "_llseek", "madvise", "membarrier",
	"mremap", "munmap", "nanosleep", "newfstatat", "poll", "ppoll", "ppoll_time64",
	"pread64", "preadv", "pwrite64", "pwritev", "read", "readv", "recv", "recvfrom",
	"recvmmsg", "recvmsg", "restart_syscall", "rseq", "rt_sigpending", "rt_sigprocmask",
	"rt_sigreturn", "sched_getaffinity", "sched_yield", "send", "sendmmsg", "sendmsg",
	"sendto", "set_robust_list", "sigreturn", "time", "write", "writev", "getcpu",
	"fallocate", "sync_file_range", "getrandom"};

/* What a server does beyond that.  clone3 makes threads, and so processes too, as its flags
 * cannot be seen; but no other program than this can be run in them. */
static const char *const server[] = {"accept", "accept4", "access", "alarm", "arch_prctl",
	"bind", "capget", "capset", "chdir", "chmod", "chown", "clone", "clone3", "close_range",
	"connect", "copy_file_range", "creat", "dup", "dup2", "dup3", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_pwait2", "eventfd", "eventfd2", "faccessat",
	"faccessat2", "fadvise64", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
	"fchownat", "fcntl", "fcntl64", "fgetxattr", "fstatat64", "fstatfs", "fstatfs64",
	"ftruncate64", "futimesat", "get_mempolicy", "get_robust_list", "getcwd", "getdents",
	"getdents64", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
	"getgroups", "getgroups32", "getitimer", "getpeername", "getpgid", "getpgrp", "getppid",
	"getpriority", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid",
	"getsockname", "getsockopt", "getuid", "getuid32", "getxattr", "inotify_add_watch",
	"inotify_init", "inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr",
	"link", "linkat", "listen", "lstat", "lstat64", "mbind", "memfd_create", "mincore",
	"mkdir", "mkdirat", "mlock", "mlock2", "mmap", "mmap2", "mprotect", "msync", "munlock",
	"open", "openat", "openat2", "pause", "pipe", "pipe2", "prctl", "preadv2", "prlimit64",
	"pselect6", "pselect6_time64", "pwritev2", "readahead", "readlink", "readlinkat",
	"rename", "renameat", "renameat2", "rmdir", "rt_sigaction", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_sigtimedwait_time64", "sched_get_priority_max",
	"sched_get_priority_min", "sched_getparam", "sched_getscheduler", "sched_setaffinity",
	"seccomp", "select", "_newselect", "sendfile", "sendfile64", "set_tid_address",
	"setsid", "setitimer", "setrlimit", "setsockopt", "shutdown", "sigaltstack",
	"signalfd4", "socketpair", "splice", "stat", "stat64", "statfs", "statfs64", "statx",
	"symlink", "symlinkat", "sync", "syncfs", "sysinfo", "timer_create", "timer_delete",
	"timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
	"timerfd_gettime", "timerfd_settime", "times", "truncate", "truncate64", "ugetrlimit",
	"umask", "uname", "unlink", "unlinkat", "utime", "utimensat", "utimes", "wait4",
	"waitid"};

static const int families[] = {
	AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, 44 /* AF_XDP */};

/* Scripts' os.execute and io.popen are told EPERM. */
static const char *const programs[] = {"execve", "execveat", "fork", "vfork", "io_uring_enter",
	"io_uring_register", "io_uring_setup", "keyctl", "add_key", "request_key", "chroot",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups"};

/* To look into other processes, to load code into the kernel, to change what is mounted or how
 * namespaces are, to stop the machine. */
static const char *const attacks[] = {"delete_module", "finit_module", "fsconfig", "fsmount",
	"fsopen", "fspick", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load",
	"modify_ldt", "mount", "mount_setattr", "move_mount", "open_by_handle_at", "open_tree",
	"perf_event_open", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace",
	"reboot", "setns", "swapoff", "swapon", "umount", "umount2", "unshare", "userfaultfd"};

/* On a thread that only moves packets, these too. */
static const char *const data_attacks[] = {"accept", "accept4", "bind", "bpf", "connect",
	"execve", "execveat", "fork", "listen", "socket", "vfork"};

static struct sock_fprog programs_made[2]; /* control, data; never freed */

/* A name that this libseccomp or architecture does not know cannot be called either. */
static int
rules(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(ctx, action, number, 0);
		if (rc == -EDOM) /* not of this architecture */
			rc = 0;
	}
	return rc;
}
#define RULES(ctx, action, names) rules(ctx, action, names, sizeof(names) / sizeof(names[0]))

/* An argument of the call, by its number: b is for SCMP_CMP_MASKED_EQ only, whose mask a is. */
static struct scmp_arg_cmp
argument(unsigned number, enum scmp_compare how, scmp_datum_t a, scmp_datum_t b)
{
	return (struct scmp_arg_cmp){.arg = number, .op = how, .datum_a = a, .datum_b = b};
}

static int
rule_if(scmp_filter_ctx ctx, uint32_t action, const char *name, struct scmp_arg_cmp when)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR
		       ? 0
		       : seccomp_rule_add_array(ctx, action, number, 1, &when);
}

/* Signals are for ourselves only: abort's, and os_confine's own. */
static int
own_signals(scmp_filter_ctx ctx, uint32_t otherwise)
{
	static const char *const names[] = {"kill", "tgkill"};
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++) {
		rc = rule_if(ctx, SCMP_ACT_ALLOW, names[i], argument(0, SCMP_CMP_EQ, self, 0));
		if (rc == 0 && otherwise != SCMP_ACT_ERRNO(EPERM))
			rc = rule_if(ctx, SCMP_ACT_ERRNO(EPERM), names[i],
				argument(0, SCMP_CMP_NE, self, 0));
	}
	return rc;
}

static int
control_rules(scmp_filter_ctx ctx, bool bpf)
{
	int rc = RULES(ctx, SCMP_ACT_ALLOW, basic);

	if (rc == 0)
		rc = RULES(ctx, SCMP_ACT_ALLOW, server);
	if (rc == 0)
		rc = RULES(ctx, SCMP_ACT_ERRNO(EPERM), programs);
	if (rc == 0)
		rc = RULES(ctx, SCMP_ACT_KILL_PROCESS, attacks);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && rc == 0; i++)
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "socket",
			argument(0, SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
	if (rc == 0) /* libbpf knows what EPERM means */
		rc = seccomp_rule_add(
			ctx, bpf ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), SCMP_SYS(bpf), 0);
	return rc == 0 ? own_signals(ctx, CONTROL_ELSE) : rc;
}

static int
data_rules(scmp_filter_ctx ctx, bool unused)
{
	int rc = RULES(ctx, SCMP_ACT_ALLOW, basic);

	(void)unused;
	if (rc == 0)
		rc = RULES(ctx, SCMP_ACT_KILL_PROCESS, attacks);
	if (rc == 0)
		rc = RULES(ctx, SCMP_ACT_KILL_PROCESS, data_attacks);
	if (rc == 0)
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "ioctl",
			argument(1, SCMP_CMP_EQ, NETMAP_TXSYNC, 0));
	if (rc == 0)
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "ioctl",
			argument(1, SCMP_CMP_EQ, NETMAP_RXSYNC, 0));
	if (rc == 0) /* is netmap's interface up? */
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "ioctl",
			argument(1, SCMP_CMP_EQ, SIOCGIFFLAGS, 0));
	if (rc == 0) /* its own name */
		rc = rule_if(
			ctx, SCMP_ACT_ALLOW, "prctl", argument(0, SCMP_CMP_EQ, PR_SET_NAME, 0));
	/* Memory for malloc (libpcap's, of a capture file), never for code. */
	if (rc == 0)
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "mmap",
			argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "mmap2",
			argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = rule_if(ctx, SCMP_ACT_ALLOW, "mprotect",
			argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc == 0 ? own_signals(ctx, DATA_ELSE) : rc;
}

/* libseccomp 2.5 writes its program into a descriptor only. */
static int
program_take(scmp_filter_ctx ctx, struct sock_fprog *out)
{
	int fd = memfd_create("pacf-seccomp", MFD_CLOEXEC), rc;
	struct stat st;

	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(ctx, fd);
	if (rc == 0 && fstat(fd, &st) < 0)
		rc = -errno;
	if (rc == 0) {
		out->len = (unsigned short)((size_t)st.st_size / sizeof(*out->filter));
		out->filter = malloc((size_t)st.st_size);
		if (out->filter == NULL)
			rc = -ENOMEM;
		else if (pread(fd, out->filter, (size_t)st.st_size, 0) != st.st_size)
			rc = -EIO;
	}
	close(fd);
	return rc;
}

static int
program_make(int (*add)(scmp_filter_ctx ctx, bool bpf), uint32_t otherwise, bool bpf,
	struct sock_fprog *out)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int rc = ctx != NULL ? 0 : -ENOMEM;

	if (rc == 0) /* calls of another architecture */
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0) /* a binary tree of numbers: some ten comparisons a call */
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add(ctx, bpf);
	if (rc == 0)
		rc = program_take(ctx, out);
	seccomp_release(ctx);
	return rc;
}

int
os_sandbox_make(bool bpf, char *note, size_t size)
{
	int rc = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 ? -ENOSYS : 0;

	if (rc < 0) {
		snprintf(note, size,
			"system calls are not confined: this kernel has no seccomp");
		return rc;
	}
	rc = program_make(control_rules, CONTROL_ELSE, bpf, &programs_made[0]);
	if (rc == 0)
		rc = program_make(data_rules, DATA_ELSE, bpf, &programs_made[1]);
	if (rc < 0)
		snprintf(note, size, "cannot make the filter of system calls: %s",
			strerror(-rc));
	return rc;
}

/* SPEC_ALLOW: kernels before 5.16 else make every branch of the thread slow. */
int
os_sandbox_enter(enum os_role role)
{
	const struct sock_fprog *program = &programs_made[role == OS_ROLE_DATA];

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, program) < 0
		       ? -errno
		       : 0;
}
