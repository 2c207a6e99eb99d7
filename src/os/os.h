/*
 * os: what differs between Linux and FreeBSD: shared memory, doorbells, clocks, threads, peers,
 * folders.  One implementation per system (linux.c, freebsd.c), chosen by the build; no #ifdef
 * anywhere else.
 *
 * Every function may be called on any thread unless it says otherwise.  A function that returns
 * int returns 0 (or a descriptor) or -errno.  No function prints.
 */
#ifndef PACF_OS_H
#define PACF_OS_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ENODATA
#define ENODATA ENOATTR /* of FreeBSD; as in include/pacf.h, where it is promised */
#endif

/* Clocks, in nanoseconds: monotonic (for intervals) and since the epoch (for time stamps). */
uint64_t os_clock_mono_ns(void);
uint64_t os_clock_real_ns(void);
/* Sleeps about ns nanoseconds; returns early on a signal. */
void os_sleep_ns(uint64_t ns);

/*
 * Shared memory is an anonymous file handed over by descriptor.  Its pages are committed when
 * they are first written, so a large size costs address space only.  The descriptor is
 * close-on-exec and the caller's to close.
 */
int os_shm_create(const char *label, size_t bytes);
/* The most that sealing can do: the size is fixed for ever; with read_only, mappings made after
 * this call (by anybody who gets the descriptor) can't be written, those made before still can.
 */
int os_shm_seal(int fd, bool read_only);
/* Maps all of it shared.  *out is the caller's to give to os_shm_unmap. */
int os_shm_map(int fd, size_t bytes, bool writable, void **out);
void os_shm_unmap(void *mem, size_t bytes);
/* A ring: `bytes` of memory (a multiple of the page) that is there twice, one after the other,
 * so that what begins near its end lies in one piece.  Only this process has it. */
int os_ring_map(const char *label, size_t bytes, void **out);
void os_ring_unmap(void *ring, size_t bytes);
/* Size in bytes of the object behind fd, for checking what a peer sent. */
int os_shm_size(int fd, size_t *bytes);

/*
 * A doorbell wakes a sleeper: ring makes the descriptor readable until it is drained.  ring and
 * drain never block and are async-signal-safe; ringing twice is ringing once.
 */
int os_bell_create(void);
void os_bell_ring(int fd);
void os_bell_drain(int fd);

/* One pollable descriptor that is readable while any of fds is readable or hung up.  Level
 * semantics, once it has been settled: FreeBSD's stays readable after what it waits for was
 * read, until somebody looks.  Usable in poll, select, epoll and kqueue.  The caller closes it;
 * on FreeBSD a child of fork does not have it. */
int os_waitset_create(const int *fds, int n);
/* Adds one; a descriptor that is closed leaves by itself. */
int os_waitset_add(int set, int fd);
/* A descriptor that becomes readable ns nanoseconds after os_timer_set, and stays so until it
 * is set again; 0: not any more.  The caller closes it. */
int os_timer_create(void);
void os_timer_set(int fd, uint64_t ns);
/* Close it on exec. */
int os_fd_private(int fd);
/* To be called when what made it readable was read.  Takes back the readiness of all that is
 * not readable any more, and of nothing else. */
void os_waitset_settle(int set);

/* The calling thread: bind to a CPU and read back that it is so (-EINVAL if there is no such
 * CPU); name as tools show it (cut to what the system keeps). */
int os_thread_pin(int cpu);
void os_thread_name(const char *name);
/* Around pthread_create: the new thread leaves all signals to the main one, but that by which
 * os_confine (privileges.h) reaches it. */
void os_signals_block(sigset_t *before);
/* The one CPU that a running thread may use, as the system says; -1: it may use several. */
int os_thread_cpu(pthread_t thread);
/* How many CPUs are usable. */
int os_cpu_count(void);

/* Who is at the other end of a connected UNIX socket, by the kernel's word. */
struct os_cred {
	pid_t pid; /* 0 = the system does not say */
	uid_t uid;
	gid_t gid;
};
int os_peer_cred(int sock, struct os_cred *out);
/* Was that process in the group when it connected, as its own group or as one of the others
 * (FreeBSD knows 16)? */
bool os_peer_in_group(int sock, gid_t group);
/* Short name of a process (as ps shows it); "?" if it is gone.  Always terminated. */
void os_proc_name(pid_t pid, char *buf, size_t size);

/*
 * Folders.  rundir: where sockets live: $PACF_RUNDIR, else /run/pacf (Linux) or /var/run/pacf
 * (FreeBSD) for root, else $XDG_RUNTIME_DIR/pacf, else ~/.local/state/pacf/run.  statedir:
 * where a user's history lives: $XDG_STATE_HOME/pacf, else ~/.local/state/pacf.  With create,
 * the folder and its parents are made (mode 0700; rundir of root 0755).  -ENAMETOOLONG, -ENOENT
 * (no home) or mkdir's errors.
 */
int os_rundir(char *buf, size_t size, bool create);
int os_statedir(char *buf, size_t size, bool create);
/* Where the daemon of root has its sockets, whoever asks. */
const char *os_rundir_of_root(void);
/* Can nobody but this user and root replace what is in the folder?  -EPERM: it is another
 * user's; -EACCES: others may write into it, or into one above it that has no sticky bit. */
int os_rundir_check(const char *path);

/* A file whose lock says whether the daemon that took it lives.  0; -EADDRINUSE: another has
 * it; or -errno.  *fd, unless it is -1, is the file's, the caller's to close also if another
 * has it.  Who ends in good order unlinks the file first. */
int os_lock_take(const char *path, mode_t mode, int *fd);

/*
 * UNIX sockets in a daemon's folder, each with a lock beside it that says whether the daemon
 * which took it lives.  connect blocks: a descriptor, or -errno (-ENOENT or -ECONNREFUSED: no
 * daemon).  listen: the same, mode 0600; a dead daemon's socket is replaced, -EADDRINUSE if one
 * is alive; the lock is to be kept until unlisten, which removes and closes both.
 * -ENAMETOOLONG.
 */
struct os_local {
	const char *socket, *lock; /* names in the folder */
	int type;		   /* SOCK_STREAM ..., SOCK_NONBLOCK for who listens */
};
int os_local_connect(const char *dir, const struct os_local *what);
int os_local_listen(const char *dir, const struct os_local *what, int *lock_fd);
void os_local_unlisten(
	const char *dir, const struct os_local *what, int listen_fd, int lock_fd);

#ifdef __cplusplus
}
#endif
#endif
