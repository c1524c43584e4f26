/* The smallest service of one connection: says three bytes on standard output and ends. */
#include "bare.h"

void _start(void)
{
    sys4(NR_write, 1, (long)"ok\n", 3, 0);
    sys4(NR_exit, 0, 0, 0, 0);
    __builtin_unreachable();
}
