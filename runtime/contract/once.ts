// A value that is made when it is first asked for.

/** What `make` gives, which is called at most once: what it throws it throws each time. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
