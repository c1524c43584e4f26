/* The floor under the contests: what the work costs when nobody supervises, limits, logs or remembers anything.
 *
 *   floor accept PORT PROGRAM   accept, vfork, exec with the connection as 0 and 1; children reaped on SIGCHLD
 *   floor wake PORT PROGRAM     wait for a connection, vfork, exec with the listener as 3, wait for the end, again
 *   floor boot DIR              open and read every file in DIR, bind every ListenStream=, tell $NOTIFY_SOCKET, sleep
 *
 * It is tight on purpose (blocking calls, no epoll, no per-child bookkeeping), and honest: it reaps, it closes, it checks. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap(int sig)
{
    int saved = errno;
    (void)sig;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved;
}

static int listen_on(const struct sockaddr *sa, socklen_t len)
{
    int one = 1;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (sa->sa_family == AF_INET)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, sa, len) < 0 || listen(fd, 4096) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int listen_on_port(const char *host, int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &sa.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    return listen_on((struct sockaddr *)&sa, sizeof sa);
}

static int serve_connections(int listener, char *program)
{
    char *argv[] = {program, NULL}, *envp[] = {NULL};
    struct sigaction sa = {.sa_handler = reap, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &sa, NULL);
    for (;;) {
        int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (conn < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            err(1, "accept");
        }
        pid_t pid = vfork();
        if (pid == 0) {
            dup2(conn, 0);
            dup2(conn, 1);
            execve(program, argv, envp);
            _exit(127);
        }
        if (pid < 0)
            warn("vfork");
        close(conn);
    }
}

static int serve_wakes(int listener, char *program)
{
    char *argv[] = {program, NULL}, *envp[] = {"LISTEN_FDS=1", NULL};
    if (listener != 3) {
        if (dup2(listener, 3) != 3)
            err(1, "dup2");
        close(listener);
    } else {
        fcntl(3, F_SETFD, 0);
    }
    for (;;) {
        struct pollfd p = {.fd = 3, .events = POLLIN};
        if (poll(&p, 1, -1) < 1)
            continue;
        pid_t pid = vfork();
        if (pid == 0) {
            execve(program, argv, envp);
            _exit(127);
        }
        if (pid < 0)
            err(1, "vfork");
        waitpid(pid, NULL, 0);
    }
}

static void bind_address(char *value)
{
    if (value[0] == '/') {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        strncpy(sa.sun_path, value, sizeof sa.sun_path - 1);
        if (listen_on((struct sockaddr *)&sa, sizeof sa) < 0)
            err(1, "%s", value);
        return;
    }
    char *colon = strrchr(value, ':');
    if (!colon)
        errx(1, "%s: no port", value);
    *colon = 0;
    if (listen_on_port(value, atoi(colon + 1)) < 0)
        err(1, "%s:%s", value, colon + 1);
}

static void tell_ready(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (!path)
        return;
    strncpy(sa.sun_path, path, sizeof sa.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&sa, sizeof sa) < 0)
        err(1, "%s", path);
    close(fd);
}

static int boot(const char *dir)
{
    static char text[65536];
    struct dirent *e;
    DIR *d = opendir(dir);
    if (!d)
        err(1, "%s", dir);
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            err(1, "%s", e->d_name);
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n < 0)
            continue; /* a directory */
        text[n] = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            if (!strncmp(line, "ListenStream=", 13))
                bind_address(line + 13);
    }
    closedir(d);
    tell_ready();
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "boot"))
        return boot(argv[2]);
    if (argc != 4)
        errx(2, "usage: floor accept|wake PORT PROGRAM, floor boot DIR");
    int fd = listen_on_port("127.0.0.1", atoi(argv[2]));
    if (fd < 0)
        err(1, "127.0.0.1:%s", argv[2]);
    return !strcmp(argv[1], "wake") ? serve_wakes(fd, argv[3]) : serve_connections(fd, argv[3]);
}
