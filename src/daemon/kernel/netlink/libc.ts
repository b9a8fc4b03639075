// SPDX-License-Identifier: Apache-2.0
/**
 * The C library's functions the adapter needs. A wrong prototype here corrupts memory: this is
 * the only place that declares them. All are called synchronously, on whatever thread asks.
 */
import koffi from 'koffi';

/** The C library, loaded. Failing functions return -1; errno() tells why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  send(fd: number, data: Uint8Array, length: number, flags: number): number;
  recv(fd: number, data: Uint8Array, length: number, flags: number): number;
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  write(fd: number, data: Uint8Array, length: number): number;
  close(fd: number): number;
  /** Error number of this thread's last call that failed. */
  errno(): number;
}

/** Binds the functions. Cheap enough to be done by each user; the library is in the process anyway. */
export function loadLibc(): Libc {
  const lib = koffi.load('libc.so.6');
  const bind = <K extends keyof Libc>(_name: K, prototype: string): Libc[K] => lib.func(prototype);
  return {
    socket: bind('socket', 'int socket(int domain, int type, int protocol)'),
    bind: bind('bind', 'int bind(int fd, const void *address, uint32_t length)'),
    setsockopt: bind(
      'setsockopt',
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
    ),
    send: bind('send', 'long send(int fd, const void *data, size_t length, int flags)'),
    recv: bind('recv', 'long recv(int fd, void *data, size_t length, int flags)'),
    poll: bind('poll', 'int poll(void *fds, unsigned long count, int timeout)'),
    eventfd: bind('eventfd', 'int eventfd(unsigned int initial, int flags)'),
    write: bind('write', 'long write(int fd, const void *data, size_t length)'),
    close: bind('close', 'int close(int fd)'),
    errno: () => koffi.errno(),
  };
}

/** include/linux/socket.h, asm-generic/socket.h: the same on every architecture Node runs on here. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_RCVTIMEO = 20;
export const SO_RCVBUFFORCE = 33;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;
export const POLLIN = 1;
export const EFD_CLOEXEC = 0o2000000;
