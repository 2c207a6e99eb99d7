/*
 * shell/gil: the lock of the Lua state that all shells share.  A thread has it while it is
 * inside Lua, and lends it while it waits, writes or calls ctl, and now and then when others
 * wait; they get it in the order in which they asked.
 *
 * Why that is sound.  Lua itself is written for such a lock: it gives it back (lua_unlock,
 * which is empty in stock Lua) around every C function and hook that it calls, and takes it
 * again after.  We lend it at a part of these places only: within functions of `core` and of
 * io, and within the count hook.  There every lua_State has its registers on its own stack,
 * below its own top, so that the collector, run by whoever has the lock, marks them, and may
 * even move that stack (luaD_shrinkstack): the interpreter looks for a new base when the
 * function or hook returns, as it must if that had called Lua itself.  Each thread has its own
 * lua_State, hence its own stack, hook, count of C calls and place that an error jumps to; all
 * code of a thread runs in a protected call of that state, so no error can jump into another
 * thread's.  A coroutine that one shell runs is "not suspended" for all others.
 *
 * What C code keeps across a lend: pointers to strings and userdata that are on its stack (Lua
 * moves neither), and nothing else of Lua's.
 */
#ifndef PACF_SHELL_GIL_H
#define PACF_SHELL_GIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct gil {
	pthread_mutex_t mutex;
	pthread_cond_t turn;
	_Atomic uint64_t next;	 /* the number that the next to ask gets */
	_Atomic uint64_t served; /* whose turn it is */
};

void gil_init(struct gil *gil);
void gil_destroy(struct gil *gil);
/* true: taken, to be given back with gil_exit; false: this thread has it already. */
bool gil_enter(struct gil *gil);
void gil_exit(struct gil *gil, bool entered);
/* Lends it, if this thread has one: what is returned goes to gil_return, also if it is NULL. */
struct gil *gil_lend(void);
void gil_return(struct gil *gil);
/* Lets others go first, if any wait. */
void gil_rest(void);

#endif
