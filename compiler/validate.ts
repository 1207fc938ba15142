// YAML documents → typed nodes, by one TypeBox schema per kind (schema/). Unknown fields are warnings with the nearest
// name, wrong types are errors, kinds that are not built yet are named and set aside. Reports VALIDATE_*.

import { byCodeUnit } from '../runtime/contract/canonical-json.ts'
import { type Diagnostic, nearest, type Place, sortDiagnostics } from '../runtime/contract/diagnostics.ts'
import type { Dialect, EngineChoice, EngineName } from '../runtime/contract/engines.ts'
import { NAME_PATTERN, type NodeId, nodeId } from '../runtime/contract/ids.ts'
import { errorAt, warningAt } from './diagnostic-codes.ts'
import type { Json, Loaded, LoadedDocument, TextPiece } from './load.ts'
import { readLock, readProject, readSnippets } from './validate/project.ts'
import { keyPlaceOf, placeOf, writtenText } from './validate/read-schema.ts'
import { readSource } from './validate/source.ts'
import type { DeclaredTarget } from './validate/targets.ts'
import type { DeclaredCheck } from './validate/tests.ts'
import { readTransform } from './validate/transform.ts'

/** Text of the project with the way back to its place: `placeAt` of sql/placed-text.ts. */
export interface PlacedText {
  readonly text: string
  readonly file: string
  /** At least one; sorted; the first starts at 0. */
  readonly pieces: readonly TextPiece[]
}

export interface NodeInput {
  readonly ref: NodeId
  readonly place: Place
}

export interface NodeCommon {
  readonly id: NodeId
  readonly name: string
  readonly file: string
  /** Place of `name:`'s value. */
  readonly place: Place
  readonly description?: string
  readonly owner?: string
  readonly tags: readonly string[]
  readonly renamedFrom?: NodeId
  /** Declared columns, in order of the YAML: name → type (null: not given), description, not null. */
  readonly columns: readonly DeclaredColumn[]
  readonly params: { readonly [key: string]: Json }
  readonly volatile?: 'day' | 'always'
  /** Tables of other databases that the output is written to, in the order of the YAML. */
  readonly targets: readonly DeclaredTarget[]
  /** What is checked of the output: `tests` and `audits`, and `tests` of columns. */
  readonly checks: readonly DeclaredCheck[]
  readonly document: LoadedDocument
}

export interface DeclaredColumn {
  readonly name: string
  readonly type: string | null
  readonly notNull: boolean
  readonly description?: string
  readonly place: Place
}

export interface FileSourceNode extends NodeCommon {
  readonly kind: 'source'
  readonly format: 'csv' | 'parquet' | 'json'
  /** Path or glob, placeholders not yet resolved. */
  readonly path: PlacedText
  /** Reader options, checked against the allow-list of the format, placeholders not yet resolved. */
  readonly options: { readonly [key: string]: Json }
}

/** Rows of a database: a table, or the answer to a query. */
export interface TableSourceNode extends NodeCommon {
  readonly kind: 'source'
  readonly format: 'postgresql'
  /** Null: the defaults of the profile name it. */
  readonly connection: PlacedText | null
  /** Whether it says itself where its server is, over that connection if there is one. */
  readonly ownConnection: boolean
  /** As written: `schema.table`. Null: the node has a query. */
  readonly table: PlacedText | null
  /** Of a table that is named without one. Null: the defaults of the profile, or the connection's. */
  readonly schema: string | null
  readonly query: PlacedText | null
  readonly growth: { readonly timeColumn: string; readonly lookbackSeconds: number; readonly place: Place } | null
  /** Of what is read. */
  readonly readPlace: Place
}

export type SourceNode = FileSourceNode | TableSourceNode

export interface TransformNode extends NodeCommon {
  readonly kind: 'transform'
  readonly inputs: readonly NodeInput[]
  /** SQL as written, from `transform:` or the file that `file:` names. */
  readonly sql: PlacedText
  readonly dialect: Dialect
  /** People read a table instead of a view; only where the engine is a database. */
  readonly publish: 'view' | 'table'
}

export type ValidNode = SourceNode | TransformNode

