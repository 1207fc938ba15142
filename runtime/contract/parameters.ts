// Names of the run's parameters as a bundle requires them: `run_date`, `start_date`, `env.REGION`, and `env.REGION|north`
// for an environment variable with a default. The name is also the name of the SQL variable.

/** The value of a required parameter: given by its name without the default, else the default, else undefined. Pure. */
export function parameterValue(name: string, given: Readonly<Record<string, string>>): string | undefined {
  const bar = name.indexOf('|')
  const plain = bar < 0 ? name : name.slice(0, bar)
  if (Object.hasOwn(given, plain)) return given[plain]
  return bar < 0 ? undefined : name.slice(bar + 1)
}

/** The environment variable that a parameter names, or undefined when it is none. Pure. */
export const environmentVariable = (name: string): string | undefined => /^env\.([^|]*)/.exec(name)?.[1]
