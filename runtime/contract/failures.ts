// The three things that may go wrong besides an author's mistake (which is a Diagnostic value, never thrown).
// `cli/` turns a code into words and an exit code; nothing else is thrown anywhere.

/** Codes of failures of the world: API, listed once. The number is the exit code of a command that ends so. */
export const FAILURES = {
  ENVIRONMENT_NAME: 2,
  ENVIRONMENT_NOT_FOUND: 2,
  ENVIRONMENT_NOT_APPLIED: 2,
  ENVIRONMENT_READ_ELSEWHERE: 2,
  PROJECT_NOT_FOUND: 2,
  PROJECT_EXISTS: 2,
  PROJECT_INVALID: 2,
  USAGE: 2,
  NODE_NOT_FOUND: 2,
  BUNDLE_NOT_FOUND: 2,
  BUNDLE_INVALID: 2,
  BUNDLE_DIGEST_MISMATCH: 2,
  BUNDLE_UNSUPPORTED: 2,
  BUNDLE_DIFFERS: 1,
  STATE_INVALID: 2,
  STATE_STALE: 2,
  STATE_LOCKED: 3,
  STATE_MOVED: 3,
  STATE_NOT_FOUND: 2,
  STATE_IO: 1,
  PROFILE_NOT_FOUND: 2,
  PROFILE_INVALID: 2,
  CONNECTION_FAILED: 1,
  STATEMENT_REFUSED: 2,
  SOURCE_CHANGED_WHILE_READ: 1,
  SOURCE_NOT_FOUND: 1,
  SOURCE_DIFFERS: 1,
  STEP_FAILED: 1,
  OUTPUT_NOT_STORABLE: 1,
  OUTPUT_DIFFERS: 1,
  CHECK_FAILED: 1,
  TARGET_FAILED: 1,
  QUERY_FAILED: 1,
  INTERRUPTED: 130,
} as const

export type FailureCode = keyof typeof FAILURES

/** A failure of the world: a full disk, a lock, an engine's message. `facts` never hold a secret. */
export class RuntimeFailure extends Error {
  readonly code: FailureCode
  readonly facts: Readonly<Record<string, unknown>>
  /** What the user can do next, one sentence or command a line. */
  readonly hints: readonly string[]

  constructor(
    code: FailureCode,
    message: string,
    facts: Readonly<Record<string, unknown>> = {},
    options: { readonly cause?: unknown; readonly hints?: readonly string[] } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'RuntimeFailure'
    this.code = code
    this.facts = facts
    this.hints = options.hints ?? []
  }
}

/** A mistake of ours: exit code 70 and a request to report it. */
export class Bug extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options)
    this.name = 'Bug'
  }
}

/** Closes a `switch` over a union. */
export function assertNever(value: never): never {
  throw new Bug(`unexpected case: ${JSON.stringify(value)}`)
}

/** The text of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