/** A node of a kind or source type that is not built yet: reported by name; an error only if something depends on it. */
export interface UnsupportedNode {
  readonly id: NodeId
  readonly kind: string
  readonly what: string
  readonly place: Place
}

export interface ProjectSettings {
  readonly name: string
  readonly version: string
  readonly profile: string | null
  /** What executes; every field has a value. */
  readonly engine: Engine
  /** Of the SQL of transforms that do not say one. */
  readonly dialect: Dialect
  /** Engine settings that change results. */
  readonly settings: Readonly<Record<string, string>>
  /** Default `params` of every node. */
  readonly params: { readonly [key: string]: Json }
  /** Null: there is no project file. */
  readonly document: LoadedDocument | null
}

/** `place` is where the project says so, or would. */
export interface Engine {
  readonly name: EngineName
  /** Of the profile; null: the engine has none. */
  readonly connection: string | null
  /** Production's schema of what transforms make; null: the engine has none. */
  readonly schema: string | null
  readonly place: Place
}

/** Snippets of seeknal/common: `id.param`, `rules.id`, `transforms.id` → text, with place. */
export type Snippets = Readonly<Record<string, { readonly text: string; readonly place: Place }>>

/** What seeknal.lock.json says of a source. */
export interface LockedSource {
  readonly columns: readonly LockedColumn[]
  /** Databases: stands for what was asked when the columns were observed. */
  readonly asked?: string
  /** Files: columns and keys of the data that are accepted as left out, sorted. */
  readonly unread?: readonly string[]
}

export interface LockedColumn {
  readonly name: string
  readonly type: string
  /** The database's own type. */
  readonly source_type?: string
}

export interface Validated {
  readonly project: ProjectSettings
  /** Sorted by id; ids are unique. */
  readonly nodes: readonly ValidNode[]
  readonly unsupported: readonly UnsupportedNode[]
  readonly snippets: Snippets
  /** Locked source schemas by node id. */
  readonly lock: Readonly<Record<string, LockedSource>>
  readonly diagnostics: readonly Diagnostic[]
}

/** Kinds of existing projects that are not built yet. */
const LATER_KINDS: readonly string[] = [
  'rule',
  'profile',
  'exposure',
  'aggregation',
  'second_order_aggregation',
  'feature_group',
  'semantic_model',
  'metric',
  'model',
  'python',
]
const KINDS: readonly string[] = ['source', 'transform', ...LATER_KINDS]
/** File names are made of names. */
const LONGEST_NAME = 128

/** Typed nodes with everything that is wrong in any file; `chosen`: the engine, where the profile has a say. Pure. */
export function validate(loaded: Loaded, chosen?: EngineChoice): Validated {
  const diagnostics: Diagnostic[] = []
  const report = (d: Diagnostic): void => {
    diagnostics.push(d)
  }
  const project = readProject(loaded.project, chosen, report)
  const snippets = readSnippets(loaded.common, report)
  const lock = readLock(loaded.lock, report)
  const nodes: ValidNode[] = []
  const unsupported: UnsupportedNode[] = []
  const seen = new Map<string, { readonly id: NodeId; readonly place: Place }>()
  for (const document of loaded.nodes) {
    const id = identify(document, report)
    if (id === undefined || isDuplicate(id, document, seen, report)) continue
    const read = readNode(id, document, { sql: loaded.sql, project }, report)
    if (read === undefined) continue
    if ('what' in read) unsupported.push(read)
    else nodes.push(read)
  }
  const byId = (a: { readonly id: NodeId }, b: { readonly id: NodeId }): number => byCodeUnit(a.id, b.id)
  return {
    project,
    nodes: nodes.sort(byId),
    unsupported: unsupported.sort(byId),
    snippets,
    lock,
    diagnostics: sortDiagnostics(diagnostics),
  }
}

