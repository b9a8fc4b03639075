// SPDX-License-Identifier: Apache-2.0
/** The REST API: schemas, route table, what server and client derive from them. */
export * from './client/client.js';
export * from './client/transport.js';
export * from './diff.js';
export * from './docs-page.js';
export * from './errors.js';
export * from './explain.js';
export * from './fields.js';
export * from './issues.js';
export * from './kinds.js';
export * from './labels.js';
export * from './openapi.js';
export * from './parse.js';
export * from './request.js';
export * from './route-types.js';
export * from './routes.js';
export * from './selector.js';
export * from './types.js';
export * from './schemas/metadata.js';
export * from './schemas/objects.js';
