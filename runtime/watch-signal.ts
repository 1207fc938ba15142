// A signal that ends a command → interrupts of the engine: at once, and again while statements still start, since an
// interrupt that comes just before a statement does nothing.

const INTERRUPT_AGAIN_MS = 100

/** Interrupts the engine when the signal says so. Gives back how to stop watching. */
export function watchSignal(signal: AbortSignal | undefined, engine: { interrupt(): void }): () => void {
  let timer: NodeJS.Timeout | undefined
  const interrupt = (): void => {
    engine.interrupt()
    timer ??= setInterval(() => engine.interrupt(), INTERRUPT_AGAIN_MS)
  }
  signal?.addEventListener('abort', interrupt)
  return () => {
    signal?.removeEventListener('abort', interrupt)
    clearInterval(timer)
  }
}
