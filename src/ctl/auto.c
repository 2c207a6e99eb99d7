/*
 * ctl/auto: see auto.h.  Called by link.c and engine.c under ctl->lock.
 */
#include "state.h"
#include "auto.h"
#include "netif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const struct io_source_ops ctl_auto_ops = {.name = "auto", .live = true};

/* Back ends that a build can lack; what is missing then. */
static const struct {
	const char *type, *why, *fix;
} known[] = {
	{"afxdp", "not in this build", "build with libxdp-dev, libbpf-dev and clang"},
	{"afpacket", "not in this build", ""},
};

/* A file, a pipe or standard input; an interface of that name goes first. */
static bool
is_file(const char *name)
{
	struct os_netif netif;
	struct stat st;

	if (strcmp(name, "-") == 0)
		return true;
	return os_netif_read(name, &netif) != 0 && stat(name, &st) == 0 && !S_ISDIR(st.st_mode);
}

static struct ctl_auto_row *
row_add(struct ctl_auto *a, const char *type, const struct io_source_ops *ops)
{
	struct ctl_auto_row *row = &a->rows[a->n++];

	*row = (struct ctl_auto_row){.type = type, .ops = ops};
	return row;
}

static void
absent_add(struct ctl_auto *a, size_t i)
{
	struct io_probe *probe = &row_add(a, known[i].type, NULL)->probe;

	snprintf(probe->why, sizeof(probe->why), "%s", known[i].why);
	snprintf(probe->fix, sizeof(probe->fix), "%s", known[i].fix);
}

static bool
better(const struct ctl_auto_row *a, const struct ctl_auto_row *b)
{
	if (a->probe.usable != b->probe.usable)
		return a->probe.usable;
	return a->probe.usable && a->probe.rank > b->probe.rank;
}

/* Best first; what is not usable behind, in the order of the build. */
static void
sort(struct ctl_auto *a)
{
	for (uint32_t i = 1; i < a->n; i++)
		for (uint32_t k = i; k > 0 && better(&a->rows[k], &a->rows[k - 1]); k--) {
			struct ctl_auto_row row = a->rows[k];

			a->rows[k] = a->rows[k - 1];
			a->rows[k - 1] = row;
		}
}

/* One that lacks a right which was given up is not even asked. */
static void
probe(const struct ctl *ctl, const struct io_source_cfg *cfg, const struct ctl_link_args *args,
	struct ctl_auto_row *row)
{
	struct ctl_err err;

	if (ctl_privileges_link(ctl, row->ops, args, &err) < 0)
		snprintf(row->probe.why, sizeof(row->probe.why), "%.*s", IO_ERR_MAX - 1,
			err.text);
	else
		row->ops->probe(cfg, &row->probe);
}

static void
look(const struct ctl *ctl, struct ctl_auto *a, const struct ctl_link_args *args)
{
	const struct io_source_cfg cfg = {.ifname = args->ifname,
		.qid = args->qid,
		.loop = args->loop,
		.mode = (enum io_mode)args->mode,
		.busy_poll = args->busy_poll,
		.fix_offload = args->fix_offload};
	const struct io_source_ops *ops;

	a->n = 0;
	for (size_t i = 0; (ops = io_source_at(i)) != NULL && a->n < CTL_AUTO_MAX; i++)
		if (ops->probe != NULL)
			probe(ctl, &cfg, args, row_add(a, ops->name, ops));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && a->n < CTL_AUTO_MAX; i++)
		if (io_source_find(known[i].type) == NULL)
			absent_add(a, i);
	sort(a);
}

