// SPDX-License-Identifier: Apache-2.0
/** Checks the import rules of .dependency-cruiser.cjs, and that anything was looked at at all. */
import { createRequire } from 'node:module';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

interface Rules {
  readonly forbidden: NonNullable<ICruiseOptions['ruleSet']>['forbidden'];
  readonly options: ICruiseOptions;
}

const rules = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as Rules;
const answer = await cruise(
  ['src'],
  {
    ...rules.options,
    ruleSet: { forbidden: rules.forbidden ?? [] },
    validate: true,
  },
  undefined,
  { tsConfig: extractTSConfig('tsconfig.json') },
);
const { summary } = answer.output as ICruiseResult;
for (const violation of summary.violations) {
  console.error(
    `${violation.rule.severity}: ${violation.rule.name}: ${violation.from} → ${violation.to}`,
  );
}
// A silent zero would pass every rule.
if (summary.totalCruised < 20) {
  console.error(`only ${summary.totalCruised} modules were found`);
  process.exitCode = 1;
}
if (summary.error > 0) process.exitCode = 1;
console.log(`${summary.totalCruised} modules, ${summary.violations.length} violations`);
