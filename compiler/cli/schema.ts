// `seeknal schema [kind]`: JSON Schema of the YAML files, for editors, and of the documents that Seeknal writes.

import { command } from '../../runtime/cli/command.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'

export const schema = command({
  about: `Prints the JSON Schema of a kind of file: of the project's YAML (project, source, transform, common, lock) and of
the documents that Seeknal writes (bundle, manifest, diff, plan, …). Without a kind, lists them.`,
  examples: [
    ['seeknal schema transform > transform.schema.json', 'for an editor'],
    ['seeknal schema', 'list the kinds'],
  ],
  args: { kind: { type: 'positional', description: 'What to describe', required: false } },
  completes: { kind: 'schemas' },
  async run(args, { terminal }) {
    const { jsonSchema, SCHEMA_KINDS } = await import('../schema/json-schema.ts')
    const { schemas } = await import('../../runtime/contract/json-schemas.ts')
    const documents: Readonly<Record<string, unknown>> = schemas
    const names = [...SCHEMA_KINDS, ...Object.keys(documents)]
    if (args.kind === undefined) {
      if (terminal.options.json) terminal.document(names)
      else for (const name of names) terminal.result(name)
      return 0
    }
    const found = jsonSchema(args.kind) ?? (Object.hasOwn(documents, args.kind) ? documents[args.kind] : undefined)
    if (found === undefined) {
      const near = nearest(args.kind, names)
      const hints = [near === undefined ? `Kinds are ${names.join(', ')}.` : `Did you mean '${near}'?`]
      throw new RuntimeFailure('USAGE', `There is no schema of '${args.kind}'.`, { kind: args.kind }, { hints })
    }
    terminal.document(found)
    return 0
  },
})
