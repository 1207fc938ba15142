// A statement → its answer, as it comes: columns with the server's types, and rows as text and as JSON.

import type { QueryStream, RowChunk } from '../../query.ts'
import type { Client } from './driver.ts'
import { Portal, type PortalRow } from './portal.ts'
import { cellJson, cellText, isNumeric, type TypeNames, typeSpelled } from './result-cells.ts'

export interface PortalAnswer {
  readonly portal: Portal
  /** Throws what the driver throws, also while the chunks are read. */
  readonly stream: Promise<QueryStream>
}

/** At most `limit` rows; infinite: all, and then the server may work in parallel. */
export function portalAnswer(client: Client, types: TypeNames, sql: string, limit: number): PortalAnswer {
  const portal = new Portal(sql, Number.isFinite(limit) ? limit + 1 : 0)
  client.query(portal)
  return { portal, stream: streamOf(portal, types, limit) }
}

async function streamOf(portal: Portal, types: TypeNames, limit: number): Promise<QueryStream> {
  const columns = (await portal.fields).map(({ name, dataTypeID, dataTypeModifier }) => {
    const type = typeSpelled(types, dataTypeID, dataTypeModifier)
    return { name, type, numeric: isNumeric(type) }
  })
  let truncated = false
  async function* chunks(): AsyncGenerator<RowChunk> {
    let left = limit
    for await (const all of portal.rows()) {
      const rows = all.slice(0, left)
      truncated ||= rows.length < all.length
      left -= rows.length
      yield chunkOf(rows, columns)
    }
  }
  return { columns, chunks: chunks(), isTruncated: () => truncated }
}

const chunkOf = (rows: readonly PortalRow[], columns: readonly { readonly type: string }[]): RowChunk => ({
  text: () => rows.map((row) => row.map((value, i) => cellText(value, columns[i]?.type ?? ''))),
  json: () => rows.map((row) => row.map((value, i) => cellJson(value, columns[i]?.type ?? ''))),
})
