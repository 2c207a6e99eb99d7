/*
 * ctl/frags: the tables of first fragments.  Each engine has one; engines that feed a channel
 * together share it, since their queues may part the fragments of a datagram.  Called by run.c
 * under ctl->lock.  Who shares is decided when an engine starts.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ctl_frags {
	uint32_t users;
	struct pkt_frag *table;
};

static struct ctl_frags *
frags_make(void)
{
	size_t bytes = pkt_frag_bytes(PKT_FRAG_ENTRIES);
	struct ctl_frags *frags = calloc(1, sizeof(*frags));
	void *memory = aligned_alloc(PKT_FRAG_ALIGN, bytes);

	if (frags == NULL || memory == NULL) {
		free(frags);
		free(memory);
		return NULL;
	}
	frags->table = pkt_frag_init(memory, PKT_FRAG_ENTRIES, PKT_FRAG_LIFE_NS);
	return frags;
}

static bool
channel_in_common(const struct ctl_engine *a, const struct ctl_engine *b)
{
	for (uint32_t i = 0; i < DP_MAX_SINKS; i++)
		for (uint32_t k = 0; k < DP_MAX_SINKS && ctl_channel_is(a->channels[i], NULL);
			k++)
			if (ctl_channel_is(b->channels[k], a->channels[i]->name))
				return true;
	return false;
}

int
ctl_frags_get(struct ctl_engine *engine)
{
	const struct ctl_engine *other;

	TAILQ_FOREACH(other, &engine->ctl->engines, entry)
	if (other->state == CTL_RUNNING && other->seed == engine->seed &&
		channel_in_common(engine, other)) {
		engine->frags = other->frags;
		break;
	}
	if (engine->frags == NULL)
		engine->frags = frags_make();
	if (engine->frags == NULL)
		return -ENOMEM;
	engine->frags->users++;
	engine->dp->follow.frags = engine->frags->table;
	return 0;
}

void
ctl_frags_put(struct ctl_engine *engine)
{
	struct ctl_frags *frags = engine->frags;

	engine->frags = NULL;
	engine->dp->follow.frags = NULL;
	if (frags == NULL || --frags->users > 0)
		return;
	free(frags->table);
	free(frags);
}
