// SPDX-License-Identifier: Apache-2.0
/**
 * Offloads by ethtool's one-word commands. They are old, but every driver has them, and they say
 * what we mean without the driver's table of feature names.
 */
import { Namespace, type NativeNet } from '../netns/index.js';
import { kernelError } from './errors.js';
import * as c from './libc.js';

export type Offload = 'gro' | 'tx-checksum' | 'tso' | 'tx-vlan';

interface Command {
  readonly get: number;
  readonly set: number;
  /** Bit of the word; the whole word when undefined. */
  readonly bit?: number;
}

/** include/uapi/linux/ethtool.h: ETHTOOL_G…, ETHTOOL_S…, ETH_FLAG_TXVLAN. */
const COMMANDS: Readonly<Record<Offload, Command>> = {
  gro: { get: 0x2b, set: 0x2c },
  'tx-checksum': { get: 0x16, set: 0x17 },
  tso: { get: 0x1e, set: 0x1f },
  'tx-vlan': { get: 0x25, set: 0x26, bit: 1 << 7 },
};

/** A socket to switch offloads by, in one namespace. */
export class Ethtool {
  private constructor(
    private readonly libc: c.Libc,
    private readonly native: NativeNet,
    private fd: number,
  ) {}

  /** In the calling thread's namespace, or the one given. @throws NetlinkError */
  static open(libc: c.Libc, native: NativeNet, namespace?: Namespace): Ethtool {
    if (namespace) return new Ethtool(libc, native, namespace.socket(c.AF_INET, c.SOCK_DGRAM, 0));
    const fd = libc.socket(c.AF_INET, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0);
    if (fd < 0) throw kernelError(libc.errno(), 'open', 'ethtool socket');
    return new Ethtool(libc, native, fd);
  }

  /** Switches an offload unless it is so already. @returns what it was. @throws NetlinkError */
  set(device: string, offload: Offload, on: boolean): boolean {
    const { get, set, bit } = COMMANDS[offload];
    const before = this.command(device, `read ${offload} of`, get, 0);
    const was = (bit === undefined ? before : before & bit) !== 0;
    if (was === on) return was;
    const after = bit === undefined ? Number(on) : on ? before | bit : before & ~bit;
    this.command(device, `switch ${offload} ${on ? 'on' : 'off'} for`, set, after);
    return was;
  }

  /** Calling it again does nothing. */
  close(): void {
    if (this.fd >= 0) this.libc.close(this.fd);
    this.fd = -1;
  }

  private command(device: string, operation: string, command: number, value: number): number {
    const word = Uint32Array.of(value);
    const result = this.native.ethtool(this.fd, device, command, word);
    if (result < 0) throw kernelError(-result, operation, device);
    return word[0] ?? 0;
  }
}
