/*
 * os/log: what the control plane tells whoever runs it, one line at a time.  To standard error
 * unless something else was said; there with syslog's `<N>` in front if systemd's journal reads
 * it.
 *
 * os_log may be called on any thread, except the data plane's and signal handlers.  The others
 * are for the main thread of a daemon, and os_log_reopen for the one that takes its signals.  A
 * log that can't be written never stops anything: lines are lost, and counted.
 */
#ifndef PACF_OS_LOG_H
#define PACF_OS_LOG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* syslog's numbers. */
enum os_log_level { OS_LOG_ERR = 3, OS_LOG_WARNING = 4, OS_LOG_NOTICE = 5, OS_LOG_INFO = 6 };

/* A sentence without an end of line.  Bytes that could steer a terminal or begin another line
 * become '?'; what is longer than 2 KiB is cut.  Keeps errno. */
void os_log(enum os_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* From now on lines go to this file, made if there is none, with date and time; path stays the
 * caller's and lives as long as the log.  -errno: nothing changed. */
int os_log_to_file(const char *path);
void os_log_to_syslog(void);
/* Standard output and error, too: into the file, or nowhere if there is none. */
int os_log_take_stdio(void);
/* The file anew by its name, after it was renamed.  -errno: goes on in the old one. */
int os_log_reopen(void);
/* Lines that could not be written since the start. */
uint64_t os_log_lost(void);

#ifdef __cplusplus
}
#endif
#endif
