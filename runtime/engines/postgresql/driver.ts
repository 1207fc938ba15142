// The driver: PostgreSQL's wire protocol in JavaScript. Loaded when a connection is needed. All values stay the text that
// the server sends: numbers keep their digits, dates their day.

import pg from 'pg'

export { from as copyFrom, to as copyTo } from 'pg-copy-streams'

const { Client, DatabaseError } = pg

export { Client, DatabaseError }
export type Client = pg.Client
export type ClientConfig = pg.ClientConfig
export type QueryResult<R extends pg.QueryResultRow> = pg.QueryResult<R>

const asText = (text: string): string => text

/** For `types` of a client. */
export const TEXT_VALUES: pg.CustomTypesConfig = { getTypeParser: () => asText }
