// TypeBox schemas → JSON Schema documents for editors (`seeknal schema [kind]`). Pure.

import type { TSchema } from 'typebox'
import { CommonFile } from './common.ts'
import { LockFile, ProjectFileSchema } from './project.ts'
import { DATABASE_TYPES, PostgresqlOptions, READER_OPTIONS, Source } from './source.ts'
import { Transform } from './transform.ts'

const SCHEMAS: Readonly<Record<string, { readonly title: string; readonly schema: TSchema }>> = {
  common: { title: 'seeknal/common/*.yml', schema: CommonFile },
  lock: { title: 'seeknal.lock.json', schema: LockFile },
  project: { title: 'seeknal_project.yml', schema: ProjectFileSchema },
  source: {
    title: 'kind: source',
    schema: {
      ...Source,
      if: { properties: { source: { enum: Object.keys(DATABASE_TYPES) } } },
      // Any other parameter is one that the query's placeholders may name.
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema.
      then: { properties: { params: { ...PostgresqlOptions, additionalProperties: true } } },
      else: { properties: { params: { anyOf: Object.values(READER_OPTIONS) } } },
    },
  },
  transform: { title: 'kind: transform', schema: Transform },
}

export const SCHEMA_KINDS: readonly string[] = Object.keys(SCHEMAS)

/** The JSON Schema of one kind of file, or undefined when there is no such kind. */
export function jsonSchema(kind: string): Readonly<Record<string, unknown>> | undefined {
  const found = Object.hasOwn(SCHEMAS, kind) ? SCHEMAS[kind] : undefined
  if (found === undefined) return undefined
  const plain: Record<string, unknown> = JSON.parse(JSON.stringify(found.schema))
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: found.title, ...plain }
}
