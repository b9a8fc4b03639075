// SPDX-License-Identifier: Apache-2.0
/** Changing a device that is not ours, and putting back what was changed. */
import type { Link, Netlink } from '../ports/netlink.js';
import type { RestoreBook } from './restore-book.js';

export interface BorrowedDeps {
  readonly netlink: Netlink;
  readonly book: RestoreBook;
}

/** Sets a device up and, when one is given, its MTU. @returns whether anything was changed. */
export async function prepareDevice(
  { netlink, book }: BorrowedDeps,
  link: Link,
  mtu: number | undefined,
): Promise<boolean> {
  const change = {
    ...(link.up ? {} : { up: true }),
    ...(mtu === undefined || mtu === link.mtu ? {} : { mtu }),
  };
  if (Object.keys(change).length === 0) return false;
  book.note(link.ifindex, link.name, {
    ...(change.up === undefined ? {} : { up: link.up }),
    ...(change.mtu === undefined ? {} : { mtu: link.mtu }),
  });
  await netlink.setLink(link.ifindex, change);
  return true;
}

/** Switches an offload off. */
export async function switchOff(
  { netlink, book }: BorrowedDeps,
  link: Link,
  feature: 'tx-checksum' | 'tso',
): Promise<void> {
  const was = await netlink.setOffload(link.ifindex, feature, false);
  if (was) book.note(link.ifindex, link.name, { [feature]: true });
}

/** Switches GRO on. */
export async function switchGroOn({ netlink, book }: BorrowedDeps, link: Link): Promise<void> {
  const was = await netlink.setOffload(link.ifindex, 'gro', true);
  if (!was) book.note(link.ifindex, link.name, { gro: false });
}

/** Puts a device back as it was. One that is gone took its changes along. */
export async function restoreDevice(
  { netlink, book }: BorrowedDeps,
  ifindex: number,
): Promise<void> {
  const entry = book.entries().find((one) => one.ifindex === ifindex);
  if (entry === undefined) return;
  const link = await netlink.linkByName(entry.name);
  if (link?.ifindex === ifindex) {
    const { up, mtu, tso, gro, 'tx-checksum': checksum } = entry.original;
    if (checksum === true) await netlink.setOffload(ifindex, 'tx-checksum', true);
    if (tso === true) await netlink.setOffload(ifindex, 'tso', true);
    if (gro === false) await netlink.setOffload(ifindex, 'gro', false);
    if (up !== undefined || mtu !== undefined) {
      await netlink.setLink(ifindex, {
        ...(up === undefined ? {} : { up }),
        ...(mtu === undefined ? {} : { mtu }),
      });
    }
  }
  book.forget(ifindex);
}

/** Puts back what an earlier run changed on devices that are not in use any more. */
export async function restoreUnused(deps: BorrowedDeps, inUse: ReadonlySet<string>): Promise<void> {
  for (const { ifindex, name } of deps.book.entries()) {
    if (!inUse.has(name)) await restoreDevice(deps, ifindex);
  }
}
