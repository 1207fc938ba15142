// What must not stay behind when the process is told to end before its work is done: locks that it holds, folders that
// only it uses. Whoever makes such a thing says here how to take it away. Nothing here waits.

import { RuntimeFailure } from '../contract/failures.ts'

const pending = new Set<() => void>()

/** Runs `cleanUp` when the process ends early. Gives how to forget it, for when the thing is gone. */
export function onLeaving(cleanUp: () => void): () => void {
  pending.add(cleanUp)
  return () => {
    pending.delete(cleanUp)
  }
}

/** Takes away what is left, newest first; what cannot be removed now, the next writer removes. */
export function takeAwayWhatIsLeft(): void {
  for (const cleanUp of [...pending].reverse()) {
    try {
      cleanUp()
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
    }
  }
  pending.clear()
}
