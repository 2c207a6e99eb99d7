/*
 * io/rec_file: one file after the other, each with whole records up to its end; the oldest is
 * removed when there are too many.  Called by the writer's thread.
 *
 * A file that is there already is never written to: the next number is taken.  (The first one
 * of a path without time is made anew, by rec_open.c.)  Nothing is forced onto the disk: what
 * the system has taken it writes when it likes, as with any other program.
 */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NUMBER_TRIES 100000u

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen, linktype;
};

static int
disk_open(const char *path, int flags)
{
	return open(path, flags, 0666);
}

static uint64_t
disk_now_s(void)
{
	return (uint64_t)time(NULL);
}

const struct rec_disk rec_disk_real = {disk_open, pwrite, ftruncate, disk_now_s, 200, 250};
const struct rec_disk *rec_disk = &rec_disk_real;

/* How many of n bytes could be written at `end`; *why: errno if not all. */
static size_t
write_all(const struct rec_files *f, const uint8_t *data, size_t n, int *why)
{
	size_t done = 0;

	while (done < n) {
		ssize_t wrote =
			rec_disk->write(f->fd, data + done, n - done, f->end + (off_t)done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			*why = wrote < 0 ? errno : ENOSPC;
			break;
		}
		done += (size_t)wrote;
	}
	return done;
}

static size_t
whole_records(const uint8_t *data, size_t n)
{
	size_t at = 0;

	while (n - at >= sizeof(struct rec_head)) {
		struct rec_head head;

		memcpy(&head, data + at, sizeof(head));
		if (sizeof(head) + head.caplen > n - at)
			break;
		at += sizeof(head) + head.caplen;
	}
	return at;
}

/* True when nothing lies behind `end`. */
static bool
cut(struct rec_files *f)
{
	if (f->ragged && f->regular && rec_disk->cut(f->fd, f->end) == 0)
		f->ragged = false;
	return !f->ragged;
}

static ssize_t
put_frame(struct rec_files *f, const uint8_t *data, size_t n)
{
	const void *frame = NULL;
	size_t bytes = rec_zip_frame(f->zip, data, n, &frame);
	int why = EIO;
	size_t done = bytes > 0 ? write_all(f, frame, bytes, &why) : 0;

	if (bytes > 0 && done == bytes) {
		f->end += (off_t)bytes;
		return (ssize_t)n;
	}
	f->ragged |= done > 0;
	cut(f);
	return -why;
}

static ssize_t
put_plain(struct rec_files *f, const uint8_t *data, size_t n)
{
	int why = 0;
	size_t done = write_all(f, data, n, &why);
	size_t whole = done == n ? n : whole_records(data, done);

	f->end += (off_t)whole;
	f->ragged |= done != whole;
	cut(f);
	return whole > 0 ? (ssize_t)whole : -why;
}

ssize_t
rec_file_put(struct rec_files *f, const uint8_t *data, size_t n)
{
	ssize_t got;

	if (!cut(f))
		return -EIO;
	got = f->zip != NULL ? put_frame(f, data, n) : put_plain(f, data, n);
	if (got > 0)
		f->raw_bytes += (uint64_t)got;
	return got;
}

/* All of it or none. */
static int
put_header(struct rec_files *f)
{
	const struct file_header h = {.magic = f->magic,
		.major = 2,
		.minor = 4,
		.snaplen = f->snaplen,
		.linktype = f->linktype};
	const void *data = &h;
	size_t n = sizeof(h);
	int why = EIO;

	f->end = 0;
	f->raw_bytes = sizeof(h);
	f->ragged = false;
	f->begin_s = f->end_s = 0;
	if (f->zip != NULL)
		n = rec_zip_frame(f->zip, &h, sizeof(h), &data);
	if (n == 0 || write_all(f, data, n, &why) != n)
		return -why;
	f->end = (off_t)n;
	return 0;
}

bool
rec_file_empty(const struct rec_files *f)
{
	return f->raw_bytes == sizeof(struct file_header);
}

