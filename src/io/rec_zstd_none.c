/*
 * io/rec_zstd_none: a build without libzstd.  Whoever asks for compression is told so before
 * anything is opened.
 */
#include "recorder.h"

bool
io_record_zstd(void)
{
	return false;
}

struct rec_zip *
rec_zip_open(void)
{
	return NULL;
}

size_t
rec_zip_frame(struct rec_zip *zip, const void *data, size_t n, const void **out)
{
	(void)zip;
	(void)data;
	(void)n;
	*out = NULL;
	return 0;
}

void
rec_zip_close(struct rec_zip *zip)
{
	(void)zip;
}
