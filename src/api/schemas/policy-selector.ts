// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';

/** Longer ones are a mistake or an attempt, characters. */
const MAX_SELECTOR = 16_384;

/** Expression over labels. It stays as it was written. */
export function selectorField() {
  return z.string().max(MAX_SELECTOR);
}
