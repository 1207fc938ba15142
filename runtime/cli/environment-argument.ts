// The name of an environment from the command line, checked. Reports ENVIRONMENT_NAME.

import { RuntimeFailure } from '../contract/failures.ts'
import { type EnvironmentName, environmentName, RESERVED_ENVIRONMENTS } from '../contract/ids.ts'

export function environmentArgument(text: string): EnvironmentName {
  const name = environmentName(text)
  if (name !== undefined) return name
  const reserved = RESERVED_ENVIRONMENTS.includes(text)
  const message = reserved
    ? `'${text}' stands for production and is no name for an environment.`
    : `'${text}' is no name for an environment.`
  const hint =
    'A name is a small letter followed by up to 30 small letters, digits, `_` or `-`, such as dev or my-feature.'
  throw new RuntimeFailure('ENVIRONMENT_NAME', message, { name: text }, { hints: [hint] })
}
