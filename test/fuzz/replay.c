/*
 * Runs a fuzz target over files or folders of inputs, with any compiler.
 * usage: replay FILE|FOLDER ...   Fails if there is nothing to run.
 *
 * A file whose name ends in .inputs holds many: before each is its length, 4 bytes in host
 * order.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM ((size_t)1 << 20)

static unsigned inputs;

static void
die(const char *what, const char *name)
{
	fprintf(stderr, "replay: %s: %s: %s\n", name, what, strerror(errno));
	exit(1);
}

/* The input lies in memory of exactly its size, so that a sanitizer sees every read past it. */
static void
run_input(const uint8_t *data, size_t size, const char *name)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		die("read", name);
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	inputs++;
	free(exact);
}

static void
run_one(FILE *file, uint8_t *all, const char *name)
{
	size_t size = fread(all, 1, ROOM, file);

	if (ferror(file) || size == ROOM)
		die("read", name);
	run_input(all, size, name);
}

static void
run_many(FILE *file, uint8_t *all, const char *name)
{
	uint32_t size;

	while (fread(&size, sizeof(size), 1, file) == 1) {
		if (size > ROOM || fread(all, 1, size, file) != size)
			die("an input is cut off", name);
		run_input(all, size, name);
	}
	if (ferror(file))
		die("read", name);
}

static void
run_file(FILE *file, const char *name)
{
	const char *suffix = strrchr(name, '.');
	uint8_t *all = malloc(ROOM);

	if (!all)
		die("read", name);
	if (suffix && strcmp(suffix, ".inputs") == 0)
		run_many(file, all, name);
	else
		run_one(file, all, name);
	free(all);
}

static void
run(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	char path[4096];
	FILE *file;

	if (!dir) {
		file = fopen(name, "rb");
		if (!file)
			die("open", name);
		run_file(file, name);
		fclose(file);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		run(path);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("%u inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
