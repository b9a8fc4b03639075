// SPDX-License-Identifier: Apache-2.0
/** The API's server side. */
export { Admission, type StateRules } from './admission.js';
export { createApp, type AppDeps, type AppOptions, type RequestFacts } from './app.js';
export type {
  Backend,
  Deletion,
  ObjectList,
  Proposal,
  PutOptions,
  PutResult,
  StatusSource,
  WatchOptions,
  WriteOptions,
} from './backend.js';
export { RestError, type RestErrorCode } from './errors.js';
export {
  createHandlers,
  type HandlerDeps,
  type HandlerOptions,
  type MetricsSource,
} from './handlers.js';
export { runProbes, type Probe } from './health.js';
export { RestServer, type RestServerDeps, type RestServerOptions } from './server.js';
export { StoreBackend, type StoreBackendDeps, type StoreBackendOptions } from './store-backend.js';
