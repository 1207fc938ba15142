// Generated projects: chains, stars and layered graphs of any size over CSV files of any size. The same arguments give
// the same project on every machine.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type Random, seeded } from '../support/random.ts'
import { writeFiles } from '../support/temp.ts'

export const SHAPES = ['chain', 'star', 'layers'] as const
/** `pipeline` is `layers` whose later two thirds aggregate, as projects over large sources do. */
export type Shape = (typeof SHAPES)[number] | 'pipeline'

export interface ProjectSize {
  readonly shape: Shape
  /** Sources and transforms together. */
  readonly nodes: number
  /** Rows of each CSV file. */
  readonly rows: number
  readonly sources: number
}

interface GeneratedNode {
  readonly id: string
  readonly aggregates: boolean
  readonly inputs: readonly string[]
}

/** A transform whose edit changes values that its readers read: what the one-change measurements edit. */
export const editedFile = (size: ProjectSize): string =>
  `seeknal/transforms/t${Math.ceil((size.sources + size.nodes) / 2)}.yml`

/** Changes one expression of the file's SQL; calling it again changes it again. */
export const editSql = (text: string): string =>
  text.replace(/\* (\d+) AS weighted/, (_, factor) => `* ${Number(factor) + 1} AS weighted`)

/** Writes the project below `folder`. */
export async function generateProject(folder: string, size: ProjectSize): Promise<void> {
  const files: Record<string, string> = { 'seeknal_project.yml': 'name: bench\nversion: "1.0.0"\n' }
  for (let n = 0; n < size.sources; n++) files[`seeknal/sources/s${n}.yml`] = sourceYaml(n)
  for (const node of transforms(size)) files[`seeknal/transforms/${node.id.slice(10)}.yml`] = transformYaml(node)
  writeFiles(folder, files)
  await writeCsvFiles(folder, size)
}

/** The transforms of a shape, inputs first. */
function transforms({ shape, nodes, sources }: ProjectSize): GeneratedNode[] {
  const random = seeded(nodes)
  const ids = Array.from({ length: nodes }, (_, i) => (i < sources ? `source.s${i}` : `transform.t${i}`))
  return ids.slice(sources).map((id, i) => ({
    id,
    aggregates: shape === 'pipeline' && i >= (nodes - sources) / 3,
    inputs: inputsOf(shape, ids, sources + i, sources, random),
  }))
}

function inputsOf(shape: Shape, ids: readonly string[], at: number, sources: number, random: Random): string[] {
  const id = (index: number): string => ids[index] ?? ''
  if (shape === 'chain') return [id(Math.max(at - 1, 0))]
  if (shape === 'star') return [id(at % sources)]
  const width = Math.max(sources, Math.ceil(ids.length / 12))
  const layer = Math.floor((at - sources) / width)
  const low = layer === 0 ? 0 : sources + (layer - 1) * width
  const high = layer === 0 ? sources - 1 : low + width - 1
  const chosen = [random.between(low, high), random.between(low, high)]
  return [...new Set(chosen)].map(id)
}

const sourceYaml = (n: number): string => `kind: source
name: s${n}
description: "Orders of region ${n}"
tags: [raw]
source: csv
table: "data/s${n}.csv"
columns:
  order_id: BIGINT
  customer_id: INTEGER
  category: VARCHAR
  ordered_on: DATE
  quantity: INTEGER
  amount: DECIMAL(12, 2)
`

function transformYaml({ id, inputs, aggregates }: GeneratedNode): string {
  const number = Number(id.slice(11))
  const [first, second] = inputs
  const join = second === undefined ? '' : `\n    JOIN ref('${second}') AS b ON b.order_id = a.order_id`
  const other = second === undefined ? 'a.amount' : 'GREATEST(a.amount, b.amount)'
  return `kind: transform
name: ${id.slice(10)}
description: "Step ${number} of the generated project"
owner: bench
tags: [generated]
inputs:
${inputs.map((input) => `  - ref: ${input}`).join('\n')}
transform: |
  -- Keeps the shape of its input, so that steps can be put behind each other.
  WITH prepared AS (
    SELECT
      a.order_id,
      a.customer_id,
      UPPER(TRIM(a.category)) AS category,
      a.ordered_on,
      CASE WHEN a.quantity < 0 THEN 0 ELSE a.quantity END AS quantity,
      CAST(${other} AS DECIMAL(12, 2)) AS amount,
      a.quantity * ${(number % 7) + 1} AS weighted
    FROM ref('${first}') AS a${join}
    WHERE a.amount IS NOT NULL
  )
${aggregates ? AGGREGATE : KEEP}`
}

const KEEP = `  SELECT order_id, customer_id, category, ordered_on, weighted % 50 AS quantity, amount
  FROM prepared
`
const AGGREGATE = `  SELECT
    MIN(order_id) AS order_id,
    customer_id,
    category,
    MAX(ordered_on) AS ordered_on,
    CAST(SUM(weighted) % 50 AS INTEGER) AS quantity,
    CAST(SUM(amount) AS DECIMAL(12, 2)) AS amount
  FROM prepared
  GROUP BY customer_id, category
`

async function writeCsvFiles(folder: string, { rows, sources }: ProjectSize): Promise<void> {
  mkdirSync(join(folder, 'data'), { recursive: true })
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  for (let n = 0; n < sources; n++) {
    // Knuth's multiplicative hash instead of random(): the same rows whatever the number of threads.
    await connection.run(`COPY (
      SELECT
        i AS order_id,
        (i * 2654435761 + ${n}) % 50021 AS customer_id,
        ['lamps', 'chairs', ' Tables', 'storage', 'textiles'][1 + (i * 40503) % 5] AS category,
        DATE '2024-01-01' + CAST((i * 7919) % 730 AS INTEGER) AS ordered_on,
        (i * 31) % 9 - 1 AS quantity,
        CAST(((i * 48271) % 100000) / 100 AS DECIMAL(12, 2)) AS amount
      FROM range(${rows}) AS t(i)
    ) TO '${join(folder, 'data', `s${n}.csv`)}' (HEADER)`)
  }
  connection.closeSync()
}