/** Kind and name of a document, checked. */
function identify(document: LoadedDocument, report: (d: Diagnostic) => void): NodeId | undefined {
  const text = (key: string): string | undefined => {
    const value = document.value[key]
    if (value !== undefined && value !== null && typeof value !== 'object')
      return writtenText(document, value, `/${key}`)
    const start = { ...placeOf(document, ''), length: 1 }
    if (value === undefined || value === null)
      report(
        errorAt(
          'VALIDATE_MISSING_KEY',
          value === null ? keyPlaceOf(document, `/${key}`) : start,
          `The key '${key}' is ${value === null ? 'empty' : 'missing'}.`,
          { facts: { key } },
        ),
      )
    else
      report(
        errorAt(
          'VALIDATE_WRONG_TYPE',
          placeOf(document, `/${key}`),
          `'${key}' is a list or a mapping; a text was expected.`,
        ),
      )
    return undefined
  }
  const kind = text('kind')
  const name = text('name')
  if (kind !== undefined && !KINDS.includes(kind)) {
    const near = nearest(kind, KINDS)
    report(
      errorAt(
        'VALIDATE_UNKNOWN_KIND',
        placeOf(document, '/kind'),
        `There is no kind '${kind}'; kinds are: ${KINDS.join(', ')}.`,
        { facts: { kind }, hints: near === undefined ? [] : [`Did you mean '${near}'?`] },
      ),
    )
  }
  if (name !== undefined && (!NAME_PATTERN.test(name) || name.length > LONGEST_NAME))
    report(
      errorAt(
        'VALIDATE_NAME',
        placeOf(document, '/name'),
        `'${name}' is no name: letters, digits and _ (not first a digit), at most ${LONGEST_NAME}, were expected.`,
        { facts: { name } },
      ),
    )
  else if (kind !== undefined && name !== undefined && KINDS.includes(kind)) return nodeId(kind, name)
  return undefined
}

/** Ids that differ in case only are the same relation to the engine. */
function isDuplicate(
  id: NodeId,
  document: LoadedDocument,
  seen: Map<string, { readonly id: NodeId; readonly place: Place }>,
  report: (d: Diagnostic) => void,
): boolean {
  const first = seen.get(id.toLowerCase())
  const place = placeOf(document, '/name')
  if (first === undefined) {
    seen.set(id.toLowerCase(), { id, place })
    return false
  }
  const message = first.id === id ? `There are two nodes '${id}'.` : `'${id}' and '${first.id}' differ in case only.`
  report(
    errorAt('VALIDATE_DUPLICATE_NODE', place, message, {
      facts: { id },
      hints: ['Rename one of the two.'],
      notes: [{ message: 'The first one.', place: first.place }],
    }),
  )
  return true
}

function readNode(
  id: NodeId,
  document: LoadedDocument,
  { sql, project }: { readonly sql: Loaded['sql']; readonly project: ProjectSettings },
  report: (d: Diagnostic) => void,
): ValidNode | UnsupportedNode | undefined {
  const kind = id.slice(0, id.indexOf('.'))
  if (kind === 'transform') return readTransform(document, sql, project, report)
  if (refusesTargets(kind, document, report)) return undefined
  const read = kind === 'source' ? readSource(document, report) : { later: undefined }
  if (read === undefined || !('later' in read)) return read
  const [what, place] =
    read.later === undefined
      ? [`Nodes of kind '${kind}' are`, placeOf(document, '/kind')]
      : [`Sources of type '${read.later}' are`, placeOf(document, '/source')]
  report(
    warningAt('VALIDATE_NOT_SUPPORTED_YET', place, `${what} not supported yet; '${id}' is left out.`, {
      facts: { id, kind },
    }),
  )
  return { id, kind, what, place }
}

/** Kinds that only look at outputs, or whose outputs are not written to other databases. */
const WITHOUT_TARGETS: readonly string[] = [
  'aggregation',
  'exposure',
  'metric',
  'profile',
  'rule',
  'second_order_aggregation',
]

/** Whether a node that has nothing to write names a target. */
function refusesTargets(kind: string, document: LoadedDocument, report: (d: Diagnostic) => void): boolean {
  if (!WITHOUT_TARGETS.includes(kind)) return false
  const key = ['materialization', 'materializations'].find((name) => (document.value[name] ?? null) !== null)
  if (key === undefined) return false
  report(
    errorAt(
      'VALIDATE_NO_TARGETS',
      keyPlaceOf(document, `/${key}`),
      `Nodes of kind '${kind}' are written nowhere; here is '${key}'.`,
      {
        facts: { kind, key },
        hints: ['Write the rows with a transform that has the target.'],
      },
    ),
  )
  return true
}
