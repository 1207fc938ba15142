// diff.json: what changed between the base manifest and this one, why, and what it touches. Described in FORMAT.md.

import Type, { type Static } from 'typebox'
import { NodeIdText } from './manifest.ts'

const strict = { additionalProperties: false } as const

export const Category = Type.Union([Type.Literal('breaking'), Type.Literal('non_breaking'), Type.Literal('metadata')])
export type Category = Static<typeof Category>

/** One reason of a category. `code` is API (`COLUMN_REMOVED`, `FILTER_OR_ROWS_CHANGED`…), `text` is the sentence. */
export const Reason = Type.Object(
  { code: Type.String(), text: Type.String(), category: Category, column: Type.Optional(Type.String()) },
  strict,
)
export type Reason = Static<typeof Reason>

/** A node's own change. What reaches a node from upstream is in `execute`, never here. */
export const Change = Type.Object(
  {
    node: NodeIdText,
    change: Type.Union([Type.Literal('added'), Type.Literal('removed'), Type.Literal('modified')]),
    category: Category,
    reasons: Type.Array(Reason),
    columns_added: Type.Array(Type.String()),
    columns_removed: Type.Array(Type.String()),
    columns_retyped: Type.Array(Type.String()),
    /** Columns whose values may differ, sorted; null: not known, any. */
    columns_changed: Type.Union([Type.Array(Type.String()), Type.Null()]),
    /** Nodes downstream that must execute because of it, in graph order. */
    affects: Type.Array(NodeIdText),
  },
  strict,
)
export type Change = Static<typeof Change>

/** A node that must execute. `because`: its own change, inputs whose read columns changed, or a missing output. */
export const Execution = Type.Object(
  {
    node: NodeIdText,
    own: Type.Boolean(),
    /** Inputs of which a column that this node reads is affected. */
    inputs: Type.Array(NodeIdText),
    text: Type.String(),
    /** Only decided after execution of a node whose rows are no function of its inputs. */
    maybe: Type.Boolean(),
  },
  strict,
)
export type Execution = Static<typeof Execution>

export const Diff = Type.Object(
  {
    format: Type.Literal('seeknal.diff/1'),
    /** False: there is no production yet and everything is new. */
    has_base: Type.Boolean(),
    changes: Type.Array(Change),
    execute: Type.Array(Execution),
    /** Nodes whose checks are new or others and that do not execute for it, in graph order; absent: none. */
    check: Type.Optional(Type.Array(NodeIdText, { minItems: 1 })),
    summary: Type.Object(
      {
        breaking: Type.Number(),
        non_breaking: Type.Number(),
        metadata: Type.Number(),
        added: Type.Number(),
        removed: Type.Number(),
        execute: Type.Number(),
      },
      strict,
    ),
  },
  strict,
)
export type Diff = Static<typeof Diff>
