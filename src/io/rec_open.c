/*
 * io/rec_open: the first file of a recorder, or a look at its folder; every refusal has its
 * sentence.  Control plane.
 */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_error(const char *path, int e, struct io_err *err)
{
	char *copy;

	switch (e) {
	case ENOENT:
	case ENOTDIR:
		copy = strdup(path);
		io_fail(err, -e,
			"\"pcap:%.150s\": there is no folder \"%.150s\"; make it first", path,
			copy ? dirname(copy) : "?");
		free(copy);
		return -e;
	case EISDIR:
		return io_fail(
			err, -e, "\"pcap:%.200s\": is a folder; give the name of a file", path);
	case ENXIO: /* a pipe without a reader */
		return io_fail(err, -EINVAL,
			"\"pcap:%.200s\": is a pipe or socket, whose reader could stop the "
			"engine; give a "
			"file, or use a pacf: channel",
			path);
	default:
		return io_fail(
			err, -e, "\"pcap:%.200s\": cannot be written: %s", path, strerror(e));
	}
}

static int
device_check(const struct rec_files *f, struct io_err *err)
{
	if (f->regular ||
		(f->cfg.file_bytes == 0 && f->cfg.rotate_s == 0 && f->cfg.filecount == 0))
		return 0;
	return io_fail(err, -EINVAL,
		"\"pcap:%.200s\": is a device, which is one file for ever; leave out "
		"file_size, "
		"rotate_seconds and filecount",
		f->path);
}

static int
file_check(struct rec_files *f, struct io_err *err)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return open_error(f->path, errno, err);
	f->regular = S_ISREG(st.st_mode);
	if ((!f->regular && !S_ISCHR(st.st_mode)) || isatty(f->fd))
		return open_error(f->path, ENXIO, err);
	/* The sources hold a shared lock: a file is never its own input, nor that of two
	 * channels. */
	if (f->regular && flock(f->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return io_fail(err, -EBUSY,
			"\"pcap:%.200s\": is being read or written by an engine; give another "
			"file",
			f->path);
	if (f->regular && ftruncate(f->fd, 0) != 0)
		return open_error(f->path, errno, err);
	return device_check(f, err);
}

static int
first_file(struct rec_files *f, struct io_err *err)
{
	int rc;

	/* Not to wait for the reader of a pipe; of no effect on files. */
	f->fd = rec_disk->open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0)
		return open_error(f->path, errno, err);
	rc = file_check(f, err);
	if (rc < 0)
		return rc;
	rc = rec_file_start(f, f->path);
	if (rc < 0)
		return open_error(f->path, -rc, err);
	strcpy(f->last, f->path);
	return 0;
}

/* Of names with the time in them none is known before the first packet. */
static int
folder_look(const struct rec_files *f, struct io_err *err)
{
	int rc = rec_name_check(f->path, err), e;
	char *copy;

	if (rc < 0)
		return rc;
	copy = strdup(f->path);
	if (copy == NULL)
		return open_error(f->path, ENOMEM, err);
	e = access(dirname(copy), W_OK | X_OK) < 0 ? errno : 0;
	free(copy);
	return e != 0 ? open_error(f->path, e, err) : 0;
}

/* What readers may rely on: no record is longer. */
static uint32_t
header_snaplen(const struct io_sink_cfg *cfg)
{
	if (cfg->cut != 0)
		return cfg->cut;
	return cfg->snaplen > IO_LARGE_BYTES ? cfg->snaplen : IO_LARGE_BYTES;
}

int
rec_files_open(struct rec_files *f, const struct io_sink_cfg *cfg, struct io_err *err)
{
	int rc;

	*f = (struct rec_files){.path = cfg->path, .cfg = cfg->record, .fd = -1};
	if (!cfg->path || cfg->path[0] == '\0')
		return io_fail(err, -EINVAL, "\"pcap:\": no file name; say pcap:FILE");
	if (strlen(cfg->path) >= REC_PATH_MAX)
		return open_error(cfg->path, ENAMETOOLONG, err);
	f->timed = rec_name_timed(cfg->path);
	f->magic = cfg->ts_digits == 9 ? 0xa1b23c4d : 0xa1b2c3d4;
	f->snaplen = header_snaplen(cfg);
	f->linktype = io_linktype(cfg->dlt);
	if (f->cfg.zstd)
		f->zip = rec_zip_open();
	if (f->cfg.filecount != 0)
		f->kept = calloc(f->cfg.filecount, sizeof(*f->kept));
	if ((f->cfg.zstd && f->zip == NULL) || (f->cfg.filecount != 0 && f->kept == NULL))
		rc = open_error(f->path, ENOMEM, err);
	else
		rc = f->timed ? folder_look(f, err) : first_file(f, err);
	if (rc < 0)
		rec_files_close(f);
	return rc;
}
