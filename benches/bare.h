/* The few system calls that the bench's payloads need, without a C library: such a program is the cheapest thing one can
 * exec, so what a contest measures is the supervisor and the kernel, not the payload's loader. */
#ifndef PORTERD_BARE_H
#define PORTERD_BARE_H

#if defined(__x86_64__)
#define NR_read 0
#define NR_write 1
#define NR_accept4 288
#define NR_exit 60
static inline long sys4(long n, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
}
#elif defined(__aarch64__)
#define NR_read 63
#define NR_write 64
#define NR_accept4 242
#define NR_exit 93
static inline long sys4(long n, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#else
#error "add this architecture's system call numbers"
#endif

#endif
