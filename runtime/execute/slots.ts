// A number of places; whoever finds none free waits, first come, first served.

export interface Slots {
  /** Resolves with the function that gives the place back. */
  take(): Promise<() => void>
}

export function slots(count: number): Slots {
  let free = Math.max(1, Math.floor(count))
  const waiting: (() => void)[] = []
  const giveBack = (): void => {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }
  return {
    take: async () => {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      let held = true
      return () => {
        if (held) giveBack()
        held = false
      }
    },
  }
}
