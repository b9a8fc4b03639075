// SPDX-License-Identifier: Apache-2.0
/** The calculation: objects and facts to desired entries. Pure. */
export { Calculator, type LocalPolicy } from './calculator.js';
export { CalcError, type CalcErrorCode } from './errors.js';
export { IndexAllocator, type IndexLimits, type IndexSpace } from './indexes.js';
export * from './output.js';
export { accountOf } from './limit.js';
export {
  PolicyTables,
  type ClassChanges,
  type EndpointPrograms,
  type PolicyChanges,
  type PolicyDelta,
} from './policy/tables.js';
export { judge, type JudgedPacket, type Judgement, type Membership } from './policy/judge.js';
export { SupposedPolicies } from './policy/supposed.js';
export {
  DIRECTIONS,
  type Direction,
  type ResolvedProgram,
  type ResolvedRule,
} from './policy/types.js';
export { outsideHopKey } from './outside.js';
export { natPrefixKeys } from './nat-prefix.js';
export { exposedKeys } from './peering.js';
export { pooledAddresses, pooledKey, pooledSourceKey, poolKey } from './peering-pool.js';
export { serverHopKey, servicePortKeys } from './service.js';
export { natStaticKey, portForwardKeys } from './public.js';
