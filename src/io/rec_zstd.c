/*
 * io/rec_zstd: pieces of a file as zstd frames, which can be read by themselves: what was
 * written before a crash is all there.  Called by the writer's thread.
 */
#include "recorder.h"

#include <stdlib.h>
#include <zstd.h>

/* The fastest (2026: 5 MB of mixed captures go to 36 % of their size, level 3 to 33 %; `make
 * bench` tells what that costs here). */
#define LEVEL 1

struct rec_zip {
	ZSTD_CCtx *context;
	size_t room;
	uint8_t out[];
};

bool
io_record_zstd(void)
{
	return true;
}

struct rec_zip *
rec_zip_open(void)
{
	size_t room =
		ZSTD_compressBound(REC_CHUNK_BYTES + sizeof(struct rec_head) + IO_LARGE_BYTES);
	struct rec_zip *zip = malloc(sizeof(*zip) + room);

	if (zip == NULL)
		return NULL;
	zip->room = room;
	zip->context = ZSTD_createCCtx();
	if (zip->context == NULL) {
		free(zip);
		return NULL;
	}
	ZSTD_CCtx_setParameter(zip->context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(zip->context, ZSTD_c_checksumFlag, 1);
	return zip;
}

size_t
rec_zip_frame(struct rec_zip *zip, const void *data, size_t n, const void **out)
{
	size_t bytes = ZSTD_compress2(zip->context, zip->out, zip->room, data, n);

	*out = zip->out;
	return ZSTD_isError(bytes) ? 0 : bytes;
}

void
rec_zip_close(struct rec_zip *zip)
{
	if (zip == NULL)
		return;
	ZSTD_freeCCtx(zip->context);
	free(zip);
}
