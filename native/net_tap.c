// SPDX-License-Identifier: Apache-2.0
/*
 * A tap device: packets that the data path redirects to it are read here, and what is written
 * arrives on it. It goes with its descriptor. It has no offloads, so the kernel completes checksums
 * and cuts segments before we read. All return 0 or a count, or -errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STOPPED = -ECANCELED, RECORD_HEAD = 4 };

/* The host shall not speak on it. Where there is no IPv6 there is nothing to switch off. */
static void no_ipv6(const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1) { /* then it sends what nobody takes */
	}
	close(fd);
}

static int bring_up(struct ifreq *req, int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	req->ifr_mtu = mtu;
	if (ioctl(fd, SIOCSIFMTU, req))
		err = -errno;
	req->ifr_flags = IFF_UP | IFF_NOARP;
	if (!err && ioctl(fd, SIOCSIFFLAGS, req))
		err = -errno;
	if (!err && ioctl(fd, SIOCGIFINDEX, req))
		err = -errno;
	close(fd);
	return err;
}

/* Makes it, in this thread's namespace, and brings it up. Returns the descriptor. */
int transit_tap_open(const char *name, int mtu, int *ifindex)
{
	struct ifreq req = {0};
	int fd, err;

	if (strlen(name) >= sizeof(req.ifr_name))
		return -ENAMETOOLONG;
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	strcpy(req.ifr_name, name);
	req.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	err = ioctl(fd, TUNSETIFF, &req) ? -errno : 0;
	if (!err) {
		no_ipv6(name);
		err = bring_up(&req, mtu);
	}
	if (err) {
		close(fd);
		return err;
	}
	*ifindex = req.ifr_ifindex;
	return fd;
}

/*
 * Waits up to timeout_ms for frames and reads those that are there, each with its length in four
 * bytes before it and padding to four bytes behind. Returns bytes; -ECANCELED when stop_fd says so.
 */
int transit_tap_read(int fd, int stop_fd, uint8_t *out, uint32_t size, uint32_t largest,
		     int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = fd, .events = POLLIN},
		{.fd = stop_fd, .events = POLLIN},
	};
	uint32_t used = 0, length;
	ssize_t n;

	if (poll(fds, 2, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents)
		return STOPPED;
	while (used + RECORD_HEAD + largest + 3 <= size) {
		n = read(fd, out + used + RECORD_HEAD, largest);
		if (n < 0)
			return used || errno == EAGAIN || errno == EINTR ? (int)used : -errno;
		length = (uint32_t)n;
		memcpy(out + used, &length, sizeof(length));
		used += RECORD_HEAD + ((length + 3) & ~3u);
	}
	return (int)used;
}

/* Sends one frame as if it had arrived on the device. */
int transit_tap_write(int fd, const uint8_t *frame, uint32_t length)
{
	ssize_t n = write(fd, frame, length);

	return n < 0 ? -errno : 0;
}