/* "...: afxdp: WHY (FIX); afpacket: ..." */
static int
nothing_works(const struct ctl_auto *a, const char *ifname, struct ctl_err *err)
{
	int rc = ctl_fail(err, -ENODEV, "nothing can read \"%.60s\" here: ", ifname);
	size_t each = a->n > 0 ? (sizeof(err->text) - strlen(err->text)) / a->n : 0;

	for (uint32_t i = 0; i < a->n; i++) {
		const struct io_probe *probe = &a->rows[i].probe;
		size_t used = strlen(err->text);

		snprintf(err->text + used, each, "%s%s: %s%s%s%s", i > 0 ? "; " : "",
			a->rows[i].type, probe->why, probe->fix[0] != '\0' ? " (" : "",
			probe->fix, probe->fix[0] != '\0' ? ")" : "");
	}
	return rc;
}

static int
row_link(struct ctl_engine *engine, const struct io_source_ops *ops,
	const struct ctl_link_args *args, struct ctl_err *err)
{
	int rc;

	engine->ops = ops;
	rc = ctl_link_check(engine, args, err);
	if (rc == 0)
		rc = ctl_link_add(engine, args, err);
	if (rc < 0)
		engine->ops = &ctl_auto_ops;
	return rc;
}

static int
file_link(struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
{
	struct ctl_auto *a = engine->automatic;
	struct ctl_auto_row *row;
	int rc = row_link(engine, &io_source_pcap, args, err);

	if (rc < 0)
		return rc;
	a->n = 0;
	row = row_add(a, io_source_pcap.name, &io_source_pcap);
	row->probe.usable = true;
	snprintf(row->probe.got, sizeof(row->probe.got), "a capture file");
	return 0;
}

/* What cannot even be opened, whatever its probe said, is passed over too. */
static int
interface_link(struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
{
	struct ctl_auto *a = engine->automatic;

	look(engine->ctl, a, args);
	while (a->n > 0 && a->rows[0].probe.usable) {
		struct io_probe *probe = &a->rows[0].probe;

		if (row_link(engine, a->rows[0].ops, args, err) == 0)
			return 0;
		probe->usable = false;
		snprintf(probe->why, sizeof(probe->why), "%.*s", IO_ERR_MAX - 1, err->text);
		sort(a);
	}
	return nothing_works(a, args->ifname, err);
}

/* VALE ports and pipes are no interfaces of the system: the sources know. */
static bool
is_readable(const struct ctl *ctl, struct ctl_auto *a, const struct ctl_link_args *args)
{
	struct os_netif netif;

	if (os_netif_read(args->ifname, &netif) == 0)
		return true;
	look(ctl, a, args);
	if (a->n > 0 && a->rows[0].probe.usable)
		return true;
	a->n = 0;
	return false;
}

static int
first_link(struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
{
	int rc = ctl_link_check(engine, args, err);

	if (rc < 0)
		return rc;
	if (is_file(args->ifname))
		return file_link(engine, args, err);
	if (!is_readable(engine->ctl, engine->automatic, args))
		return ctl_fail(err, -ENODEV,
			"\"%.200s\" is neither an interface of this machine nor a capture file",
			args->ifname);
	if (args->offline_args)
		return ctl_fail(err, -EINVAL,
			"speed and loop are for capture files; \"%s\" is an interface",
			args->ifname);
	return interface_link(engine, args, err);
}

int
ctl_auto_link(struct ctl_engine *engine, const struct ctl_link_args *args, struct ctl_err *err)
{
	bool file = is_file(args->ifname);
	int rc;

	if (engine->dp->nlinks == 0)
		return first_link(engine, args, err);
	if (file == engine->ops->live)
		return ctl_fail(err, -EINVAL,
			"engine \"%s\" reads \"%.100s\" by %s, and \"%.100s\" is %s; use two "
			"engines",
			engine->name, engine->links[0].ifname, engine->ops->name, args->ifname,
			file ? "a file" : "no file");
	rc = ctl_link_check(engine, args, err);
	return rc < 0 ? rc : ctl_link_add(engine, args, err);
}

void
ctl_auto_forget(struct ctl_engine *engine)
{
	engine->automatic->n = 0;
	engine->ops = &ctl_auto_ops;
}
