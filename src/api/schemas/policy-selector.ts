// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { parsePolicySelector, SelectorError } from '../../model/index.js';

/** Longer ones are a mistake or an attempt, characters. */
const MAX_SELECTOR = 16_384;

/** Expression over labels. It stays as it was written. */
export function selectorField() {
  return z
    .string()
    .max(MAX_SELECTOR)
    .check((context) => {
      // The length was judged, but a check does not stop those behind it.
      if (context.value.length > MAX_SELECTOR) return;
      try {
        parsePolicySelector(context.value);
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error;
        context.issues.push({
          code: 'custom',
          input: context.value,
          message: `is not a selector: ${error.message}`,
        });
      }
    });
}
