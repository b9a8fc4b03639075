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

/** Switches an offload that we switched off on again. */
export async function switchBack(
  { netlink, book }: BorrowedDeps,
  link: Link,
  feature: 'tx-checksum' | 'tso',
): Promise<void> {
  if (book.get(link.ifindex, link.name)[feature] !== true) return;
  await netlink.setOffload(link.ifindex, feature, true);
  book.strike(link.ifindex, feature);
}

/**
 * Has a device take every multicast frame, or no longer for our sake: neighbour discovery asks
 * for public addresses at groups that no address of the device is in (RFC 4291 s2.7.1).
 */
export async function takeAllMulticast(
  { netlink, book }: BorrowedDeps,
  link: Link,
  wanted: boolean,
): Promise<void> {
  const { ifindex, name } = link;
  if (wanted && !link.allMulticast) {
    book.note(ifindex, name, { allMulticast: false });
    await netlink.setLink(ifindex, { allMulticast: true });
  } else if (!wanted && book.get(ifindex, name).allMulticast === false) {
    await netlink.setLink(ifindex, { allMulticast: false });
    book.strike(ifindex, 'allMulticast');
  }
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
    const { up, mtu, tso, gro, allMulticast, 'tx-checksum': checksum } = entry.original;
    if (checksum === true) await netlink.setOffload(ifindex, 'tx-checksum', true);
    if (tso === true) await netlink.setOffload(ifindex, 'tso', true);
    if (gro === false) await netlink.setOffload(ifindex, 'gro', false);
    if (up !== undefined || mtu !== undefined || allMulticast !== undefined) {
      await netlink.setLink(ifindex, {
        ...(up === undefined ? {} : { up }),
        ...(mtu === undefined ? {} : { mtu }),
        ...(allMulticast === undefined ? {} : { allMulticast }),
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
