// SPDX-License-Identifier: Apache-2.0
/** Network namespaces by name or path, as descriptors. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { EINVAL } from '../netlink/errno.js';
import { kernelError, NetlinkError } from '../netlink/errors.js';
import type { NativeNet } from './native.js';

/** Where ip-netns(8) keeps named namespaces. */
const NAMED = '/run/netns';

/** Path of a namespace given by name or by absolute path. */
export function namespacePath(netns: string): string {
  return isAbsolute(netns) ? netns : join(NAMED, netns);
}

/** An open namespace. It lives at least until it is closed, whoever deletes its name. */
export class Namespace {
  private constructor(
    private readonly native: NativeNet,
    readonly name: string,
    private descriptor: number,
  ) {}

  /** @throws NetlinkError NETNS_NOT_FOUND */
  static open(native: NativeNet, netns: string): Namespace {
    // A name with a slash would be a path in disguise.
    if (netns === '' || (!isAbsolute(netns) && /^\.{1,2}$|\//.test(netns))) {
      throw notFound(netns, 'is not a name or an absolute path');
    }
    const path = namespacePath(netns);
    try {
      return new Namespace(native, netns, openSync(path, 'r'));
    } catch (error) {
      throw notFound(netns, `cannot be opened at ${path}`, error);
    }
  }

  get fd(): number {
    return this.descriptor;
  }

  /** A socket that works in this namespace. @throws NetlinkError */
  socket(domain: number, type: number, protocol: number): number {
    const fd = this.native.socket(this.descriptor, domain, type, protocol);
    if (fd >= 0) return fd;
    // What ip netns add leaves behind when its mount is gone is a plain file.
    if (fd === -EINVAL) throw notFound(this.name, 'is a file, not a network namespace');
    throw kernelError(-fd, 'open socket', `in netns ${this.name}`);
  }

  /** Whether it is the namespace of the calling thread. */
  isOwn(): boolean {
    const own = statSync('/proc/thread-self/ns/net');
    const other = fstatSync(this.descriptor);
    return own.ino === other.ino && own.dev === other.dev;
  }

  /** Calling it again does nothing. */
  close(): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

function notFound(netns: string, why: string, cause?: unknown): NetlinkError {
  return new NetlinkError(
    'NETNS_NOT_FOUND',
    `network namespace "${netns}" ${why}`,
    { operation: 'open netns', object: netns },
    cause,
  );
}
