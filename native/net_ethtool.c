// SPDX-License-Identifier: Apache-2.0
/*
 * One word of a device's ethtool settings. ioctl() is variadic and takes pointers in pointers,
 * which is safer said in C than through a foreign-function interface.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

/*
 * Runs a command that takes or gives a struct ethtool_value, in the namespace of the socket fd.
 * The value is read for setting commands and written for getting ones. Returns 0 or -errno.
 */
int transit_net_ethtool(int fd, const char *device, uint32_t command, uint32_t *value)
{
	struct ethtool_value data = {.cmd = command, .data = *value};
	struct ifreq req = {0};

	if (strlen(device) >= sizeof(req.ifr_name))
		return -ENODEV;
	strcpy(req.ifr_name, device);
	req.ifr_data = (void *)&data;
	if (ioctl(fd, SIOCETHTOOL, &req))
		return -errno;
	*value = data.data;
	return 0;
}
