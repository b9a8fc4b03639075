// SPDX-License-Identifier: Apache-2.0
/** Programs, maps and what they tell. */
export { adoptIndexes } from './adopt.js';
export { Attachments } from './attachments.js';
export { Driver, driverMaps } from './driver.js';
export { DropSamples } from './drop-samples.js';
export { DataPathError } from './errors.js';
export { FlushMarkFile } from './flush-mark.js';
export { IndexReuse } from './index-reuse.js';
export { missingByObject } from './missing.js';
export { Names } from './names.js';
export {
  addressText,
  holderOf,
  listOf,
  natTables,
  viaOf,
  UNKNOWN,
  type NatTables,
  type Objects,
} from './nat-tables.js';
export { natWhoStatic } from './nat-who.js';
export { PolicyCheck } from './policy-check.js';
export { askKernel } from './policy-judge.js';
export { PolicyView } from './policy-view.js';
export { Programs } from './programs.js';
export { RuleHits } from './rule-hits.js';
export { closedProgram, indexLimits, type DataPathSettings } from './settings.js';
export { LimitStatus } from './limit-status.js';
export { StatusBoard } from './status.js';
export { KernelView } from './view.js';