/* The oldest, unless somebody has put something else in its place. */
static void
kept_remove(struct rec_kept *kept)
{
	struct stat st;

	if (stat(kept->path, &st) == 0 && st.st_dev == kept->dev && st.st_ino == kept->ino)
		unlink(kept->path);
	free(kept->path);
	kept->path = NULL;
}

static void
kept_add(struct rec_files *f, const char *name)
{
	struct rec_kept *kept;

	if (f->kept == NULL)
		return;
	kept = &f->kept[f->nkept++ % f->cfg.filecount];
	if (kept->path != NULL)
		kept_remove(kept);
	*kept = (struct rec_kept){strdup(name), f->dev, f->ino};
}

int
rec_file_start(struct rec_files *f, const char *name)
{
	struct stat st;
	int rc = put_header(f);

	if (rc < 0)
		return rc;
	if (fstat(f->fd, &st) < 0)
		return -errno;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	kept_add(f, name);
	return 0;
}

/* A name that nobody has, from `number` on. */
static int
name_take(struct rec_files *f, uint64_t sec, uint32_t number, char *name)
{
	for (uint32_t i = 0; i < NUMBER_TRIES; i++) {
		int rc = rec_name_make(f->path, sec, number + i, name, REC_PATH_MAX);

		if (rc < 0)
			return rc;
		f->fd = rec_disk->open(
			name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY);
		if (f->fd >= 0) {
			f->number = number + i;
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
		if (f->base && i == 0) /* was tried; on with the others */
			number = f->number;
	}
	return -EEXIST;
}

int
rec_file_next(struct rec_files *f, uint64_t sec)
{
	char stem[REC_PATH_MAX], name[REC_PATH_MAX];
	int rc = rec_name_make(f->path, sec, 0, stem, sizeof(stem));
	bool same = rc == 0 && strcmp(stem, f->last) == 0;
	uint32_t number = f->number;

	if (rc < 0)
		return rc;
	if (!same)
		f->number = 0;
	rc = name_take(f, sec, same && !f->base ? f->number + 1 : 0, name);
	if (rc < 0)
		return rc;
	flock(f->fd, LOCK_EX | LOCK_NB); /* no source reads what is being written */
	f->regular = true;
	rc = rec_file_start(f, name);
	if (rc < 0) {
		unlink(name);
		rec_file_end(f);
		f->number = number;
		return rc;
	}
	f->base = false;
	memcpy(f->last, stem, sizeof(stem));
	rec_file_begin(f, sec);
	return 0;
}

void
rec_file_begin(struct rec_files *f, uint64_t sec)
{
	if (f->cfg.rotate_s == 0 || !rec_file_empty(f))
		return;
	f->begin_s = sec / f->cfg.rotate_s * f->cfg.rotate_s;
	f->end_s = f->begin_s + f->cfg.rotate_s;
}

bool
rec_file_ends(const struct rec_files *f, const struct rec_head *head, uint64_t more)
{
	uint64_t bytes = f->raw_bytes + more;

	if (f->fd < 0)
		return true;
	if (rec_file_empty(f) && more == 0)
		return false;
	if (f->cfg.file_bytes != 0 && bytes + sizeof(*head) + head->caplen > f->cfg.file_bytes)
		return true;
	/* Or the clock was set back, or the packets have begun anew. */
	return f->cfg.rotate_s != 0 &&
	       (head->sec >= f->end_s || head->sec + (uint64_t)f->cfg.rotate_s < f->begin_s);
}

bool
rec_file_there(const struct rec_files *f)
{
	struct stat st;

	return !f->regular || (fstat(f->fd, &st) == 0 && st.st_nlink > 0);
}

void
rec_file_end(struct rec_files *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void
rec_files_close(struct rec_files *f)
{
	rec_file_end(f);
	for (uint32_t i = 0; f->kept != NULL && i < f->cfg.filecount; i++)
		free(f->kept[i].path);
	free(f->kept);
	f->kept = NULL;
	rec_zip_close(f->zip);
	f->zip = NULL;
}
