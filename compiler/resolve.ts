// Typed nodes → nodes whose parameters, snippets and refs are resolved: SQL in production's spelling (`kind.name`),
// run parameters as variables, statements split and classified, every relation that is read known to be an input.
// Formatting and comments survive (splice by source position). Reports RESOLVE_*.

import type { Diagnostic } from '../runtime/contract/diagnostics.ts'
import type { NodeId } from '../runtime/contract/ids.ts'
import type { StatementKind } from './ports.ts'
import type { PlacedText, SourceNode, TransformNode, Validated } from './validate.ts'
import type { SplicedText } from './sql/spliced-text.ts'

/** An identifier path in the resolved SQL that names another node: where the environment's prefix may go. */
export interface RelationUse {
  readonly node: NodeId
  /** Offset of the schema identifier in `ResolvedSql.text`, in UTF-16 code units. */
  readonly start: number
  /** Length of the schema identifier as spelled there (with quotes, if quoted). */
  readonly schemaLength: number
}

/** No tree: a pass that needs one parses the resolved text itself, all nodes in one batch, when its own cache has nothing. */
export interface Statement {
  readonly kind: StatementKind
  /** Half-open range in `ResolvedSql.text`, without the semicolon and without leading or trailing space and comments. */
  readonly start: number
  readonly end: number
}

export interface ResolvedSql {
  /** Production's spelling. */
  readonly text: string
  /** From `text` back to the author's text. */
  readonly spliced: readonly SplicedText[]
  readonly author: PlacedText
  readonly statements: readonly Statement[]
  readonly uses: readonly RelationUse[]
}

interface ResolvedCommon {
  readonly id: NodeId
  /** In the order of the YAML, repetitions dropped. */
  readonly inputs: readonly NodeId[]
  /** Names of run parameters that it reads, sorted: `run_date`, `env.NAME`… */
  readonly parameters: readonly string[]
}

export interface ResolvedSource extends ResolvedCommon {
  readonly node: SourceNode
  /** Path as written, with run parameters as `{{ name }}` only. */
  readonly path: string
  readonly options: Readonly<Record<string, unknown>>
}

export interface ResolvedTransform extends ResolvedCommon {
  readonly node: TransformNode
  readonly sql: ResolvedSql
}

export type ResolvedNode = ResolvedSource | ResolvedTransform

export const isTransform = (n: ResolvedNode): n is ResolvedTransform => n.node.kind === 'transform'

export interface Resolved {
  readonly project: Validated['project']
  /** Sorted by id. */
  readonly nodes: readonly ResolvedNode[]
  readonly lock: Validated['lock']
  readonly diagnostics: readonly Diagnostic[]
}
