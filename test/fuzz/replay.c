/*
 * Runs a fuzz target over files or folders of inputs, with any compiler.
 * usage: replay FILE|FOLDER ...   Fails if there is nothing to run.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

static void
die(const char *what, const char *name)
{
	fprintf(stderr, "replay: %s: %s: %s\n", name, what, strerror(errno));
	exit(1);
}

/* The input lies in memory of exactly its size, so that a sanitizer sees every read past it. */
static void
run_file(FILE *file, const char *name)
{
	size_t size = 0, room = 1 << 20;
	uint8_t *all = malloc(room), *exact;

	if (!all)
		die("read", name);
	size = fread(all, 1, room, file);
	if (ferror(file) || size == room)
		die("read", name);
	exact = malloc(size ? size : 1);
	if (!exact)
		die("read", name);
	memcpy(exact, all, size);
	LLVMFuzzerTestOneInput(exact, size);
	inputs++;
	free(exact);
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
