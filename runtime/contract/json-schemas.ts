// JSON Schemas of every document of the contract, from the TypeBox schemas that check them: for editors, reviewers and
// programs in other languages. Described in FORMAT.md.

import type { TSchema } from 'typebox'
import { BundleFile } from './bundle.ts'
import { Diff } from './diff.ts'
import { Manifest } from './manifest.ts'
import { EnvConfig, GenerationRecord, Plan, Refs, RunState, SwitchEntry, TargetWrites } from './state.ts'

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

/** A document's name, what it says, and where it is: in a bundle or below target/. */
const DOCUMENTS = {
  bundle: [
    BundleFile,
    'bundle.json',
    'The contract between compiler and runtime; names the digest of every other file.',
  ],
  manifest: [
    Manifest,
    'manifest.json',
    'The compiled description of all nodes. base.json of a bundle has the same form.',
  ],
  diff: [Diff, 'diff.json', 'What changed between the base manifest and this one, why, and what it touches.'],
  'run-state': [RunState, 'run_state.json', 'What each output of a generation or an environment was made from.'],
  plan: [Plan, 'plan.json', 'The plan of an environment.'],
  refs: [Refs, 'refs.json', 'Outputs that an environment reads from production.'],
  'env-config': [EnvConfig, 'env_config.json', 'An environment: its status and its times.'],
  generation: [GenerationRecord, 'generation.json', 'Where a generation of production comes from.'],
  targets: [TargetWrites, 'targets.json', 'What tables of other databases hold that outputs were written to.'],
  switch: [SwitchEntry, 'journal/production.jsonl', 'One line: production became another generation.'],
} as const satisfies Readonly<Record<string, readonly [TSchema, string, string]>>

export type DocumentName = keyof typeof DOCUMENTS

/** JSON Schema (draft 2020-12) of each document, by its name. */
export const schemas: Readonly<Record<DocumentName, Readonly<Record<string, unknown>>>> = {
  bundle: jsonSchema('bundle'),
  manifest: jsonSchema('manifest'),
  diff: jsonSchema('diff'),
  'run-state': jsonSchema('run-state'),
  plan: jsonSchema('plan'),
  refs: jsonSchema('refs'),
  'env-config': jsonSchema('env-config'),
  generation: jsonSchema('generation'),
  targets: jsonSchema('targets'),
  switch: jsonSchema('switch'),
}

function jsonSchema(name: DocumentName): Readonly<Record<string, unknown>> {
  const [schema, title, description] = DOCUMENTS[name]
  return { $schema: DRAFT, title, description, ...schema }
}
