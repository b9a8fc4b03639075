// SPDX-License-Identifier: Apache-2.0
/** OpenAPI 3.1, generated from the route table and the schemas. */
import { z } from 'zod';
import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';
import { contentType, PROBLEM_TYPE } from './request.js';
import type { RouteDeclaration } from './route-types.js';
import { ROUTES } from './routes.js';
import { problemSchema } from './schemas/problem.js';

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

function objectSchema(schema: z.ZodType | undefined): z.ZodObject | undefined {
  return schema instanceof z.ZodObject ? schema : undefined;
}

function register(registry: OpenAPIRegistry, id: string, route: RouteDeclaration): void {
  const params = objectSchema(route.params);
  const query = objectSchema(route.query);
  const body = route.bodyDoc ?? route.body;
  registry.registerPath({
    method: route.method,
    path: route.path,
    operationId: id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.open === true ? { security: [] } : {}),
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(body === undefined
        ? {}
        : { body: { required: true, content: { 'application/json': { schema: body } } } }),
    },
    responses: {
      200: {
        description: 'Done.',
        content: { [contentType(route).split(';')[0] ?? '']: { schema: route.response } },
      },
      default: {
        description: 'An error.',
        content: { [PROBLEM_TYPE]: { schema: problemSchema } },
      },
    },
  });
}

/** The description of the whole API. */
export function openApiDocument(version: string): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'Over TCP only; the unix socket is guarded by its file mode.',
  });
  for (const [id, route] of Object.entries(ROUTES)) register(registry, id, route);
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Transit',
      version,
      description: 'Configuration and state of a Transit daemon.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
  });
}
