// SQL of a person, and of commands that compare outputs, as the engines answer it: read-only, in the engine's own dialect.
// Each engine has one in query-session.ts. All throw STATEMENT_REFUSED and QUERY_FAILED (message as the engine words it).

export interface QueryColumn {
  readonly name: string
  /** As the engine spells it. */
  readonly type: string
  readonly numeric: boolean
}

/** Some rows of an answer, in one form or the other. */
export interface RowChunk {
  /** As text that loses nothing; null for NULL. */
  readonly text: () => readonly (readonly (string | null)[])[]
  /** As JSON values. */
  readonly json: () => readonly (readonly unknown[])[]
}

/** An answer that is read while it is made: it need not fit into memory. */
export interface QueryStream {
  readonly columns: readonly QueryColumn[]
  readonly chunks: AsyncIterable<RowChunk>
  /** There were more rows than the limit. Known when all chunks have been read. */
  readonly isTruncated: () => boolean
}

export interface QueryAnswer {
  readonly columns: readonly QueryColumn[]
  readonly rows: readonly (readonly (string | null)[])[]
  /** The same rows as JSON values. */
  readonly json: readonly (readonly unknown[])[]
  readonly truncated: boolean
}

export interface SqlSession {
  /** Types, as the engine spells them, whose columns may tell rows apart. */
  readonly keyTypes: RegExp
  /** `duckdb v1.5.6`, `postgresql 18.4`. */
  version(): Promise<string>
  /** Runs one statement, without its semicolon, and reads at most `limit` rows. */
  run(sql: string, limit: number): Promise<QueryAnswer>
  /** The same, chunk by chunk. The next statement may run when all chunks have been read. */
  stream(sql: string, limit: number): Promise<QueryStream>
  /** Writes at most so many rows of one SELECT to a Parquet file below the scratch directory. */
  exportParquet(sql: string, limit: number, file: string): Promise<void>
  /** Types of a relation's columns, by name, where the engine has others than a manifest names. */
  typesOf(relation: string): Promise<ReadonlyMap<string, string>>
  /** Stops the statement that runs, in the engine too. */
  interrupt(): void
  /** Never fails. */
  close(): Promise<void>
}

/** The whole of a stream. */
export async function answerOf({ columns, chunks, isTruncated }: QueryStream): Promise<QueryAnswer> {
  const rows: (readonly (string | null)[])[] = []
  const json: (readonly unknown[])[] = []
  for await (const chunk of chunks) {
    rows.push(...chunk.text())
    json.push(...chunk.json())
  }
  return { columns, rows, json, truncated: isTruncated() }
}
