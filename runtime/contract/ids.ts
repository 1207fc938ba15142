// Branded names: strings that must not be mixed up. The functions here are the only place where a brand is cast on.
// Rules: design of environments (names) and of projects (node ids); see FORMAT.md.

declare const brand: unique symbol
type Brand<B extends string> = string & { readonly [brand]: B }

/** `kind.name`, for example `transform.daily_revenue`. Names match `[A-Za-z_][A-Za-z0-9_]*`. */
export type NodeId = Brand<'NodeId'>
/** 64 lower-case hexadecimal digits of a SHA-256. What was hashed is said where the value is stored. */
export type Fingerprint = Brand<'Fingerprint'>
/** Name of a step in a bundle, equal to its file name without `.sql`: `transform.daily_revenue`. */
export type StepId = Brand<'StepId'>
/** `[a-z][a-z0-9_-]{0,30}`, none of the reserved words. Production has no name. */
export type EnvironmentName = Brand<'EnvironmentName'>

export const NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/
export const ENVIRONMENT_PATTERN = /^[a-z][a-z0-9_-]{0,30}$/
export const RESERVED_ENVIRONMENTS: readonly string[] = ['prod', 'production', 'default']

export const nodeId = (kind: string, name: string): NodeId => `${kind}.${name}` as NodeId
/** For text that a schema or an earlier pass has already checked. */
export const asNodeId = (text: string): NodeId => text as NodeId
export const asFingerprint = (hex: string): Fingerprint => hex as Fingerprint
export const asStepId = (text: string): StepId => text as StepId

/** The name as an environment name, or undefined when it breaks the rule or is reserved. */
export function environmentName(text: string): EnvironmentName | undefined {
  return ENVIRONMENT_PATTERN.test(text) && !RESERVED_ENVIRONMENTS.includes(text) ? (text as EnvironmentName) : undefined
}

/** What an environment puts before a schema name: `dev` → `dev_`, `my-env` → `my_env_`; production → ''. */
export const namespacePrefix = (environment: EnvironmentName | null): string =>
  environment === null ? '' : `${environment.replaceAll('-', '_')}_`

/** File name of a node's output without its ending: `transform.orders` → `transform_orders`. */
export const outputStem = (id: NodeId): string => id.replace('.', '_')
