// SPDX-License-Identifier: Apache-2.0
/** Names of error numbers, as errno(3) and the kernel's sources spell them. */
import { constants } from 'node:os';

const names = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) names.set(value, name);
// Two names for one number: the one the kernel uses wins.
names.set(constants.errno.EAGAIN, 'EAGAIN');
names.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
names.set(constants.errno.EDEADLK, 'EDEADLK');

/** Name of a positive error number: 17 is "EEXIST". */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `ERRNO_${errno}`;
}

/** The error numbers the adapter decides by. */
export const { EAGAIN, EEXIST, EINTR, EINVAL, ENOBUFS, ENODEV, ENOENT, EOPNOTSUPP } =
  constants.errno;
export const {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EHOSTUNREACH,
  ENETUNREACH,
  ENXIO,
  ESRCH,
} = constants.errno;
