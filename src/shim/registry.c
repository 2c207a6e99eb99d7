/*
 * The live handles of the shim, so that a pcap_t can be told from one of the real libpcap.
 *
 * A list that only grows, by as many slots as handles were ever open at once; a closed handle
 * leaves its slot empty for the next.  So finding needs no lock, and works in a signal handler.
 */
#include <errno.h>
#include <stdlib.h>
#include "shim.h"

struct slot {
	_Atomic(struct shim *) handle; /* NULL = free */
	struct slot *next;	       /* never changes once the slot is in the list */
};

static _Atomic(struct slot *) slots;

struct shim *
shim_find(const pcap_t *p)
{
	/* acquire: pairs with the release in shim_register(), before which the slot was filled
	 * in. */
	struct slot *i = atomic_load_explicit(&slots, memory_order_acquire);

	for (; i; i = i->next) {
		struct shim *s = atomic_load_explicit(&i->handle, memory_order_acquire);
		if (s && (const void *)s == (const void *)p)
			return s;
	}
	return NULL;
}

static bool
take_free_slot(struct shim *s)
{
	for (struct slot *i = atomic_load_explicit(&slots, memory_order_acquire); i;
		i = i->next) {
		struct shim *none = NULL;
		if (atomic_compare_exchange_strong_explicit(
			    &i->handle, &none, s, memory_order_release, memory_order_relaxed))
			return true;
	}
	return false;
}

int
shim_register(struct shim *s)
{
	struct slot *i;

	if (take_free_slot(s))
		return 0;
	i = malloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	atomic_init(&i->handle, s);
	i->next = atomic_load_explicit(&slots, memory_order_relaxed);
	/* release: the slot is filled in before shim_find() can meet it. */
	while (!atomic_compare_exchange_weak_explicit(
		&slots, &i->next, i, memory_order_release, memory_order_relaxed))
		;
	return 0;
}

void
shim_forget(struct shim *s)
{
	for (struct slot *i = atomic_load_explicit(&slots, memory_order_acquire); i;
		i = i->next) {
		if (atomic_load_explicit(&i->handle, memory_order_relaxed) != s)
			continue;
		/* release: nothing done to the handle before can be seen by its slot's next
		 * owner. */
		atomic_store_explicit(&i->handle, NULL, memory_order_release);
		return;
	}
}
