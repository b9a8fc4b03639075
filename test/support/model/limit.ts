// SPDX-License-Identifier: Apache-2.0
/**
 * Token bucket of ICMP errors (RFC 4443 s2.4f), one per VPC. The program's clock is not ours, so the
 * bucket's content is known only within bounds, and so is what it allows.
 */

/** When something happened: somewhere between the two. */
export interface Moment {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** The program reads a coarse clock. */
const SLACK_MS = 20;

interface Bucket {
  least: number;
  most: number;
  /** Filled up to here, at the earliest. */
  sinceMs: number;
}

export type Allowed = 'yes' | 'no' | 'perhaps';

export class IcmpLimit {
  private readonly buckets = new Map<number, Bucket>();

  /** A VPC that comes may inherit a bucket that another has used. */
  uncertain(vni: number): void {
    this.buckets.set(vni, { least: 0, most: Infinity, sinceMs: 0 });
  }

  /** Takes a token. @param rate per second */
  take(vni: number, rate: number, burst: number, now: Moment): Allowed {
    const { earliestMs, latestMs } = now;
    const bucket = this.buckets.get(vni) ?? { least: burst, most: burst, sinceMs: earliestMs };
    this.buckets.set(vni, bucket);
    const passed = latestMs - bucket.sinceMs + SLACK_MS;
    bucket.least = Math.min(bucket.least, burst);
    bucket.most = Math.min(bucket.most + (passed * rate) / 1000, burst);
    bucket.sinceMs = earliestMs;
    const allowed = bucket.least >= 1 ? 'yes' : bucket.most < 1 ? 'no' : 'perhaps';
    bucket.least = Math.max(0, bucket.least - 1);
    if (allowed === 'yes') bucket.most -= 1;
    return allowed;
  }
}

/** Errors about refused connections that an endpoint gets in one second: others get theirs, too. */
const TOLD = 8;

/** Refusals by who asked. The clock stands still: it is always the same second. */
export class Refusals {
  private readonly counts = new Map<string, number>();

  /** Counts one more. @returns whether the sender is told. */
  isTold(account: string): boolean {
    const before = this.counts.get(account) ?? 0;
    this.counts.set(account, before + 1);
    return before < TOLD;
  }
}
