// SPDX-License-Identifier: Apache-2.0
/** What the C helper library does for namespaces and devices (native/net_*.c). */
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';

export interface NativeNet {
  /** A socket in the namespace the descriptor refers to. @returns it, or a negative error number. */
  socket(netns: number, domain: number, type: number, protocol: number): number;
  /**
   * Runs an ethtool command on one word, in the socket's namespace.
   * @returns 0 or a negative error number; the word is changed in place.
   */
  ethtool(fd: number, device: string, command: number, value: Uint32Array): number;
}

/** Where make puts the library; the same seen from src/ and from dist/. */
export function defaultNativeLibrary(): string {
  return fileURLToPath(new URL('../../../../build/libtransit_native.so', import.meta.url));
}

/** Loads the library. @throws Error of the loader when it is not there. */
export function loadNativeNet(path: string = defaultNativeLibrary()): NativeNet {
  const lib = koffi.load(path);
  const bind = <K extends keyof NativeNet>(_name: K, prototype: string): NativeNet[K] =>
    lib.func(prototype);
  return {
    socket: bind('socket', 'int transit_net_socket(int netns, int domain, int type, int protocol)'),
    ethtool: bind(
      'ethtool',
      'int transit_net_ethtool(int fd, const char *device, uint32_t command, _Inout_ uint32_t *value)',
    ),
  };
}
