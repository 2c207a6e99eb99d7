/*
 * term/full: the whole screen, for programs that redraw it.  The sequences are those of ECMA-48
 * and of xterm, which every terminal of today knows.
 */
#include "term.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define HOME	   "\033[H"
#define LINE_END   "\033[K"
#define SCREEN_END "\033[J"
#define ENTER	   "\033[?1049h\033[?25l" HOME SCREEN_END
#define LEAVE	   "\033[0m\033[?25h\033[?1049l"
#define LONGEST	   (256 * 1024) /* of a picture */

static struct termios before;
static bool entered;

/* All of it, unless the terminal is gone. */
static void
put(const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		bytes += done;
		n -= (size_t)done;
	}
}

int
term_full_enter(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	raw = before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a shell in this screen is no use */
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return -errno;
	entered = true;
	put(ENTER, sizeof(ENTER) - 1);
	return 0;
}

void
term_full_leave(void)
{
	if (!entered)
		return;
	entered = false;
	put(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

bool
term_full_size(unsigned *width, unsigned *height)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col == 0 || ws.ws_row == 0)
		return false;
	*width = ws.ws_col;
	*height = ws.ws_row;
	return true;
}

void
term_full_paint(const char *text, size_t bytes)
{
	static char picture[LONGEST];
	size_t n = 0;

	for (const char *p = HOME; *p != '\0'; p++)
		picture[n++] = *p;
	if (bytes > 0 && text[bytes - 1] == '\n')
		bytes--; /* or the last line would scroll */
	for (size_t i = 0; i < bytes && n < sizeof(picture) - 16; i++) {
		if (text[i] != '\n') {
			picture[n++] = text[i];
			continue;
		}
		for (const char *p = LINE_END "\r\n"; *p != '\0'; p++)
			picture[n++] = *p;
	}
	for (const char *p = LINE_END SCREEN_END; *p != '\0'; p++)
		picture[n++] = *p;
	put(picture, n);
}
