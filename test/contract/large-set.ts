// SPDX-License-Identifier: Apache-2.0
/** Names of a large set's objects; "both" is written by small commits, too. */
export const LARGE_SET = [...Array.from({ length: 3000 }, (_, i) => `large-${i}`), 'both'];
