// kind: source, and the options of the readers of files. An option that is not listed here reaches no reader.

import Type, { type TSchema } from 'typebox'
import type { CONNECTION_FIELD_NAMES } from '../load/withheld.ts'
import { Columns, JsonObject, nodeFields, strict, text } from './common.ts'

export const FILE_FORMATS = ['csv', 'parquet', 'json'] as const
export type FileFormat = (typeof FILE_FORMATS)[number]

/** `source:` → the reader's format. */
export const SOURCE_FORMATS: Readonly<Record<string, FileFormat>> = {
  csv: 'csv',
  parquet: 'parquet',
  json: 'json',
  jsonl: 'json',
}

/** `source:` → the kind of database that is asked. */
export const DATABASE_TYPES: Readonly<Record<string, 'postgresql'>> = {
  postgresql: 'postgresql',
  postgres: 'postgresql',
}

/** Source types of existing projects that are not built yet. */
export const LATER_SOURCE_TYPES: readonly string[] = [
  'iceberg',
  'sqlite',
  'excel',
  'hive',
  'starrocks',
  'bigquery',
  'snowflake',
  'redshift',
]

const string = Type.Optional(Type.String())
const number = Type.Optional(Type.Number({ minimum: 0 }))
const boolean = Type.Optional(Type.Boolean())
const strings = Type.Optional(Type.Array(Type.String()))
const stringOrStrings = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]))
const types = Type.Optional(Type.Record(Type.String(), Type.String()))

/** Of every reader. `columns` and `schema` declare columns, like the fields of the node. */
const anyFile = {
  path: text('A file or glob, relative to the project; the same as table.'),
  columns: Type.Optional(Columns),
  schema: Type.Optional(Columns),
  compression: string,
  filename: boolean,
  hive_partitioning: boolean,
  hive_types: types,
  hive_types_autocast: boolean,
  union_by_name: boolean,
}

/** Of readers of text. */
const textFile = {
  dateformat: string,
  date_format: string,
  timestampformat: string,
  timestamp_format: string,
  ignore_errors: boolean,
  sample_size: Type.Optional(Type.Number({ minimum: -1 })),
}

const CsvOptions = Type.Object(
  {
    ...anyFile,
    ...textFile,
    all_varchar: boolean,
    allow_quoted_nulls: boolean,
    auto_detect: boolean,
    auto_type_candidates: strings,
    column_names: strings,
    column_types: types,
    comment: string,
    decimal_separator: string,
    delim: string,
    delimiter: string,
    dtypes: types,
    encoding: string,
    escape: string,
    files_to_sniff: number,
    force_not_null: strings,
    header: boolean,
    max_line_size: number,
    maximum_line_size: number,
    names: strings,
    new_line: string,
    normalize_names: boolean,
    null_padding: boolean,
    nullstr: stringOrStrings,
    quote: string,
    sep: string,
    skip: number,
    strict_mode: boolean,
    thousands: string,
    types,
  },
  strict,
)

const ParquetOptions = Type.Object({ ...anyFile, binary_as_string: boolean, file_row_number: boolean }, strict)

const JsonOptions = Type.Object(
  {
    ...anyFile,
    ...textFile,
    auto_detect: boolean,
    convert_strings_to_integers: boolean,
    field_appearance_threshold: number,
    format: Type.Optional(Type.Enum(['auto', 'newline', 'newline_delimited', 'array', 'unstructured'])),
    map_inference_threshold: Type.Optional(Type.Number({ minimum: -1 })),
    maximum_depth: Type.Optional(Type.Number({ minimum: -1 })),
    maximum_object_size: number,
    maximum_sample_files: number,
    records: Type.Optional(Type.Enum(['auto', 'true', 'false'])),
  },
  strict,
)

export const READER_OPTIONS: Readonly<Record<FileFormat, TSchema>> = {
  csv: CsvOptions,
  parquet: ParquetOptions,
  json: JsonOptions,
}

const fieldOf = (description: string) =>
  Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean()], { description }))

/** Where the server is, of a source that says it itself; each goes before the same field of a connection. */
export const CONNECTION_FIELDS: Readonly<Record<(typeof CONNECTION_FIELD_NAMES)[number], ReturnType<typeof fieldOf>>> =
  {
    host: fieldOf('Where the server is; before that of the connection, as every field here.'),
    port: fieldOf('Its port.'),
    database: fieldOf('The database.'),
    user: fieldOf('Who connects.'),
    password: fieldOf('Better in a profile, or a variable: {{ env.NAME }}.'),
    sslmode: fieldOf('disable, allow, prefer, require, verify-ca or verify-full.'),
    connect_timeout: fieldOf('Seconds.'),
    keepalives: fieldOf('Whether a silent connection is kept.'),
    keepalives_idle: fieldOf('Seconds.'),
    keepalives_interval: fieldOf('Has no effect: the operating system decides.'),
    keepalives_count: fieldOf('Has no effect: the operating system decides.'),
  }

/** Of a source in PostgreSQL: what to read may stand here or in the node, and where the server is. */
export const PostgresqlOptions = Type.Object(
  {
    connection: text('Name of a connection of the profile.'),
    table: text('schema.table; names as in SQL, quoted where letter case matters.'),
    schema: text('Schema of a table that is named without one.'),
    query: text("One SELECT in PostgreSQL's own SQL; it goes before the table."),
    ...CONNECTION_FIELDS,
  },
  strict,
)

/** How far a source that only grows is read again. */
export const DatabaseFreshness = Type.Object(
  {
    time_column: text(
      'Column that says when a row was added or changed: only rows from the last one on are read again.',
    ),
    lookback: Type.Optional(
      Type.Union([Type.String(), Type.Number({ minimum: 0 })], { description: "Read so much more: '2h', '3d', days." }),
    ),
    warn_after: Type.Optional(JsonObject),
    error_after: Type.Optional(JsonObject),
  },
  strict,
)

/** Other spellings of an option → the reader's. */
export const OPTION_ALIASES: Readonly<Record<string, string>> = {
  column_names: 'names',
  column_types: 'types',
  date_format: 'dateformat',
  delimiter: 'delim',
  dtypes: 'types',
  maximum_line_size: 'max_line_size',
  sep: 'delim',
  timestamp_format: 'timestampformat',
}

export const Source = Type.Object(
  {
    kind: Type.Literal('source'),
    ...nodeFields,
    source: Type.Enum([...Object.keys(SOURCE_FORMATS), ...Object.keys(DATABASE_TYPES), ...LATER_SOURCE_TYPES], {
      description: 'What is read.',
    }),
    table: text('A file or glob, relative to the project; of a database schema.table.'),
    query: text("Databases: one SELECT in the database's own SQL; it goes before the table."),
    connection: text('Name of a connection of the profile.'),
  },
  strict,
)
