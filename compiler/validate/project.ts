// seeknal_project.yml, seeknal/common and seeknal.lock.json in the form that later passes use.

import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import type { EngineChoice } from '../../runtime/contract/engines.ts'
import { misfits } from '../../runtime/contract/schema.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { escapePointer } from '../load/document.ts'
import type { LoadedDocument } from '../load.ts'
import { CommonFile } from '../schema/common.ts'
import { LockFile, ProjectFileSchema } from '../schema/project.ts'
import type { LockedColumn, ProjectSettings, Snippets, Validated } from '../validate.ts'
import { dialectOf, engineOf, NO_ENGINE, settingsOf } from './engine.ts'
import { keyPlaceOf, placeOf, SchemaReader, writtenText } from './read-schema.ts'

const NO_PROJECT: ProjectSettings = {
  name: 'project',
  version: '0.0.0',
  profile: null,
  engine: NO_ENGINE,
  dialect: 'duckdb',
  settings: {},
  params: {},
  document: null,
}

export function readProject(
  document: LoadedDocument | null,
  chosen: EngineChoice | undefined,
  report: (d: Diagnostic) => void,
): ProjectSettings {
  if (document === null) return NO_PROJECT
  const reader = new SchemaReader(document, (key, place, known) => {
    const near = nearest(key, known)
    const hints = near === undefined ? [] : [`Did you mean '${near}'?`]
    return document.positions.at(`/settings/${key}`)?.key === place
      ? errorAt('VALIDATE_UNKNOWN_OPTION', place, `'${key}' is no setting that changes results.`, {
          facts: { option: key, known },
          hints,
        })
      : warningAt('VALIDATE_UNKNOWN_KEY', place, `The key '${key}' is not known here; it is ignored.`, {
          facts: { key, known },
          hints,
        })
  })
  const fields = reader.read(ProjectFileSchema, document.value, '')
  reader.diagnostics.forEach(report)
  if (fields === undefined) return NO_PROJECT
  const engine = engineOf(fields.engine, chosen, keyPlaceOf(document, '/engine'), report)
  return {
    name: fields.name,
    version: fields.version ?? NO_PROJECT.version,
    profile: fields.profile ?? null,
    engine,
    dialect: dialectOf(fields.dialect ?? 'duckdb', engine, keyPlaceOf(document, '/dialect'), report),
    settings: settingsOf(fields.settings ?? {}, engine, keyPlaceOf(document, '/settings'), report),
    params: { ...fields.defaults?.params, ...fields.params },
    document,
  }
}

/** Snippets of all common files by the names under which placeholders use them. */
export function readSnippets(documents: readonly LoadedDocument[], report: (d: Diagnostic) => void): Snippets {
  const snippets: Record<string, Snippet> = {}
  const short = new Map<string, Snippet | undefined>()
  const add = (name: string, text: string, place: Place, plain?: string): void => {
    const first = Object.hasOwn(snippets, name) ? snippets[name] : undefined
    if (first === undefined) snippets[name] = { text, place }
    else report(duplicateSnippet(name, place, first.place))
    // A short name that could mean two snippets means none.
    if (plain !== undefined) short.set(plain, short.has(plain) ? undefined : { text, place })
  }
  for (const document of documents) {
    const reader = new SchemaReader(document)
    const file = reader.read(CommonFile, document.value, '')
    const isNode = Object.hasOwn(document.value, 'kind')
    if (isNode) report(nodeAmongSnippets(document))
    reader.diagnostics.filter((d) => !isNode || d.severity === 'error').forEach(report)
    if (file !== undefined) readCommonFile(file, document, add)
  }
  for (const [name, snippet] of short)
    if (snippet !== undefined && !Object.hasOwn(snippets, name)) snippets[name] = snippet
  return snippets
}

/** In place of a warning for each of its keys. */
const nodeAmongSnippets = (document: LoadedDocument): Diagnostic =>
  warningAt(
    'VALIDATE_UNKNOWN_KEY',
    keyPlaceOf(document, '/kind'),
    'Files of seeknal/common hold snippets; a node is not read there.',
    {
      facts: { key: 'kind', known: Object.keys(CommonFile.properties) },
      hints: ['Move it to another folder below seeknal/.'],
    },
  )

type Snippet = Snippets[string]

function readCommonFile(
  file: CommonFile,
  document: LoadedDocument,
  add: (name: string, text: string, place: Place, plain?: string) => void,
): void {
  file.sources?.forEach((source, i) => {
    if (source.ref !== undefined) add(`${source.id}.ref`, source.ref, placeOf(document, `/sources/${i}/ref`))
    for (const [name, value] of Object.entries(source.params ?? {})) {
      const at = `/sources/${i}/params/${escapePointer(name)}`
      if (value !== null) add(`${source.id}.${name}`, writtenText(document, value, at), keyPlaceOf(document, at))
    }
  })
  file.rules?.forEach(({ id, value }, i) => {
    add(`rules.${id}`, value, placeOf(document, `/rules/${i}/value`), id)
  })
  file.transformations?.forEach(({ id, sql }, i) => {
    add(`transforms.${id}`, sql, placeOf(document, `/transformations/${i}/sql`), id)
  })
}

const duplicateSnippet = (name: string, place: Place, first: Place): Diagnostic =>
  errorAt('VALIDATE_DUPLICATE_SNIPPET', place, `There are two snippets '${name}'.`, {
    facts: { name },
    notes: [{ message: 'The first one.', place: first }],
  })

/** Locked columns by node id; none when there is no lock file. */
export function readLock(text: string | null, report: (d: Diagnostic) => void): Validated['lock'] {
  if (text === null) return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const wrong = misfits(LockFile, value, 1)
  if (wrong.length > 0) {
    const place = { file: 'seeknal.lock.json', line: 1, column: 1, length: 1 }
    report(
      errorAt('VALIDATE_LOCK_FILE', place, 'This is no lock file of this version.', {
        facts: { misfits: wrong },
        hints: ["Delete it and run 'seeknal lock' to write it again."],
      }),
    )
    return {}
  }
  // Checked by the line above.
  const { sources } = value as LockFile
  return sources
}

const lockedColumn = ({ name, type, source_type }: LockedColumn): LockedColumn =>
  source_type === undefined ? { name, type } : { name, type, source_type }

/** The text of seeknal.lock.json: the same columns, the same bytes. Pure. */
export function lockText(lock: Validated['lock']): string {
  const sources = Object.fromEntries(
    Object.entries(lock).map(([id, { columns, asked, unread = [] }]) => [
      id,
      {
        ...(asked === undefined ? {} : { asked }),
        columns: columns.map(lockedColumn),
        ...(unread.length === 0 ? {} : { unread }),
      },
    ]),
  )
  return prettyJson({ format: 'seeknal.lock/1', sources })
}
