// Every code of an author's mistake with what it means: API, produced by a fixture each. Sorted by pass, then name.

import type { Diagnostic, Place } from '../runtime/contract/diagnostics.ts'

export const DIAGNOSTIC_CODES = {
  BIND_COLUMN_NOT_FOUND: 'A column does not exist.',
  BIND_COLUMN_TYPE: 'A column does not have its declared type.',
  BIND_DECLARED_COLUMN_MISSING: 'A declared column is not in the output.',
  BIND_DUPLICATE_COLUMN: 'Two columns have the same name, ignoring case.',
  BIND_FUNCTION_NOT_FOUND: 'There is no such function.',
  BIND_NOT_ASKED: 'The server that executes could not be asked whether it takes the SQL.',
  BIND_NOT_TRANSLATED: "A query of DuckDB's dialect is not translated to that of the engine.",
  BIND_SOURCE_CHANGED: 'A source no longer has the columns of seeknal.lock.json.',
  BIND_SOURCE_COLUMN_UNREAD: 'A file of a source has a column, or JSON a key, that is not read.',
  BIND_SOURCE_EMPTY: 'There is nothing in the file of a source, not even columns.',
  BIND_SOURCE_NOT_FOUND: 'A source has no data and its columns are not known.',
  BIND_SOURCE_NOT_SPLIT: 'A CSV file is read as one column whose name holds a delimiter.',
  BIND_SOURCE_REFUSED: 'A source finds a file, or a link to one, that is no data of the project.',
  BIND_SOURCE_UNREADABLE: 'The data of a source cannot be read.',
  BIND_SOURCE_UNREACHABLE: 'The columns of a source in a database are not known, and the server cannot be asked.',
  BIND_SQL: 'The engine refuses the SQL, or the server the query of a source.',
  BIND_TARGET_COLUMNS: 'A target cannot hold the columns of an output.',
  BIND_TARGET_SHARED: 'Two targets write one table, and one of them replaces rows of the other.',
  BIND_TARGET_TYPE: 'A target has no type for the values of a column.',
  BIND_TEST_VALUE: 'A value that a test accepts is none of the type of its column.',
  BIND_TYPE_INEXACT: 'An output keeps less of the values of a type, or other values of it.',
  BIND_TYPE_NOT_STORABLE: 'An output cannot hold a type.',
  BIND_UNKNOWN_TYPE: 'A declared type does not exist.',
  GRAPH_CYCLE: 'Nodes read each other in a circle.',
  LOAD_ALIAS_LIMIT: 'YAML aliases expand without end or too far.',
  LOAD_DEPTH: 'Mappings and lists are nested too deeply.',
  LOAD_DUPLICATE_KEY: 'A mapping has the same key twice.',
  LOAD_ENCODING: 'A file is not UTF-8.',
  LOAD_FILE_ENDING: 'A node file does not end with .yml.',
  LOAD_KEY_NOT_TEXT: 'A key of a mapping is a list or a mapping.',
  LOAD_NOT_A_MAPPING: 'A document is not a mapping.',
  LOAD_NO_NODES: 'The project has no nodes.',
  LOAD_NO_PROJECT_FILE: 'There is no seeknal_project.yml.',
  LOAD_NUL: 'A text holds the character NUL.',
  LOAD_PYTHON: 'A file holds nodes in Python, which are not supported yet.',
  LOAD_YAML_SYNTAX: 'A file is not YAML.',
  RESOLVE_INPUT_INDEX: 'The SQL reads an input_N that the node does not have.',
  RESOLVE_NO_QUERY: 'The last statement is not a query whose rows can be the output.',
  RESOLVE_OBJECT_NAME: 'A macro or type is named like one of the engine, or something like what belongs to the run.',
  RESOLVE_PATH: 'A path leaves the project, or names what is no data, once its placeholders are put in.',
  RESOLVE_PLACEHOLDER_ARGUMENTS: 'A function in a placeholder has wrong arguments.',
  RESOLVE_PLACEHOLDER_CYCLE: 'A parameter or snippet stands for itself.',
  RESOLVE_PLACEHOLDER_NOT_ALLOWED:
    'A value stands where it cannot: one of the run where only the project has values, or one that would end the text around it.',
  RESOLVE_PLACEHOLDER_NOT_FOUND: 'A placeholder stands for nothing.',
  RESOLVE_PLACEHOLDER_SYNTAX: 'The text in {{ }} is neither a name nor a function call.',
  RESOLVE_READS_FILE: 'The SQL reads a file; only inputs may be read.',
  RESOLVE_READS_FUNCTION: 'The SQL calls a function that sees or does more than its arguments say.',
  RESOLVE_READS_NO_INPUT: 'The SQL reads a table that is no input.',
  RESOLVE_REF_NOT_FOUND: 'An input names a node that does not exist.',
  RESOLVE_REF_NOT_IN_INPUTS: 'The SQL reads a node that inputs do not list.',
  RESOLVE_REF_NOT_SUPPORTED_YET: 'An input is a node of a kind that is not supported yet.',
  RESOLVE_REF_SYNTAX: 'ref() is not used as a table with one text.',
  RESOLVE_SQL_SYNTAX: 'The engine cannot parse the SQL.',
  RESOLVE_STATEMENT_NOT_ALLOWED: 'A statement changes more than it may.',
  RESOLVE_UNKNOWN_VARIABLE: 'The SQL reads or sets a variable that it may not.',
  REWRITE_NAME_NOT_FOLLOWED: "A query may lead to a table of production's that the environment has of its own.",
  REWRITE_NAME_TAKEN: "A schema of production begins with the environment's prefix.",
  REWRITE_NAME_TOO_LONG:
    "A schema's name is longer than PostgreSQL keeps once the prefix of the environment is before it.",
  VALIDATE_CONFLICT: 'Two keys say the same thing.',
  VALIDATE_DUPLICATE_COLUMN: 'A column is declared twice.',
  VALIDATE_DUPLICATE_NODE: 'Two nodes have the same id.',
  VALIDATE_DUPLICATE_SNIPPET: 'Two snippets have the same name.',
  VALIDATE_EMPTY_SQL: 'A transform has no SQL.',
  VALIDATE_FILE_NOT_FOUND: 'A .sql file that a node names is not in the project.',
  VALIDATE_LOCK_FILE: 'seeknal.lock.json does not have the expected form.',
  VALIDATE_MISSING_KEY: 'A required key is missing or empty.',
  VALIDATE_NAME: 'A name breaks the rule for names.',
  VALIDATE_NOT_SUPPORTED_YET: 'Something that is not built yet is left out.',
  VALIDATE_NO_TARGETS: 'A node of a kind that is written nowhere names a target.',
  VALIDATE_OLD_SPELLING: 'An old spelling that is still understood.',
  VALIDATE_PASSWORD: 'A password stands in the project.',
  VALIDATE_PATH: 'A path leaves the project, or a source names what is no data.',
  VALIDATE_UNKNOWN_KEY: 'A key that is not known is ignored.',
  VALIDATE_UNKNOWN_KIND: 'There is no such kind of node.',
  VALIDATE_UNKNOWN_OPTION: 'The reader or engine has no such option.',
  VALIDATE_UNKNOWN_TEST: 'There is no such test.',
  VALIDATE_WRONG_TYPE: 'A value has the wrong type.',
  VALIDATE_WRONG_VALUE: 'A value is none of those that are allowed.',
} as const satisfies Readonly<Record<string, string>>

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES

/** What a diagnostic may hold besides code, severity, place and message. */
export type DiagnosticDetails = Partial<Pick<Diagnostic, 'facts' | 'hints' | 'notes'>>

const made =
  (severity: Diagnostic['severity']) =>
  (code: DiagnosticCode, place: Place, message: string, details: DiagnosticDetails = {}): Diagnostic => ({
    code,
    severity,
    message,
    facts: details.facts ?? {},
    place,
    hints: details.hints ?? [],
    notes: details.notes ?? [],
  })

/** A diagnostic that stops the compile after this pass. */
export const errorAt = made('error')
/** A diagnostic that stops nothing. */
export const warningAt = made('warning')
