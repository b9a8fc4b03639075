// SPDX-License-Identifier: Apache-2.0
/**
 * MUSTs whose tests are still to be written: `NUMBER ID`. It is to become empty. A name that has a
 * test or a waiver must not be here.
 */
export const PENDING: readonly string[] = [
  '6146 s3.1',
  '6146 s3.4a',
  '6146 s3.5',
  '6146 s3.5a',
  '6146 s3.5.1',
  '6146 s3.5.1.1b',
  '6146 s3.5.2.2',
  '6146 s3.5.2.2a',
  '6146 s3.5.3a',
  '6146 s3.7',
  '6146 s5.3',
  '7915 s4a',
  '7915 s4.5b',
  '7915 s4.6',
  '7915 s5.2b',
  '7915 s5.4',
  '7915 s5.5a',
  '7915 s5.6',
];
