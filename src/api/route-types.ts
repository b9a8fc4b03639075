// SPDX-License-Identifier: Apache-2.0
/** How a route is declared, and the types that server and client derive from it. */
import type { z } from 'zod';

export type Method = 'get' | 'post' | 'put' | 'delete';

export interface RouteDeclaration {
  readonly method: Method;
  /** With parameters in braces, as in OpenAPI. */
  readonly path: string;
  readonly tag: 'objects' | 'data path' | 'daemon';
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** What OpenAPI says of the body, where judging it takes more than a schema. */
  readonly bodyDoc?: z.ZodType;
  /** json: one document. ndjson: a stream with one document of `response` a line. */
  readonly format: 'json' | 'ndjson' | 'text' | 'html';
  readonly response: z.ZodType;
  /** Answered without a token. */
  readonly open?: boolean;
}

type OutputOf<S> = S extends z.ZodType ? z.output<S> : undefined;
type InputOf<S> = S extends z.ZodType ? z.input<S> : undefined;
type Part<R, Name extends string> = R extends Readonly<Record<Name, infer S>> ? S : undefined;

/** What a handler gets: parsed and typed. */
export interface RouteInput<R extends RouteDeclaration> {
  readonly params: OutputOf<Part<R, 'params'>>;
  readonly query: OutputOf<Part<R, 'query'>>;
  readonly body: OutputOf<Part<R, 'body'>>;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** What a client gives. */
export interface RouteArguments<R extends RouteDeclaration> {
  readonly params: InputOf<Part<R, 'params'>>;
  readonly query: InputOf<Part<R, 'query'>>;
  readonly body: InputOf<Part<R, 'body'>>;
}

/** One document of the answer. */
export type RouteResponse<R extends RouteDeclaration> = z.output<R['response']>;

/** What a handler gives back. */
export type RouteResult<R extends RouteDeclaration> = R['format'] extends 'ndjson'
  ? AsyncIterable<RouteResponse<R>>
  : Promise<RouteResponse<R>> | RouteResponse<R>;
