// `seeknal words` where the project's own files can be read: nodes that are not in production yet have names, too. Found
// by the lines that say kind and name, without a parser: a file that is being written has to be good enough.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NamedNode, wordsCommand } from '../../runtime/cli/words.ts'
import { projectPaths } from './project-paths.ts'

export const words = wordsCommand({
  nodes: (root) =>
    projectPaths(root).flatMap((path) => (isNodes(path) ? namedIn(readFileSync(join(root, path), 'utf8')) : [])),
  schemas: async () => {
    const { SCHEMA_KINDS } = await import('../schema/json-schema.ts')
    const { schemas } = await import('../../runtime/contract/json-schemas.ts')
    return [...SCHEMA_KINDS, ...Object.keys(schemas)]
  },
})

const isNodes = (path: string): boolean => /^seeknal\/(?!common\/).*\.ya?ml$/i.test(path)

/** Of a file that may hold several documents. */
function namedIn(text: string): readonly NamedNode[] {
  return text.split(/^---.*$/m).flatMap((document) => {
    const value = (key: string) =>
      new RegExp(`^${key}:[ \\t]*["']?([A-Za-z_]\\w*)["']?[ \\t]*(?:#.*)?\\r?$`, 'm').exec(document)?.[1]
    const [kind, name] = [value('kind'), value('name')]
    return kind === undefined || name === undefined ? [] : [{ id: `${kind}.${name}`, tags: tagsIn(document) }]
  })
}

/** `tags: [a, b]` on one line; otherwise production knows them after the next run. */
const tagsIn = (document: string): readonly string[] =>
  [...(/^tags:[ \t]*\[([^\]\n]*)\]/m.exec(document)?.[1] ?? '').matchAll(/"([^"]*)"|'([^']*)'|([^,\s][^,]*)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain?.trim() ?? '',
  )
