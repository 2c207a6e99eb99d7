/*
 * Writes the parser's first corpus: each packet of the unit tests, named after it.
 * usage: corpus FOLDER
 */
#include "build.h"
#include "vectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int
write_input(const char *folder, const char *name, const uint8_t *bytes, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
		fprintf(stderr, "corpus: %s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}

static int
write_vector(const char *folder, const struct vector *v)
{
	uint8_t bytes[1 + VECTOR_MAX];

	bytes[0] = (uint8_t)v->link;
	return write_input(folder, v->name, bytes, 1 + vector_bytes(v, bytes + 1));
}

static int
write_tunnel(const char *folder, const struct tunnel_vector *v)
{
	uint8_t bytes[1 + BUILD_MAX];

	bytes[0] = (uint8_t)v->link;
	return write_input(folder, v->name, bytes, 1 + build(v->recipe, false, bytes + 1));
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < vectors_count; i++) {
		if (write_vector(argv[1], &vectors[i]) != 0)
			return 1;
	}
	for (size_t i = 0; i < tunnel_vectors_count; i++) {
		if (write_tunnel(argv[1], &tunnel_vectors[i]) != 0)
			return 1;
	}
	return 0;
}
